"""Parse and compare dates of birth, including their typical misreadings."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

MIN_BIRTH_YEAR = 1890
LOOKALIKE_DIGITS = {
    "0": "869",
    "1": "74",
    "2": "7",
    "3": "85",
    "4": "91",
    "5": "63",
    "6": "508",
    "7": "12",
    "8": "3069",
    "9": "4803",
}
"""Digits that OCR and people easily confuse."""
DATE_PATTERNS = (
    re.compile(r"(?P<y>\d{4})-?(?P<m>\d\d)-?(?P<d>\d\d)"),
    re.compile(r"(?P<m>\d{1,2})[/.-](?P<d>\d{1,2})[/.-](?P<y>\d{4}|\d\d)"),
    re.compile(r"(?P<y>\d{4})(-(?P<m>\d\d))?"),
)


@lru_cache(maxsize=65536)
def to_iso_date(text: str | None) -> str | None:
    """Return a date in ISO form, as precise as it is known: 1980-02-03, 1980-02 or 1980.

    Text that is not a date but has most of the digits of one is returned unchanged, so that it can still be
    compared as a misread date. For anything else, return None."""
    if not text:
        return None
    text = text.strip()
    for pattern in DATE_PATTERNS:
        if match := pattern.fullmatch(text[:10] if len(text) > 10 and text[10] in "T " else text):
            parts = match.groupdict()
            year = parts["y"] if len(parts["y"]) == 4 else with_century(parts["y"])
            if parts["m"] is None:
                return year
            return "-".join((year, parts["m"].zfill(2), *([parts["d"].zfill(2)] if parts.get("d") else [])))
    digits = re.sub(r"\D", "", text)
    return text if 6 <= len(digits) <= 9 else None


def with_century(two_digits: str) -> str:
    """Return the latest year with these two digits that is not in the future."""
    this_year = date.today().year
    return str(this_year - (this_year - int(two_digits)) % 100)


def is_birth_date(iso: str) -> bool:
    """Return whether the text is a full date on which a patient can have been born."""
    try:
        return MIN_BIRTH_YEAR <= date.fromisoformat(iso).year <= date.today().year
    except ValueError:
        return False


@lru_cache(maxsize=8192)
def possible_misreadings(iso: str) -> tuple[str, ...]:
    """Return the dates that may have been misread as this one, itself first.

    They differ by day and month swapped, one wrong digit, two digits swapped, one digit missing or doubled,
    or another century; about 40 dates, without duplicates."""
    digits = re.sub(r"\D", "", iso)
    if len(digits) == 8:
        year, month, day = digits[:4], digits[4:6], digits[6:]
        variants = [digits, year + day + month]
        variants += [digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(7)]
        variants += [digits[:i] + other + digits[i + 1 :] for i in range(8) for other in "0123456789"]
        variants += [str(int(year) + years) + month + day for years in (-100, 100)]
    elif len(digits) == 7:
        variants = [digits[:i] + other + digits[i:] for i in range(8) for other in "0123456789"]
    elif len(digits) == 9:
        variants = [digits[:i] + digits[i + 1 :] for i in range(9)]
    else:
        return (iso,)
    dates = (f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in variants)
    return tuple(dict.fromkeys(d for d in dates if is_birth_date(d))) or (iso,)


def date_level(left: str, right: str) -> str:
    """Return how two dates of birth agree: exact, swapped, misread, digit, partial_match, partial or
    different (see config/match_weights.toml)."""
    if left == right:
        return "exact" if len(left) >= 10 else "partial"
    if (
        len(left) != len(right)
        and (left.startswith(right) or right.startswith(left))
        and min(len(left), len(right)) in (4, 7)
    ):
        return "partial"
    a, b = re.sub(r"\D", "", left), re.sub(r"\D", "", right)
    if len(a) == len(b) == 8:
        return full_date_level(a, b)
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    if len(longer) == len(shorter) + 1 and any(
        longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer))
    ):
        return "misread"
    return "different"


def full_date_level(a: str, b: str) -> str:
    """Return the level of two different dates of eight digits."""
    if a[:4] == b[:4] and a[4:6] == b[6:] and a[6:] == b[4:6]:
        return "swapped"
    positions = [i for i in range(8) if a[i] != b[i]]
    if len(positions) == 1:
        x, y = a[positions[0]], b[positions[0]]
        return "misread" if y in LOOKALIKE_DIGITS[x] or x in LOOKALIKE_DIGITS[y] else "digit"
    first, last = positions[0], positions[-1]
    if len(positions) == 2 and last == first + 1 and a[first] == b[last] and a[last] == b[first]:
        return "misread"
    if a[2:] == b[2:]:
        return "misread"  # the century
    equal_parts = (a[:4] == b[:4]) + (a[4:6] == b[4:6]) + (a[6:] == b[6:])
    return "partial_match" if equal_parts == 2 else "different"
