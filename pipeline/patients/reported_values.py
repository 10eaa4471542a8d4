"""Values that messages report, each with the time of its message: the newest value counts, whatever the order
in which the messages arrive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime


def time_stamp(at: datetime) -> str:
    """Return a time in UTC as text that sorts by time."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")


def newest_values(reported: Mapping[str, object], times: Mapping[str, str], stamp: str) -> dict[str, object]:
    """Return the reported values that no later message has reported.

    Args:
        reported: the message's values by column; None deletes a value.
        times: the time stamps of the columns' latest reports.
        stamp: the message's own time stamp.
    """
    return {column: value for column, value in reported.items() if times.get(column, "") <= stamp}
