"""Parse dates as charts print them, with OCR errors corrected, into ISO dates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

from pipeline.records import Word

DateOrder: TypeAlias = Literal["day_first", "month_first", "ambiguous", "none"]

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"), ("may",),
            ("jun", "june"), ("jul", "july"), ("aug", "august"), ("sep", "sept", "september"),
            ("oct", "october"), ("nov", "november"), ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip

MIN_MISREAD_MONTH_LETTERS = 6
"""One misread letter is accepted only in months of at least this many letters."""

MIN_YEAR = 1880
"""No patient of a chart was born earlier."""

TWO_DIGIT_YEAR_PIVOT = 30
"""A two-digit year up to the pivot is read as 20yy, unless it is a birth year in the future."""

LETTER_TO_DIGIT = str.maketrans("OoQDlI|!iSBZz", "0000111115822")
"""Letters and the digits that OCR confuses with them."""

NUMERIC_DATE = re.compile(
    r"(?<![\d/.\-])(\d{1,2})(?:\s?[/\-.]\s?|\s)(\d{1,2})(?:\s?[/\-.]\s?(\d{4}|\d{2})|\s(\d{4}))(?![\d/\-])"
)
SPACED_DATE = re.compile(r"(?<![\d/.\-])([01]?\d)\s([0-3]?\d)\s(\d\d)(?!\d|\s?[/\-])")
"""Month, day and year in boxes of their own; only where a label asks for a date."""

ISO_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(\d{1,2})(?!\d)")
COMPACT_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)(?!\d)")
MONTH_FIRST_DATE = re.compile(
    r"([A-Za-z]{3,9})\.?\s*(\d{1,2})(?:st|nd|rd|th)?(?:[,.;]\s*|\s+)'?(\d{4}|\d{2}(?!\d))"
)
DAY_FIRST_DATE = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[\s\-/]*([A-Za-z]{3,9})\.?,?[\s\-/]*(\d{4}|\d{2}(?!\d))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDate:
    """A date as read: its value, its words, and whether an OCR error had to be corrected.

    `order`: the order of day and month that the date proves. An ambiguous date, such as 03/04/2012, is read
    month first. A date without such an order (in words, in ISO form, or 05/05/2012) has none.
    """

    value: date
    words: tuple[Word, ...]
    corrected: bool
    order: DateOrder


class _DateMatch(NamedTuple):
    """Text that has the form of a date, from character `start` to `end`; it may not be a real date."""

    start: int
    end: int
    year: int
    month: int
    day: int
    two_digit_year: bool
    order: DateOrder = "none"


def find_dates(words: Sequence[Word], *, birth: bool = False, labeled: bool = False) -> Iterator[ParsedDate]:
    """Yield the dates in the words, in order. With `birth`, two-digit years are in the past. With `labeled`,
    a label asks for a date, and "08 19 18" is one.
    """
    if not words:
        return
    text = " ".join(word.text for word in words)
    if labeled and (spaced := SPACED_DATE.match(text)) and not ISO_DATE.match(text):
        text = f"{spaced[1]}/{spaced[2]}/{spaced[3]}{text[spaced.end() :]}"
    dates = list(_real_dates(words, text, corrected=False, birth=birth))
    corrected_text = _correct_digits(text)
    if not dates and corrected_text != text:
        dates = list(_real_dates(words, corrected_text, corrected=True, birth=birth))
    yield from dates


def _real_dates(words: Sequence[Word], text: str, *, corrected: bool, birth: bool) -> Iterator[ParsedDate]:
    for match in _date_matches(text):
        value = _to_date(match, birth=birth)
        if value is not None:
            covered = words_in_span(words, match.start, match.end)
            yield ParsedDate(value=value, words=covered, corrected=corrected, order=match.order)


def _correct_digits(text: str) -> str:
    """Replace letters among digits by the digits they look like. The length of the text stays the same."""

    def correct(match: re.Match[str]) -> str:
        token = match.group()
        mostly_digits = sum(c.isdigit() for c in token) * 2 >= len(token) - 2
        return token.translate(LETTER_TO_DIGIT) if mostly_digits else token

    return re.sub(r"\S*\d\S*", correct, text)


def _date_matches(text: str) -> list[_DateMatch]:
    """Return everything that has the form of a date, left to right, without overlaps."""
    matches = [
        _DateMatch(m.start(), m.end(), int(m[1]), int(m[2]), int(m[3]), False)
        for pattern in (ISO_DATE, COMPACT_DATE)
        for m in pattern.finditer(text)
    ]
    for m in NUMERIC_DATE.finditer(text):
        month, day = int(m[1]), int(m[2])
        order = _numeric_order(month, day)
        if order == "day_first":
            month, day = day, month
        year = m[3] or m[4]
        matches.append(_DateMatch(m.start(), m.end(), int(year), month, day, len(year) == 2, order))
    for pattern, month_group, day_group in ((MONTH_FIRST_DATE, 1, 2), (DAY_FIRST_DATE, 2, 1)):
        matches += [
            _DateMatch(m.start(), m.end(), int(m[3]), number, int(m[day_group]), len(m[3]) == 2)
            for m in pattern.finditer(text)
            if (number := _month_number(m[month_group]))
        ]
    matches.sort(key=lambda match: (match.start, match.start - match.end))
    kept: list[_DateMatch] = []
    for match in matches:
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
    return kept


def _numeric_order(first: int, second: int) -> DateOrder:
    """Return the order that the two numbers of a date prove."""
    if first > 12 >= second:
        return "day_first"
    if second > 12 >= first:
        return "month_first"
    return "none" if first == second else "ambiguous"


def _month_number(name: str) -> int | None:
    name = name.lower()
    if name in MONTHS:
        return MONTHS[name]
    if len(name) >= MIN_MISREAD_MONTH_LETTERS:
        from rapidfuzz.distance import Levenshtein

        for month, number in MONTHS.items():
            if (
                len(month) >= MIN_MISREAD_MONTH_LETTERS
                and Levenshtein.distance(month, name, score_cutoff=1) <= 1
            ):
                return number
    return None


def _to_date(match: _DateMatch, *, birth: bool) -> date | None:
    """Return the date, or None if it does not exist or cannot occur in a chart."""
    today = date.today()
    year = match.year
    if match.two_digit_year:
        year += 2000 if year <= min(TWO_DIGIT_YEAR_PIVOT, today.year % 100 + 1) else 1900
    try:
        value = date(year, match.month, match.day)
    except ValueError:
        return None
    if birth and match.two_digit_year and value > today:
        value = value.replace(year=year - 100)
    return value if MIN_YEAR <= value.year <= today.year + 2 else None


def words_in_span(words: Sequence[Word], start: int, end: int) -> tuple[Word, ...]:
    """Return the words that contain characters `start` to `end` (exclusive) of their texts joined by
    spaces.
    """
    position, covered = 0, []
    for word in words:
        if position < end and position + len(word.text) > start:
            covered.append(word)
        position += len(word.text) + 1
    return tuple(covered)
