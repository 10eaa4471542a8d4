"""A patient's card on a page, without labels, as an addressograph stamps it: name, number, birth date, one
below another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pipeline.classify.fields import name_parsing
from pipeline.classify.fields.date_parsing import days_in
from pipeline.classify.fields.identifiers import number_in
from pipeline.classify.fields.labels import Label
from pipeline.classify.page_layout import Cell, Layout
from pipeline.records import Word

REACH = 0.45
"""The part of a page, from the top, in which a card is stamped or printed."""

ASIDE, BELOW = 1.5, 1.6
"""Line heights by which a card's lines may begin apart, and stand below one another."""

FEWEST_LINES = 3
LONGEST_LINE = 7
"""Words of a card's longest line; a longer one is running text."""

RECORD = re.compile(r"\d[\d-]{3,10}\d")
"""A record number on a card; an age or a room has fewer digits."""


@dataclass(frozen=True, slots=True)
class CardValue:
    """A value of a card: its field, normal form, words and row."""

    field: str
    value: str
    words: tuple[Word, ...]
    row: int


def cards(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[CardValue]:
    """What the cards of a page say. A block of lines is a card if it names one person, a date and a number,
    with no label.
    """
    earliest = min(
        (day.value.isoformat() for row in _head(layout) for cell in row for day in days_in(cell.words)),
        default="",
    )
    for block in _blocks(layout, labels):
        people = [(cell, named) for cell in block if (named := _name(cell))]
        days = [(cell, day) for cell in block if (day := _day(cell))]
        numbers = [(cell, text) for cell in block if (text := _number(cell))]
        if len(people) != 1 or not days or len(numbers) != 1:
            continue
        cell, named = people[0]
        at, born = min(days, key=lambda pair: pair[1])
        if born > earliest:
            continue  # it is a visit's date
        yield CardValue("patient_name", name_parsing.printed_name(named), named, cell.row)
        yield CardValue("dob", born, at.words, at.row)
        cell, text = numbers[0]
        yield CardValue("mrn", text, cell.words, cell.row)


def _blocks(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[Sequence[Cell]]:
    """Columns of short cells without labels, each right below the one before."""
    open_blocks: list[list[Cell]] = []
    for index, row in enumerate(_head(layout)):
        starts = {label.first for label in labels.get(index, ())}
        at = 0
        for cell in row:
            labelled = any(at <= start < at + len(cell.words) for start in starts)
            at += len(cell.words)
            if labelled or len(cell.words) > LONGEST_LINE:
                continue
            above = next((block for block in open_blocks if _continues(block[-1], cell, layout.line)), None)
            if above is None:
                open_blocks.append([cell])
            else:
                above.append(cell)
    yield from (block for block in open_blocks if len(block) >= FEWEST_LINES)


def _head(layout: Layout) -> Sequence[Sequence[Cell]]:
    """The rows of the page's upper part."""
    return list(takewhile(lambda row: row[0].box[1] <= REACH * layout.height, layout.rows))


def _continues(above: Cell, cell: Cell, line: float) -> bool:
    x0, top, _, _ = cell.box
    return (
        abs(above.box[0] - x0) <= ASIDE * line and top > above.box[1] and top - above.box[3] <= BELOW * line
    )


def _name(cell: Cell) -> tuple[Word, ...]:
    named = name_parsing.name_words(cell.words)
    whole = sum(len(word.text) for word in named) >= sum(len(word.text) for word in cell.words) - 1
    clinician = name_parsing.credential_follows(cell.words, named) or name_parsing.is_clinician(cell.words)
    return named if whole and name_parsing.is_name(named) and not clinician else ()


def _day(cell: Cell) -> str:
    """The ISO date that the cell is."""
    day = next(days_in(cell.words, birth=True), None)
    return day.value.isoformat() if day and len(day.words) == len(cell.words) else ""


def _number(cell: Cell) -> str:
    """The number that the cell is. One that begins with a letter may be an account, a licence or a
    passport.
    """
    found = number_in(cell.words)
    whole = found is not None and len(found[1]) == len(cell.words)
    return found[0] if found and whole and RECORD.fullmatch(found[0]) else ""
