"""Days and months in what a person types: 2024-03-01, 3/1/2024, 2024-03."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

_DAY = r"(?P<y>\d{4})-(?P<m>\d\d)(?:-(?P<d>\d\d))?|(?P<um>\d{1,2})/(?P<ud>\d{1,2})/(?P<uy>\d{4})"
_DAYS = re.compile(rf"(?<!\S)(?:{_DAY})(?!\S)")


def without_days(query: str) -> tuple[str, tuple[date, date] | None]:
    """The query without the days and months in it, and the span from the first to the last of them."""
    spans = [span for found in _DAYS.finditer(query) if (span := _span_of(found))]
    if not spans:
        return query.strip(), None
    return _DAYS.sub("", query).strip(), (min(first for first, _ in spans), max(last for _, last in spans))


def with_iso_days(query: str) -> str:
    """The query with its days as they are stored (2024-03-01); what is no day stays as it is."""
    return _DAYS.sub(_iso, query)


def is_day(query: str) -> bool:
    """Is it a single day or month and nothing else?"""
    return _DAYS.fullmatch(query) is not None


def _iso(found: re.Match[str]) -> str:
    span = _span_of(found)
    return found[0] if span is None or span[0] != span[1] else span[0].isoformat()


def _span_of(found: re.Match[str]) -> tuple[date, date] | None:
    """The first and last day that is meant; None for a day that does not exist."""
    year, month, day = (found["y"] or found["uy"], found["m"] or found["um"], found["d"] or found["ud"])
    try:
        first = date(int(year), int(month), int(day or 1))
    except ValueError:
        return None
    return first, first if day else first.replace(day=monthrange(first.year, first.month)[1])
