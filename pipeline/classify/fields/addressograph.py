"""Find a patient card without labels on a page, as an addressograph stamps it: name, record number and birth
date, one below the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pipeline.classify.fields import name_parsing
from pipeline.classify.fields.date_parsing import find_dates
from pipeline.classify.fields.identifiers import find_identifier
from pipeline.classify.fields.labels import Label
from pipeline.classify.fields.page_zones import is_facility
from pipeline.classify.page_layout import Cell, Layout
from pipeline.records import Word

CARD_HEIGHT_SHARE = 0.45
"""The part of a page, from the top, where a card is stamped or printed."""

MAX_LEFT_OFFSET_LINES = 1.5
"""Line heights by which the left edges of a card's lines may differ."""

MAX_LINE_GAP_LINES = 1.6
"""Line heights between two lines of a card."""

MIN_CARD_LINES = 3
MAX_CELL_GAP_LINES = 6.0
"""Line heights between two cells of one line of a card."""

SEX_LETTERS = ("M", "F", "Male", "Female", "MALE", "FEMALE")
MAX_CARD_LINE_WORDS = 7
"""Words of a card's longest line; a longer line is running text."""

RECORD_NUMBER = re.compile(r"(?:MRN?)?-?\d[\d-]{3,10}\d")
"""A record number on a card. A number that begins with another letter may be an account, a license or a
passport.
"""

MIN_NUMBER_DIGITS = 5
"""Digits of the shortest number on a card; an age or a room number has fewer."""


@dataclass(frozen=True, slots=True)
class CardValue:
    """A value on a card: its field, normalized value, words and row."""

    field: str
    value: str
    words: tuple[Word, ...]
    row: int


def find_card_values(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[CardValue]:
    """Yield the values of the cards of a page. A block of lines without labels is a card if it has exactly
    one person, a record number, and a birth date.

    A card with two numbers does not tell which of them is the record number.
    """
    earliest = min(
        (
            parsed.value.isoformat()
            for row in _upper_rows(layout)
            for cell in row
            for parsed in find_dates(cell.words)
        ),
        default="",
    )
    for block in _blocks(layout, labels):
        names = [(line, name) for line in block if (name := _patient_name(line))]
        dates = [(line, day) for line in block for day in find_dates(line.words, birth=True)]
        numbers = [(line, number) for line in block for number in _card_numbers(line)]
        if len({name_parsing.natural_name_order(name) for _, name in names}) != 1 or not dates or not numbers:
            continue
        dob_line, dob = min(dates, key=lambda pair: pair[1].value)
        if dob.value.isoformat() > earliest:
            continue  # it is the date of a visit
        name_line, name = names[0]
        yield CardValue("patient_name", name_parsing.natural_name_order(name), name, name_line.row)
        yield CardValue("dob", dob.value.isoformat(), dob.words, dob_line.row)
        mrn_line, (mrn, words) = numbers[0]
        if len({number for _, (number, _) in numbers}) == 1 and RECORD_NUMBER.fullmatch(mrn):
            yield CardValue("mrn", mrn, words, mrn_line.row)


def _blocks(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[Sequence[Cell]]:
    """Yield columns of short lines without labels, each right below the one before. A line is a cell with
    the cells close to its right.
    """
    blocks: list[list[Cell]] = []
    for index, row in enumerate(_upper_rows(layout)):
        for line in _unlabeled_lines(row, labels.get(index, ()), layout.line_height):
            above = next((block for block in blocks if _continues(block[-1], line, layout.line_height)), None)
            if above is None:
                blocks.append([line])
            else:
                above.append(line)
    yield from (block for block in blocks if len(block) >= MIN_CARD_LINES)


def _unlabeled_lines(row: Sequence[Cell], labels: Sequence[Label], line_height: float) -> Iterator[Cell]:
    """Yield the short lines of a row in which no label begins."""
    starts = {label.first for label in labels}
    value_starts = {label.end for label in labels if label.field != "other" or label.colon}
    line: Cell | None = None
    end = 0
    for cell in row:
        start, end = end, end + len(cell.words)
        has_label = start in value_starts or any(start <= first < end for first in starts)
        if line is not None and (has_label or cell.box[0] - line.box[2] > MAX_CELL_GAP_LINES * line_height):
            yield line
            line = None
        if has_label or len(cell.words) > MAX_CARD_LINE_WORDS:
            line = None
        else:
            line = cell if line is None else Cell(words=(*line.words, *cell.words), row=cell.row)
    if line is not None:
        yield line


def _upper_rows(layout: Layout) -> Sequence[Sequence[Cell]]:
    return list(takewhile(lambda row: row[0].box[1] <= CARD_HEIGHT_SHARE * layout.height, layout.rows))


def _continues(above: Cell, cell: Cell, line_height: float) -> bool:
    """Return whether the cell is the next line of the block that ends in `above`."""
    left, top, _, _ = cell.box
    return (
        abs(above.box[0] - left) <= MAX_LEFT_OFFSET_LINES * line_height
        and top > above.box[1]
        and top - above.box[3] <= MAX_LINE_GAP_LINES * line_height
    )


def _patient_name(line: Cell) -> tuple[Word, ...]:
    """Return the words of the name with which the line begins, if it is not a clinician's or a facility's.
    Only numbers, the age and the sex may follow.
    """
    name = name_parsing.name_words(line.words)
    rest = line.words[len(name) :]
    is_clinician = name_parsing.credential_follows(line.words, name) or name_parsing.is_clinician(line.words)
    if not name_parsing.is_name(name) or is_clinician or is_facility(line.text):
        return ()
    if name_parsing.is_town(name, rest):
        return ()
    if any(not any(c.isdigit() for c in word.text) and word.text not in SEX_LETTERS for word in rest):
        return ()
    return name


def _card_numbers(line: Cell) -> Iterator[tuple[str, tuple[Word, ...]]]:
    """Yield the numbers of a line with their words: record, account and license numbers. A number in an
    address is none.
    """
    has_words = any(
        not any(c.isdigit() for c in word.text) and word.text not in SEX_LETTERS for word in line.words
    )
    if has_words and not _patient_name(line):
        return
    dated = {id(word) for day in find_dates(line.words) for word in day.words}
    index = 0
    while index < len(line.words):
        word = line.words[index]
        found = (
            find_identifier(line.words[index : index + 4]) if any(c.isdigit() for c in word.text) else None
        )
        if found and id(word) not in dated and sum(c.isdigit() for c in found[0]) >= MIN_NUMBER_DIGITS:
            yield found
            index += len(found[1])
        else:
            index += 1
