"""The partitions of the pages' text: the newest is followed by an empty one in time."""

from __future__ import annotations

import logging

from psycopg.errors import LockNotAvailable

from pipeline.store.database import Connection

log = logging.getLogger(__name__)
# of a partition: its search index is some GB, stays in memory while it grows and is rebuilt in minutes
MOST_PAGES = 2_000_000
# everybody waits meanwhile; where a long search is under way, the next program that starts tries again
LOCK_SECONDS = 2.0


def extend_page_text(connection: Connection, most: int = MOST_PAGES) -> str | None:
    """Make another partition where the newest is filling; its name. None where there is no need, or no moment
    for it.
    """
    try:
        with connection.transaction():
            connection.execute("select set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
            row = connection.execute("select extend_page_text(%s) as name", [most]).fetchone()
    except LockNotAvailable:
        log.warning("the text of pages is in use; its next partition is made another time")
        return None
    assert row is not None
    name: str | None = row["name"]
    return name
