"""The review queue: its open items and who has claimed them.

A claim is a lease that expires, so no item stays with a user who has left."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from pipeline.errors import Conflict, NotFound
from pipeline.index.double_entry import NotClaimedByYou
from pipeline.store.database import Connection
from pipeline.store.page_json import ReasonJson
from pipeline.store.sql import statements
from pipeline.web.ttl_cache import TtlCache

SQL = statements("pipeline.web.review")
Counts = dict[str, list[dict[str, Any]]]

# the counts of a queue of at least this many items are cached: a few more or less do not matter in thousands
LONG_QUEUE_ITEMS = 2_000
COUNT_CACHE_SECONDS = 5.0

_counts_cache: TtlCache[Counts] = TtlCache()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which items of the queue are wanted; None means any."""

    reason: str | None = None
    type: str | None = None
    department: str | None = None
    source: str | None = None
    escalated: bool | None = None

    def params(self) -> dict[str, Any]:
        """Return the filters as parameters of a statement."""
        return asdict(self)

    def query(self) -> dict[str, str]:
        """Return the filters that are set, as parameters of an address."""
        return {key: str(value) for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """An open item in the list of the queue.

    `entries`: how many people have typed its values; `pages`: the number of its document's pages;
    `first_person`: the first candidate's record, if a patient in the index is likely."""

    id: int
    scan_id: int
    document_id: int | None
    reasons: list[ReasonJson]
    priority: int
    opened_at: datetime
    escalated_by: str | None
    note: str | None
    entries: int
    held_by: str | None
    scan_name: str
    source: str
    department: str | None
    type: str | None
    pages: int | None
    first_person: dict[str, Any] | None


def open_items(connection: Connection, filters: Filters, limit: int) -> list[QueueItem]:
    """Return the first open items, in the order in which they are assigned."""
    with connection.cursor(row_factory=class_row(QueueItem)) as cursor:
        return cursor.execute(SQL["open_items"], filters.params() | {"limit": limit}).fetchall()


def queue_counts(connection: Connection) -> Counts:
    """Return the number of open items by each value of each filter.

    The counts of a long queue may be COUNT_CACHE_SECONDS old.

    Returns:
        {"reason": [{"key", "n"}], ...}; "all" and "escalated" have one entry each.
    """
    cached = _counts_cache.get(connection)
    if cached is not None:
        return cached
    counts: Counts = {}
    for row in connection.execute(SQL["count_items"]):
        counts.setdefault(row["dimension"], []).append({"key": row["key"], "n": row["n"]})
    is_long = counts["all"][0]["n"] >= LONG_QUEUE_ITEMS
    return _counts_cache.put(connection, counts, COUNT_CACHE_SECONDS) if is_long else counts


def claim_next(
    connection: Connection, user: str, filters: Filters, minutes: int, *, exclude_item: int | None = None
) -> int | None:
    """Claim the first free item and return its id; None if there is none.

    Two users who ask at the same time get different items. Items that this user has skipped come when no
    others are left; `exclude_item`, which was skipped or escalated just now, does not come at all."""
    for include_skipped in (False, True):
        params = filters.params() | {
            "user": user,
            "minutes": minutes,
            "exclude_item": exclude_item,
            "include_skipped": include_skipped,
        }
        row = connection.execute(SQL["claim_next"], params).fetchone()
        if row is not None:
            return int(row["id"])
    return None


def next_page(
    connection: Connection, user: str, filters: Filters, exclude_item: int
) -> tuple[int, int] | None:
    """Return scan and number of the page that this user will probably see after this item.

    The browser loads it in advance. Nothing is claimed."""
    params = filters.params() | {"exclude_item": exclude_item, "user": user}
    row = connection.execute(SQL["peek_next"], params).fetchone()
    return None if row is None else (row["scan_id"], row["number"])


def claim(connection: Connection, item: int, user: str, minutes: int) -> None:
    """Claim this item, or renew the claim.

    Raises NotFound, or Conflict if another user has claimed it, it is closed, or this user has typed its
    values."""
    params = {"id": item, "user": user, "minutes": minutes}
    if connection.execute(SQL["claim"], params).fetchone() is not None:
        return
    row = connection.execute(SQL["who_holds"], {"id": item}).fetchone()
    if row is None:
        raise NotFound(f"There is no review item {item}.", "Go back to the queue.")
    if row["closed_at"] is not None:
        raise Conflict(f"{row['closed_by']} has already closed this item.", "Claim the next one.")
    if user in row["excluded_users"]:
        raise Conflict(
            "You have typed the values of this item, so another reviewer must continue with it.",
            "Claim the next one.",
        )
    raise Conflict(
        f"{row['claimed_by']} is working on this item.", "Claim another one, or ask them to release it."
    )


def release(connection: Connection, item: int, user: str) -> None:
    """Release the item, if the user has claimed it."""
    connection.execute(SQL["release"], {"id": item, "user": user})


def skip(connection: Connection, item: int, user: str) -> None:
    """Release the item, if the user has claimed it, and assign it to this user only after all others."""
    connection.execute(SQL["skip"], {"id": item, "user": user})


def escalate(connection: Connection, item: int, user: str, note: str) -> None:
    """Escalate the item with a note, and release it. Raises NotYours."""
    done = connection.execute(SQL["escalate"], {"id": item, "user": user, "note": note})
    if done.rowcount == 0:
        raise NotClaimedByYou
