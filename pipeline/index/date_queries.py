"""Find days and months in a query: 2024-03-01, 3/1/2024, 2024-03."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

_DAY = r"(?P<y>\d{4})-(?P<m>\d\d)(?:-(?P<d>\d\d))?|(?P<um>\d{1,2})/(?P<ud>\d{1,2})/(?P<uy>\d{4})"
_DAYS = re.compile(rf"(?<!\S)(?:{_DAY})(?!\S)")


def without_days(query: str) -> tuple[str, tuple[date, date] | None]:
    """Return the query without its days and months, and the range from the first to the last of them."""
    spans = [span for match in _DAYS.finditer(query) if (span := _range_of(match))]
    if not spans:
        return query.strip(), None
    return _DAYS.sub("", query).strip(), (min(first for first, _ in spans), max(last for _, last in spans))


def with_iso_days(query: str) -> str:
    """Return the query with its days in ISO form (2024-03-01), as they are stored."""
    return _DAYS.sub(_iso, query)


def is_day(query: str) -> bool:
    """Return whether the query is a single day or month and nothing else."""
    return _DAYS.fullmatch(query) is not None


def _iso(match: re.Match[str]) -> str:
    span = _range_of(match)
    return match[0] if span is None or span[0] != span[1] else span[0].isoformat()


def _range_of(match: re.Match[str]) -> tuple[date, date] | None:
    """Return the first and last day of a match; None for a day that does not exist."""
    year, month, day = (match["y"] or match["uy"], match["m"] or match["um"], match["d"] or match["ud"])
    try:
        first = date(int(year), int(month), int(day or 1))
    except ValueError:
        return None
    return first, first if day else first.replace(day=monthrange(first.year, first.month)[1])
