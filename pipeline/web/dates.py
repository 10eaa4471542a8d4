"""How dates and times are shown to people and read from what they type. Stored values and JSON keep ISO 8601.

The order of day, month and year and the time zone come from the settings `display.date_order` and
`display.time_zone`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from pipeline.config import DisplaySettings
from pipeline.errors import InvalidInput

DATE_FIELDS = frozenset({"dob", "date_of_service", "admission_date", "discharge_date"})
"""Index fields whose stored value is an ISO date."""

DateOrder = Literal["mdy", "dmy", "ymd"]
_SHOWN = {"mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y", "ymd": "%Y-%m-%d"}
_PATTERNS = {"mdy": "MM/DD/YYYY", "dmy": "DD/MM/YYYY", "ymd": "YYYY-MM-DD"}
_EXAMPLE = date(1942, 5, 2)

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})")
_DIGITS = re.compile(r"\d{8}")


@dataclass(frozen=True)
class DateFormat:
    """A hospital's way of writing dates and times.

    `time_zone` is a name of the IANA time zone database; an empty one means the machine's time zone.
    """

    order: DateOrder = "ymd"
    time_zone: str = ""

    @classmethod
    def from_settings(cls, display: DisplaySettings) -> DateFormat:
        """Return the format of the settings."""
        return cls(order=display.date_order, time_zone=display.time_zone)

    @property
    def pattern(self) -> str:
        """The expected form of a date, such as MM/DD/YYYY."""
        return _PATTERNS[self.order]

    def format_date(self, value: date | str | None) -> str:
        """Return a date as it is shown: 05/02/1942.

        Args:
            value: A date, a time, or a stored ISO date. Any other text is returned as it is; None is "".
        """
        if not value:
            return ""
        if isinstance(value, datetime):
            value = value.astimezone(self._zone) if value.tzinfo else value
        elif isinstance(value, str):
            if not _ISO.fullmatch(value):
                return value
            try:
                value = date.fromisoformat(value)
            except ValueError:
                return str(value)
        return value.strftime(_SHOWN[self.order])

    def format_datetime(self, value: datetime | None) -> str:
        """Return a time in the hospital's time zone: 05/02/2026 2:05 PM EST, 02/05/2026 14:05 CET."""
        if value is None:
            return ""
        local = value.astimezone(self._zone)
        clock = local.strftime("%I:%M %p").lstrip("0") if self.order == "mdy" else local.strftime("%H:%M")
        zone = local.strftime("%Z")
        return f"{self.format_date(local)} {clock} {zone if zone.isalpha() else f'UTC{zone}'}"

    def parse_date(self, text: str) -> str:
        """Return the ISO form of a date that a person typed; "" for an empty text.

        Accepted are ISO 8601 (1942-05-02), and the hospital's order with a year of four digits: 05/02/1942,
        5/2/1942, 5-2-1942, 5.2.1942, 05021942. A year of two digits is ambiguous and refused.

        Raises:
            InvalidInput: If the text is not such a date; the remedy names the expected form.
        """
        typed = text.strip()
        if not typed:
            return ""
        parsed = self._parse(typed)
        if parsed is None:
            raise InvalidInput(
                f"{typed!r} is not a date.",
                f"Enter it as {self.pattern}, for example {self.format_date(_EXAMPLE)}.",
                "bad_date",
            )
        return parsed.isoformat()

    def dates_to_iso(self, query: str) -> str:
        """Return a search query with its dates in ISO form. Eight digits stay, as they may be an MRN."""
        words = query.split()
        return " ".join(self._word_to_iso(word) for word in words)

    def _word_to_iso(self, word: str) -> str:
        parsed = None if word.isdecimal() else self._parse(word)
        return parsed.isoformat() if parsed else word

    def _parse(self, text: str) -> date | None:
        parts = self._split(text)
        try:
            return date(*parts) if parts else None
        except ValueError:
            return None

    def _split(self, text: str) -> tuple[int, int, int] | None:
        """Split a typed date into year, month and day; None if it has another form."""
        if match := _ISO.fullmatch(text):
            return int(match[1]), int(match[2]), int(match[3])
        if self.order == "ymd":
            if match := _YEAR_FIRST.fullmatch(text):
                return int(match[1]), int(match[3]), int(match[4])
            return (int(text[:4]), int(text[4:6]), int(text[6:])) if _DIGITS.fullmatch(text) else None
        if match := _YEAR_LAST.fullmatch(text):
            first, second, year = int(match[1]), int(match[3]), int(match[4])
        elif _DIGITS.fullmatch(text):
            first, second, year = int(text[:2]), int(text[2:4]), int(text[4:])
        else:
            return None
        return (year, first, second) if self.order == "mdy" else (year, second, first)

    @cached_property
    def _zone(self) -> tzinfo | None:
        """The time zone; None is the machine's, for `astimezone`."""
        return ZoneInfo(self.time_zone) if self.time_zone else None
