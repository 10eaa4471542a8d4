"""Double entry: MRN and birth date typed by two people, neither of whom sees the other's or the software's
values.

If both agree, their values are filed. If they differ, the item is escalated to a third person, who sees both.
All functions join the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipeline.errors import Conflict, InvalidInput
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
FIELD_NAMES = ("mrn", "dob")
"""The two fields that identify the chart."""


class NotClaimedByYou(Conflict):
    """The person has not claimed the item, or no longer has it."""

    def __init__(self) -> None:
        super().__init__(
            "You no longer have this item: it was released, or someone else claimed it.", "Claim it again."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The values that one person typed."""

    entered_by: str
    entered_at: datetime
    entered: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What has been typed for an item so far, first to last."""

    rows: tuple[Entry, ...]

    @property
    def incomplete(self) -> bool:
        """Whether another person must type the values."""
        return len(self.rows) < 2

    @property
    def agreed(self) -> dict[str, str] | None:
        """The values that both typed; None if one entry is missing or they differ."""
        if self.incomplete or self.rows[0].entered != self.rows[1].entered:
            return None
        return dict(self.rows[0].entered)

    @property
    def authors(self) -> list[str]:
        """The names of those who have typed."""
        return [row.entered_by for row in self.rows]


def entries_of(connection: Connection, item: int) -> Entries:
    """Return what has been typed for an item."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return Entries(rows=tuple(cursor.execute(SQL["entries"], {"item": item}).fetchall()))


def enter(connection: Connection, item: int, actor: str, values: Mapping[str, str]) -> Entries:
    """Store what a person typed.

    After the first entry the item waits for another person; a second entry that differs escalates it.

    Args:
        connection: The database.
        item: ID of the review item.
        actor: The person's name.
        values: By field name, as typed.

    Returns:
        All entries so far.

    Raises:
        NotClaimedByYou: The person has not claimed the item.
        Conflict: The person has typed before, or two others have.
        InvalidInput: The birth date is not a date.
    """
    entered = {name: normalize(name, values.get(name, "")) for name in FIELD_NAMES}
    if connection.execute(SQL["hold_item_to_enter"], {"item": item, "actor": actor}).fetchone() is None:
        raise NotClaimedByYou
    before = entries_of(connection, item)
    if not before.incomplete or actor in before.authors:
        raise Conflict("You or two others have typed these values already.", "Claim the next item.")
    connection.execute(SQL["insert_entry"], {"item": item, "actor": actor, "entered": Jsonb(entered)})
    entries = entries_of(connection, item)
    params = {"item": item, "excluded_users": entries.authors}
    if entries.incomplete:
        connection.execute(SQL["exclude_users"], params)
    elif entries.agreed is None:
        note = "Two people read different values on the page."
        connection.execute(SQL["escalate_entries"], {**params, "note": note})
    else:
        connection.execute(SQL["include_users"], {"item": item})
    return entries


def normalize(name: str, value: str) -> str:
    """Return a value as it is compared: a number without blanks, a date in ISO form.

    Raises:
        InvalidInput: The birth date is not a date.
    """
    value = value.strip()
    if name != "dob":
        return "".join(value.split()).upper()
    try:
        return date.fromisoformat(value).isoformat() if value else ""
    except ValueError:
        raise InvalidInput(
            f"{value!r} is not a date.", "Write the birth date as YYYY-MM-DD.", "bad_date"
        ) from None
