"""Blind double entry: MRN and birth date typed by two people, neither of whom sees the other's values or the
machine's.

Where both agree, their values are the ones that are filed. Where they differ, the item is handed up to
somebody who typed neither, and that person sees both. All functions join the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.errors import BadInput, Conflict
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
NAMES = ("mrn", "dob")  # the two that say whose chart it is


class NotYours(Conflict):
    """The person does not hold the item any more."""

    def __init__(self) -> None:
        super().__init__(
            "This item is no longer yours: it was released, or somebody else took it.", "Take it again."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What has been typed for an item so far: a row for each person, first to last: {entered_by, entered_at,
    entered}.
    """

    rows: tuple[dict[str, Any], ...]

    @property
    def wanting(self) -> bool:
        """Must somebody type yet?"""
        return len(self.rows) < 2

    @property
    def agreed(self) -> dict[str, str] | None:
        """The values that both typed; None where one is wanting or they differ."""
        if self.wanting or self.rows[0]["entered"] != self.rows[1]["entered"]:
            return None
        return dict(self.rows[0]["entered"])


def entries_of(connection: Connection, item: int) -> Entries:
    """What has been typed for this item."""
    return Entries(rows=tuple(connection.execute(SQL["entries"], {"item": item}).fetchall()))


def enter(connection: Connection, item: int, by: str, typed: Mapping[str, str]) -> Entries:
    """Keep what this person typed. The first one's item waits for another person; a second that differs hands
    it up.

    Raises NotYours, Conflict where the person has typed before, BadInput for a date that is none.
    """
    entered = {name: tidy(name, typed.get(name, "")) for name in NAMES}
    if connection.execute(SQL["hold_item_to_enter"], {"item": item, "by": by}).fetchone() is None:
        raise NotYours
    before = entries_of(connection, item)
    if not before.wanting or by in people(before):
        raise Conflict("You or two others have typed these values already.", "Take the next item.")
    connection.execute(SQL["enter"], {"item": item, "by": by, "entered": Jsonb(entered)})
    now = entries_of(connection, item)
    if now.wanting:
        connection.execute(SQL["bar"], {"item": item, "barred": people(now)})
    elif now.agreed is None:
        note = "Two people read different values on the page."
        connection.execute(SQL["hand_up_entries"], {"item": item, "barred": people(now), "note": note})
    else:
        connection.execute(SQL["unbar"], {"item": item})
    return now


def people(entries: Entries) -> list[str]:
    """Who has typed."""
    return [row["entered_by"] for row in entries.rows]


def tidy(name: str, value: str) -> str:
    """A value as it is compared: no blanks in a number; a date that exists. Raises BadInput."""
    value = value.strip()
    if name != "dob":
        return "".join(value.split()).upper()
    try:
        return date.fromisoformat(value).isoformat() if value else ""
    except ValueError:
        raise BadInput(
            f"{value!r} is not a date.", "Write the birth date as YYYY-MM-DD.", "bad_date"
        ) from None
