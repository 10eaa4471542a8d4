"""Times as HL7 writes them, in messages and in CDA: digits without signs between."""

from __future__ import annotations

from datetime import date, datetime


def stamp(at: datetime) -> str:
    """A time with its zone."""
    return at.strftime("%Y%m%d%H%M%S%z")


def local(at: datetime | None) -> str:
    """A time of the hospital's own clock."""
    return at.strftime("%Y%m%d%H%M%S") if at else ""


def day(on: date | None) -> str:
    """A day."""
    return on.strftime("%Y%m%d") if on else ""
