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
from pipeline.classify.page_layout import Cell, Layout
from pipeline.records import Word

CARD_HEIGHT_SHARE = 0.45
"""The part of a page, from the top, where a card is stamped or printed."""

MAX_LEFT_OFFSET_LINES = 1.5
"""Line heights by which the left edges of a card's lines may differ."""

MAX_LINE_GAP_LINES = 1.6
"""Line heights between two lines of a card."""

MIN_CARD_LINES = 3
MAX_CARD_LINE_WORDS = 7
"""Words of a card's longest line; a longer line is running text."""

RECORD_NUMBER = re.compile(r"\d[\d-]{3,10}\d")
"""A record number on a card; an age or a room number has fewer digits."""


@dataclass(frozen=True, slots=True)
class CardValue:
    """A value on a card: its field, normalized value, words and row."""

    field: str
    value: str
    words: tuple[Word, ...]
    row: int


def find_card_values(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[CardValue]:
    """Yield the values of the cards of a page. A block of lines without labels is a card if it has exactly
    one person, exactly one record number, and a birth date.
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
        names = [(cell, name) for cell in block if (name := _patient_name(cell))]
        dates = [(cell, day) for cell in block if (day := _birth_date(cell))]
        numbers = [(cell, number) for cell in block if (number := _record_number(cell))]
        if len(names) != 1 or not dates or len(numbers) != 1:
            continue
        dob_cell, dob = min(dates, key=lambda pair: pair[1])
        if dob > earliest:
            continue  # it is the date of a visit
        name_cell, name = names[0]
        mrn_cell, mrn = numbers[0]
        yield CardValue("patient_name", name_parsing.natural_name_order(name), name, name_cell.row)
        yield CardValue("dob", dob, dob_cell.words, dob_cell.row)
        yield CardValue("mrn", mrn, mrn_cell.words, mrn_cell.row)


def _blocks(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[Sequence[Cell]]:
    """Yield columns of short cells without labels, each right below the one before."""
    blocks: list[list[Cell]] = []
    for index, row in enumerate(_upper_rows(layout)):
        for cell in _unlabeled_cells(row, labels.get(index, ())):
            above = next((block for block in blocks if _continues(block[-1], cell, layout.line_height)), None)
            if above is None:
                blocks.append([cell])
            else:
                above.append(cell)
    yield from (block for block in blocks if len(block) >= MIN_CARD_LINES)


def _unlabeled_cells(row: Sequence[Cell], labels: Sequence[Label]) -> Iterator[Cell]:
    """Yield the short cells of a row in which no label begins."""
    starts = {label.first for label in labels}
    end = 0
    for cell in row:
        start, end = end, end + len(cell.words)
        has_label = any(start <= first < end for first in starts)
        if not has_label and len(cell.words) <= MAX_CARD_LINE_WORDS:
            yield cell


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


def _patient_name(cell: Cell) -> tuple[Word, ...]:
    """Return the words of the name, if the cell is a name and not a clinician's."""
    name = name_parsing.name_words(cell.words)
    fills_cell = sum(len(word.text) for word in name) >= sum(len(word.text) for word in cell.words) - 1
    is_clinician = name_parsing.credential_follows(cell.words, name) or name_parsing.is_clinician(cell.words)
    return name if fills_cell and name_parsing.is_name(name) and not is_clinician else ()


def _birth_date(cell: Cell) -> str:
    """Return the ISO date, if the cell is a date; else an empty string."""
    parsed = next(find_dates(cell.words, birth=True), None)
    return parsed.value.isoformat() if parsed and len(parsed.words) == len(cell.words) else ""


def _record_number(cell: Cell) -> str:
    """Return the record number, if the cell is a number; else an empty string.

    A number that begins with a letter may be an account, a license or a passport.
    """
    identifier = find_identifier(cell.words)
    if identifier is None:
        return ""
    number, words = identifier
    return number if len(words) == len(cell.words) and RECORD_NUMBER.fullmatch(number) else ""
