"""Collect the mentions of a document's pages: names, dates, numbers, phones, addresses and social security
numbers, each with its place, its label, whose it is, and what else it may read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.classify.fields import page_zones
from pipeline.classify.fields.date_parsing import find_dates
from pipeline.classify.fields.identifiers import find_identifier, find_phone
from pipeline.classify.mentions.governing_labels import LabeledPage, label_page, role_of
from pipeline.classify.mentions.names import names_in_row, names_of_parts
from pipeline.classify.mentions.numbers import numbers_in_cell
from pipeline.classify.page_layout import Cell, Layout, bounding_box
from pipeline.records import Box, Mention, Role, Word

MAX_MENTIONS_PER_KIND = 40
"""Mentions of one kind that are kept of a document, those with the best chance to be the patient's first. A
laboratory report of ten pages has hundreds of dates and numbers; each one more makes an agreement by chance
more likely.
"""

DATES_OF_OTHER_THINGS = frozenset(("date_of_service", "discharge_date", "admission_date", "author", "other"))
"""Fields of labels whose date is never a birth date."""

HOUSE_NUMBER = re.compile(r"\d{1,6}[A-Za-z]?")
MIN_SSN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class _Found:
    """A value before its label is looked up."""

    kind: str
    field: str
    readings: tuple[str, ...]
    words: tuple[Word, ...]
    row: int
    is_clinician: bool = False


def collect_mentions(layouts: Sequence[Layout]) -> tuple[Mention, ...]:
    """Return the mentions of a document's pages.

    At most MAX_MENTIONS_PER_KIND of each kind are returned: those labeled as the patient's first, then the
    others in the order of the pages.
    """
    pages = [label_page(layout) for layout in layouts]
    found = [mention for page in pages for mention in _page_mentions(page, _found_values(page))]
    found += [mention for page in pages for mention in _page_mentions(page, _names_of_parts(page))]
    order = {Role.PATIENT: 0, Role.UNKNOWN: 1, Role.OTHER: 2}
    kept: list[Mention] = []
    counts: Counter[str] = Counter()
    for mention in sorted(found, key=lambda m: (order[m.role], -m.strength)):
        counts[mention.kind] += 1
        if counts[mention.kind] <= MAX_MENTIONS_PER_KIND:
            kept.append(mention)
    return tuple(kept)


def _page_mentions(page: LabeledPage, values: Iterable[_Found]) -> Iterator[Mention]:
    """Yield the mentions of a page's values, each place once."""
    seen: set[tuple[str, Box]] = set()
    other_dates: set[str] = set()
    for found in sorted(values, key=lambda found: page.label_of(found.words) is None):
        key = (found.kind, bounding_box(found.words))
        if key in seen:
            continue
        seen.add(key)
        role, label, strength = role_of(page, found.words, found.row, found.field)
        if found.kind == "date" and label in DATES_OF_OTHER_THINGS:
            other_dates.update(found.readings)
            continue
        if found.kind == "date" and role is not Role.PATIENT and other_dates.intersection(found.readings):
            continue  # the same date again, in a column or a signature
        yield Mention(
            kind=found.kind,
            readings=found.readings,
            page=page.layout.number,
            box=bounding_box(found.words),
            role=Role.OTHER if found.is_clinician else role,
            label=label,
            strength=strength,
            confidence=min(word.confidence for word in found.words),
            height=page.layout.line_height,
        )


def _found_values(page: LabeledPage) -> Iterator[_Found]:
    for index, row in enumerate(page.layout.rows):
        if page_zones.is_fax_line(" ".join(cell.text for cell in row)):
            continue
        for name in names_in_row(page, index):
            yield _Found("name", "patient_name", name.readings, name.words, index, name.is_clinician)
        for cell in row:
            yield from _dates(cell)
            yield from _numbers(cell)
            yield from _phones(cell)
            yield from _addresses(cell)
        yield from _social_security_numbers(page, index)


def _names_of_parts(page: LabeledPage) -> Iterator[_Found]:
    for index in range(len(page.layout.rows)):
        for name in names_of_parts(page, index):
            yield _Found("name", "patient_name", name.readings, name.words, index)


def _dates(cell: Cell) -> Iterator[_Found]:
    """Yield the dates of a cell. The order of day and month and the century may be read otherwise."""
    born = {id(date.words[0]): date.value for date in find_dates(cell.words, birth=True)}
    for date in find_dates(cell.words):
        values = [born.get(id(date.words[0]), date.value), date.value]
        if date.order == "ambiguous":
            values += [value.replace(month=value.day, day=value.month) for value in values]
        readings = tuple(dict.fromkeys(value.isoformat() for value in values))
        yield _Found("date", "dob", readings, date.words, cell.row)


def _numbers(cell: Cell) -> Iterator[_Found]:
    for readings, words in numbers_in_cell(cell):
        yield _Found("number", "mrn", readings, words, cell.row)


def _phones(cell: Cell) -> Iterator[_Found]:
    phone = find_phone(cell.words)
    if phone:
        yield _Found("phone", "phone", (phone[0],), phone[1], cell.row)


def _addresses(cell: Cell) -> Iterator[_Found]:
    """Yield the address that begins at the first number of a cell."""
    start = next((n for n, word in enumerate(cell.words) if HOUSE_NUMBER.fullmatch(word.text)), None)
    if start is None:
        return
    words = cell.words[start:]
    text = page_zones.normalized_text(words)
    if len(words) > 1 and words[1].text[:1].isalpha() and page_zones.is_address(text):
        yield _Found("address", "address", (text,), words, cell.row)


def _social_security_numbers(page: LabeledPage, row: int) -> Iterator[_Found]:
    """Yield the labeled social security numbers of a row; of a masked one the last four digits."""
    words = [word for cell in page.layout.rows[row] for word in cell.words]
    for position, word in enumerate(words):
        label = page.governing.get(word.box)
        if label is None or label.field != "ssn":
            continue
        masked = re.fullmatch(r"[Xx*#\-]+(\d{4})", word.text)
        number = (masked[1], (word,)) if masked else find_identifier(words[position : position + 3])
        if number and sum(c.isdigit() for c in number[0]) >= MIN_SSN_DIGITS:
            yield _Found("ssn", "ssn", (re.sub(r"\D", "", number[0]),), number[1], row)
            return
