"""Find the sequences of a row that may be a person's name, labeled or not: in a cell of their own, after a
label or a number, or on two lines of a card.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.classify.fields import name_parsing
from pipeline.classify.fields.page_zones import FACILITY_WORD
from pipeline.classify.mentions.governing_labels import LabeledPage
from pipeline.classify.page_layout import Cell
from pipeline.records import Word

MAX_LINE_GAP_LINES = 1.6
"""Line heights between the family name's line and that of the given name."""

MAX_LEFT_OFFSET_LINES = 1.5
"""Line heights by which their left edges may differ."""

MAX_ROWS_BETWEEN_PARTS = 3
"""Rows from one part of a name to the next below it; the caption of a part is between them."""

MIN_PART_LETTERS = 2


@dataclass(frozen=True, slots=True)
class FoundName:
    """A name as printed ("PARSONS, DEANNA S") and its words. `is_clinician`: it has a credential or "Dr."."""

    readings: tuple[str, ...]
    words: tuple[Word, ...]
    is_clinician: bool


def names_in_row(page: LabeledPage, row: int) -> Iterator[FoundName]:
    """Yield the names of a row."""
    label_words = page.label_words(row)
    first = 0
    for cell in page.layout.rows[row]:
        taken = 0
        for start in range(len(cell.words)):
            if start < taken or first + start in label_words:
                continue
            if not _may_start(cell, start, after_label=first + start - 1 in label_words):
                continue
            name = _name_at(cell, start, {index - first for index in label_words})
            if name is None and start == 0:
                name = _name_of_two_lines(page, cell, row)
            if name is not None:
                taken = start + _count_words(name.words)
                yield name
        first += len(cell.words)


def _may_start(cell: Cell, start: int, *, after_label: bool) -> bool:
    """Return whether a name may begin here: at the start of a cell, or after a label, a number or a mark."""
    if start == 0 or after_label:
        return True
    before = cell.words[start - 1].text
    has_letters = any(c.isalpha() for c in before)
    return any(c.isdigit() for c in before) or not has_letters or before.endswith((":", ";"))


def _name_at(cell: Cell, start: int, label_words: set[int]) -> FoundName | None:
    """Return the name that begins at a word of the cell, if one does. `label_words`: the cell's words that
    are labels, by their index."""
    words = cell.words[start:]
    has_title = name_parsing.is_clinician((words[0],)) or words[0].text.lower().strip(".") in ("dr", "doctor")
    name = name_parsing.name_words(words[1:] if has_title and len(words) > 1 else words)
    if not name or not (name_parsing.is_name(name) or name_parsing.is_clinician(name)):
        return None
    end = start + has_title + _count_words(name)
    rest = cell.words[end:]
    is_clinician = has_title or name_parsing.credential_follows(words[1:] if has_title else words, name)
    if rest and not is_clinician and end not in label_words and not _may_follow(rest[0]):
        return None  # the beginning of a sentence
    if not is_clinician and any(word.text.strip(",.") in name_parsing.STATES for word in (name[0], name[-1])):
        return None  # "Oak Brook, IL" of an address
    text = " ".join(word.text for word in name)
    if FACILITY_WORD.search(text) or name[-1].text.endswith(":"):
        return None
    return FoundName((text,), name, is_clinician)


def _count_words(name: Sequence[Word]) -> int:
    """Return how many words of the page a name has: a word may have been split into several parts."""
    return len({word.box for word in name})


def _may_follow(word: Word) -> bool:
    """Return whether the word may follow a name: a number, a label, a sex or a mark, not a word of a
    sentence.
    """
    text = word.text
    return (
        any(c.isdigit() for c in text)
        or text.endswith((":", ";"))
        or not any(c.isalpha() for c in text)
        or text.strip(".,()/").lower() in ("m", "f", "male", "female", "dob", "mrn", "age", "sex")
    )


def _name_of_two_lines(page: LabeledPage, cell: Cell, row: int) -> FoundName | None:
    """Return a name whose family name ends its line with a comma and whose given name is on the next."""
    family = cell.words
    if len(family) > 2 or not family[-1].text.endswith(",") or row + 1 >= len(page.layout.rows):
        return None
    below = _cell_below(page, cell, row)
    if below is None:
        return None
    name = name_parsing.name_words((*family, *below.words))
    if len(name) <= len(family) or not name_parsing.is_name(name):
        return None
    return FoundName((" ".join(word.text for word in name),), name, name_parsing.is_clinician(name))


def names_of_parts(page: LabeledPage, row: int) -> Iterator[FoundName]:
    """Yield the names whose given and family name are each alone in a cell of a form or card: beside each
    other, or one below the other."""
    cells = page.layout.rows[row]
    parts = [_is_part(cell) for cell in cells]
    for at, cell in enumerate(cells):
        if not parts[at]:
            continue
        beside = cells[at + 1] if at + 1 < len(cells) and parts[at + 1] else None
        for other in filter(None, (beside, _part_below(page, cell, row))):
            words = (cell.words[0], other.words[0])
            yield FoundName((" ".join(word.text for word in words),), words, is_clinician=False)


def _is_part(cell: Cell) -> bool:
    """Return whether the cell is one word that may be a given or a family name."""
    letters = sum(c.isalpha() for c in cell.text)
    return (
        len(cell.words) == 1
        and letters >= MIN_PART_LETTERS
        and not cell.text.endswith(":")
        and len(name_parsing.name_words(cell.words)) == 1
    )


def _part_below(page: LabeledPage, cell: Cell, row: int) -> Cell | None:
    for below in page.layout.rows[row + 1 : row + 1 + MAX_ROWS_BETWEEN_PARTS]:
        for other in below:
            offset = abs(other.box[0] - cell.box[0])
            if offset <= MAX_LEFT_OFFSET_LINES * page.layout.line_height and _is_part(other):
                return other
    return None


def _cell_below(page: LabeledPage, cell: Cell, row: int) -> Cell | None:
    height = page.layout.line_height
    cells: Sequence[Cell] = page.layout.rows[row + 1]
    for other in cells:
        if (
            abs(other.box[0] - cell.box[0]) <= MAX_LEFT_OFFSET_LINES * height
            and other.box[1] - cell.box[3] <= MAX_LINE_GAP_LINES * height
        ):
            return other
    return None
