"""Dates of birth: how they are written, and how they are misread."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

OLDEST = 1890
LOOKALIKES = {
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
"""Digits that OCR and hurried eyes take for each other."""
FORMS = (
    re.compile(r"(?P<y>\d{4})-?(?P<m>\d\d)-?(?P<d>\d\d)"),
    re.compile(r"(?P<m>\d{1,2})[/.-](?P<d>\d{1,2})[/.-](?P<y>\d{4}|\d\d)"),
    re.compile(r"(?P<y>\d{4})(-(?P<m>\d\d))?"),
)


@lru_cache(maxsize=65536)
def iso_date(said: str | None) -> str | None:
    """ISO, as far as it is known: 1980-02-03, 1980-02, 1980. Text that is no date but has most of one's
    digits is kept, for `misread` to compare; anything else is None."""
    if not said:
        return None
    said = said.strip()
    for form in FORMS:
        if found := form.fullmatch(said[:10] if len(said) > 10 and said[10] in "T " else said):
            parts = found.groupdict()
            year = parts["y"] if len(parts["y"]) == 4 else century(parts["y"])
            if parts["m"] is None:
                return year
            return "-".join((year, parts["m"].zfill(2), *([parts["d"].zfill(2)] if parts.get("d") else [])))
    digits = re.sub(r"\D", "", said)
    return said if 6 <= len(digits) <= 9 else None


def century(two_digits: str) -> str:
    """The latest such year that is not to come."""
    this = date.today().year
    return str(this - (this - int(two_digits)) % 100)


def valid(iso: str) -> bool:
    """Is it a whole date on which somebody alive or in the charts can have been born?"""
    try:
        return OLDEST <= date.fromisoformat(iso).year <= date.today().year
    except ValueError:
        return False


@lru_cache(maxsize=8192)
def readings(iso: str) -> tuple[str, ...]:
    """The dates that may have been misread as this one, itself first: day and month swapped, a digit wrong,
    two digits swapped, one dropped or doubled, another century. Without duplicates, about 40."""
    digits = re.sub(r"\D", "", iso)
    if len(digits) == 8:
        year, month, day = digits[:4], digits[4:6], digits[6:]
        spelled = [digits, year + day + month]
        spelled += [digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(7)]
        spelled += [digits[:i] + other + digits[i + 1 :] for i in range(8) for other in "0123456789"]
        spelled += [str(int(year) + years) + month + day for years in (-100, 100)]
    elif len(digits) == 7:
        spelled = [digits[:i] + other + digits[i:] for i in range(8) for other in "0123456789"]
    elif len(digits) == 9:
        spelled = [digits[:i] + digits[i + 1 :] for i in range(9)]
    else:
        return (iso,)
    dates = (f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in spelled)
    found = dict.fromkeys(d for d in dates if valid(d))
    return tuple(found) or (iso,)


def date_level(left: str, right: str) -> str:
    """How two dates of birth agree: exact, swapped, misread, digit, parts, partial, different (see
    config/match_weights.toml).
    """
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
        return whole_level(a, b)
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    if len(longer) == len(shorter) + 1 and any(
        longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer))
    ):
        return "misread"
    return "different"


def whole_level(a: str, b: str) -> str:
    """The level of two dates of eight digits that are not equal."""
    if a[:4] == b[:4] and a[4:6] == b[6:] and a[6:] == b[4:6]:
        return "swapped"
    differ = [i for i in range(8) if a[i] != b[i]]
    if len(differ) == 1:
        place = differ[0]
        return "misread" if b[place] in LOOKALIKES[a[place]] or a[place] in LOOKALIKES[b[place]] else "digit"
    if (
        len(differ) == 2
        and differ[1] == differ[0] + 1
        and a[differ[0]] == b[differ[1]]
        and a[differ[1]] == b[differ[0]]
    ):
        return "misread"
    if a[2:] == b[2:]:
        return "misread"  # the century
    same = (a[:4] == b[:4]) + (a[4:6] == b[4:6]) + (a[6:] == b[6:])
    return "parts" if same == 2 else "different"
