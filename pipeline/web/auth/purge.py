"""Deletes what signing in leaves behind: ended sessions, faded failures, unused browsers, old notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from pipeline.logs import get_logger
from pipeline.store.database import Connection, Pool
from pipeline.store.sql import statements
from pipeline.web.auth.sessions import MAX_SESSION_HOURS

INTERVAL_SECONDS = 300.0
ROWS_AT_ONCE = 1000  # of each table: a purge takes milliseconds, and the next one continues
ATTEMPT_HOURS = (
    24  # after the last attempt: the longest wait (15 minutes) is over, and most failures have faded
)
DEVICE_DAYS = 90  # as long as the cookie
NOTICE_DAYS = 365  # seen ones; the audit keeps the change itself

SQL = statements("pipeline.web.auth")
log = get_logger(__name__)


def purge(connection: Connection, idle_minutes: int) -> dict[str, int]:
    """Delete rows that are no longer needed; return how many of each kind.

    Args:
        connection: The database.
        idle_minutes: After how long without a request a session has ended.
    """
    params = {
        "hours": MAX_SESSION_HOURS,
        "idle": idle_minutes,
        "attempt_hours": ATTEMPT_HOURS,
        "device_days": DEVICE_DAYS,
        "notice_days": NOTICE_DAYS,
        "limit": ROWS_AT_ONCE,
    }
    row = connection.execute(SQL["purge_sign_in_data"], params).fetchone()
    assert row is not None
    return {name: int(count) for name, count in row.items()}


@contextmanager
def purging(pool: Pool, idle_minutes: int) -> Iterator[None]:
    """Purge every INTERVAL_SECONDS in a thread, until the block ends."""
    ending = threading.Event()

    def run() -> None:
        while not ending.wait(INTERVAL_SECONDS):
            try:
                with pool.connection() as connection:
                    purge(connection, idle_minutes)
            except (psycopg.Error, PoolTimeout) as error:  # the database is away; the next purge does it
                log.warning("sign-in data was not purged", error=type(error).__name__)

    thread = threading.Thread(target=run, name="purge", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
