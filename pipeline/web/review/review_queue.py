"""The review queue: what is open, who holds what. A claim is a lease: it ends by itself, so nothing stays
with who went home.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.errors import Conflict, NotFound
from pipeline.index.double_entry import NotYours
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.ttl_cache import kept

SQL = statements("pipeline.web.review")

LONG = 2_000  # items: a queue as long as this is counted
LONG_SECONDS = 5.0  # no more often than this; nobody sees the difference of a few in thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which items of the queue; None is any. `escalated`: those that were handed up."""

    reason: str | None = None
    type: str | None = None
    department: str | None = None
    source: str | None = None
    escalated: bool | None = None

    def given(self) -> dict[str, Any]:
        """As parameters of a statement."""
        return asdict(self)

    def query(self) -> dict[str, str]:
        """As it stands in an address."""
        return {key: str(value) for key, value in asdict(self).items() if value is not None}


def open_items(connection: Connection, filters: Filters, limit: int) -> list[dict[str, Any]]:
    """The first items of the queue, in the order in which they are given out."""
    return connection.execute(SQL["open_items"], filters.given() | {"limit": limit}).fetchall()


def counts(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """How many open items there are, by each thing to filter by: {"reason": [{"key", "n"}], ...}; "all" has
    one row.

    Of a long queue they may be LONG_SECONDS old.
    """
    return kept(
        connection,
        "counts",
        lambda: _count(connection),
        lambda found: LONG_SECONDS * (found["all"][0]["n"] >= LONG),
    )


def _count(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(SQL["count_items"]):
        found.setdefault(row["dimension"], []).append({"key": row["key"], "n": row["n"]})
    return found


def claim_next(
    connection: Connection, person: str, filters: Filters, minutes: int, *, but: int | None = None
) -> int | None:
    """Take the first item that nobody else holds; None where there is none. Two people asking at once get two
    items.

    What this person has skipped comes when nothing else is left; `but`, what was skipped or handed up just
    now, not even then."""
    for again in (False, True):
        given = filters.given() | {"person": person, "minutes": minutes, "but": but, "again": again}
        row = connection.execute(SQL["claim_next"], given).fetchone()
        if row is not None:
            return int(row["id"])
    return None


def page_ahead(connection: Connection, person: str, filters: Filters, but: int) -> tuple[int, int] | None:
    """Scan and number of the page that this person would see after this item, to be fetched in advance.
    Nothing is claimed.
    """
    row = connection.execute(SQL["peek_next"], filters.given() | {"but": but, "person": person}).fetchone()
    return None if row is None else (row["scan_id"], row["number"])


def claim(connection: Connection, item: int, person: str, minutes: int) -> None:
    """Take this item. Raises Conflict where somebody else holds it or it is settled."""
    if (
        connection.execute(SQL["claim"], {"id": item, "person": person, "minutes": minutes}).fetchone()
        is None
    ):
        row = connection.execute(SQL["who_holds"], {"id": item}).fetchone()
        if row is None:
            raise NotFound(f"There is no review item {item}.")
        if row["settled_at"] is not None:
            raise Conflict(f"{row['settled_by']} has settled this item.", "Take the next one.")
        if person in row["barred"]:
            raise Conflict(
                "You have typed the values of this item: somebody else goes on with it.", "Take the next one."
            )
        raise Conflict(f"{row['claimed_by']} is working on this item.", "Take another one, or ask for it.")


def release(connection: Connection, item: int, person: str) -> None:
    """Give the item back, if the person holds it."""
    connection.execute(SQL["release"], {"id": item, "person": person})


def skip(connection: Connection, item: int, person: str) -> None:
    """Give the item back, if the person holds it, and let others come first from now on."""
    connection.execute(SQL["skip"], {"id": item, "person": person})


def escalate(connection: Connection, item: int, person: str, note: str) -> None:
    """Hand the item up with a note, and let go of it. Raises NotYours."""
    done = connection.execute(SQL["escalate"], {"id": item, "person": person, "note": note})
    if done.rowcount == 0:
        raise NotYours
