"""Values in the form of HL7 v2 and CDA: dates and times as digits, and text with the separators escaped."""

from __future__ import annotations

from datetime import date, datetime

import hl7

STANDARD = hl7.Message("\r")  # has the standard separators and escape character
ESCAPES = {char: STANDARD.escape(char) for char in "|^~&\\"} | {chr(code): " " for code in (*range(32), 127)}
"""The library's escape sequences of the separators. Characters outside ASCII are not escaped, because
messages are UTF-8; control characters become spaces, because a value is one line."""
ESCAPE_TABLE = str.maketrans(ESCAPES)


def format_time(time: datetime) -> str:
    """Return a time with its UTC offset."""
    return time.strftime("%Y%m%d%H%M%S%z")


def format_local_time(time: datetime | None) -> str:
    """Return a time in the hospital's local time, "" for None."""
    return time.strftime("%Y%m%d%H%M%S") if time else ""


def format_date(day: date | None) -> str:
    """Return a date, "" for None."""
    return day.strftime("%Y%m%d") if day else ""


def escape(text: str) -> str:
    """Return the text on one line, with the separators of HL7 v2 escaped (HL7 v2.5.1, section 2.7)."""
    return text.translate(ESCAPE_TABLE)
