"""Dates as charts print them, reading errors forgiven, to ISO."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.records import Word

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"), ("may",), ("jun", "june"),
            ("jul", "july"), ("aug", "august"), ("sep", "sept", "september"), ("oct", "october"), ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip

FIRST_YEAR, PIVOT = 1880, 30
"""No patient of a chart was born earlier; a two-digit year up to the pivot is taken for 20yy unless it is a
birth.
"""

DIGITS = str.maketrans("OoQDlI|!iSBZz", "0000111115822")
"""Letters and the digits they are misread from."""

NUMERIC = re.compile(
    r"(?<![\d/.\-])(\d{1,2})(?:\s?[/\-.]\s?|\s)(\d{1,2})(?:\s?[/\-.]\s?(\d{4}|\d{2})|\s(\d{4}))(?![\d/\-])"
)
ISO = re.compile(r"(?<!\d)((?:19|20)\d\d)\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(\d{1,2})(?!\d)")
COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)(?!\d)")
NAMED = re.compile(r"([A-Za-z]{3,9})\.?\s*(\d{1,2})(?:st|nd|rd|th)?[,.;]?\s+'?(\d{4}|\d{2}(?!\d))")
DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[\s\-/]*([A-Za-z]{3,9})\.?,?[\s\-/]*(\d{4}|\d{2}(?!\d))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A date as read: its words, its value, and whether a reading error had to be mended."""

    value: date
    words: tuple[Word, ...]
    mended: bool


def days_in(words: Sequence[Word], *, birth: bool = False) -> Iterator[Day]:
    """The dates that words hold, in order. `birth`: two-digit years are taken for the past."""
    if not words:
        return
    plain = " ".join(word.text for word in words)
    seen = False
    for text, mended in ((plain, False), (_mend(plain), True)):
        if mended and (seen or text == plain):
            return
        for start, end, year, month, day, short in _matches(text):
            value = _date(year, month, day, short=short, birth=birth)
            if value is not None:
                seen = True
                yield Day(value=value, words=_covered(words, start, end), mended=mended)


def _mend(text: str) -> str:
    """Letters that stand among digits read as the digits they look like. The length stays."""
    return re.sub(
        r"\S*\d\S*",
        lambda m: (
            m.group().translate(DIGITS)
            if sum(c.isdigit() for c in m.group()) * 2 >= len(m.group()) - 2
            else m.group()
        ),
        text,
    )


def _matches(text: str) -> list[tuple[int, int, int, int, int, bool]]:
    """(start, end, year, month, day, two-digit year) of everything that has a date's form, left to right."""
    found: list[tuple[int, int, int, int, int, bool]] = []
    for pattern in (ISO, COMPACT):
        found += [
            (m.start(), m.end(), int(m[1]), int(m[2]), int(m[3]), False) for m in pattern.finditer(text)
        ]
    for m in NUMERIC.finditer(text):
        month, day = int(m[1]), int(m[2])
        if month > 12 >= day:
            month, day = day, month
        year = m[3] or m[4]
        found.append((m.start(), m.end(), int(year), month, day, len(year) == 2))
    for pattern, name, day_at in ((NAMED, 1, 2), (DAY_FIRST, 2, 1)):
        named = ((m, _month(m[name])) for m in pattern.finditer(text))
        found += [
            (m.start(), m.end(), int(m[3]), month, int(m[day_at]), len(m[3]) == 2)
            for m, month in named
            if month
        ]
    found.sort(key=lambda hit: (hit[0], hit[0] - hit[1]))
    kept: list[tuple[int, int, int, int, int, bool]] = []
    for hit in found:
        if not kept or hit[0] >= kept[-1][1]:
            kept.append(hit)
    return kept


def _month(name: str) -> int | None:
    name = name.lower()
    if name in MONTHS:
        return MONTHS[name]
    if len(name) >= 6:  # a long month with one letter misread
        from rapidfuzz.distance import Levenshtein

        for month, number in MONTHS.items():
            if len(month) >= 6 and Levenshtein.distance(month, name, score_cutoff=1) <= 1:
                return number
    return None


def _date(year: int, month: int, day: int, *, short: bool, birth: bool) -> date | None:
    """The date, if there is one and a chart may bear it."""
    today = date.today()
    if short:
        year += 2000 if year <= min(PIVOT, today.year % 100 + 1) else 1900
    try:
        value = date(year, month, day)
    except ValueError:
        return None
    if birth and short and value > today:
        value = value.replace(year=year - 100)
    if not FIRST_YEAR <= value.year <= today.year + 2:
        return None
    return value


def _covered(words: Sequence[Word], start: int, end: int) -> tuple[Word, ...]:
    """The words that characters `start` to `end` of their joined text belong to."""
    at, covered = 0, []
    for word in words:
        if at < end and at + len(word.text) > start:
            covered.append(word)
        at += len(word.text) + 1
    return tuple(covered)
