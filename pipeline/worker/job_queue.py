"""The job queue: procrastinate's, in the same Postgres database, so that a job is enqueued in the transaction
that needs it.

Each priority has a queue. Workers take the highest first, with a fair turn for the others (see
fair_scheduling.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from pipeline.records import Priority
from pipeline.store.database import Connection

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.types import JSONDict

SCAN_TASK = "scan"
"""Processes a scan."""
PAGES_TASK = "pages"
"""Reads a range of a large scan's pages."""
QUEUES = tuple(priority.name.lower() for priority in sorted(Priority, reverse=True))


@cache
def enqueuing_app() -> App:
    """Return an app that only enqueues, on connections of its caller."""
    from procrastinate import App, SyncPsycopgConnector  # slow to import, and not every program enqueues

    return App(connector=SyncPsycopgConnector())


def enqueue_scan(connection: Connection, scan_id: int, priority: int) -> None:
    """Enqueue the processing of a scan, in the connection's transaction."""
    task = enqueuing_app().configure_task(
        SCAN_TASK, connection=connection, queue=queue_of(priority), priority=priority
    )
    task.defer(scan=scan_id)


def enqueue_pages(connection: Connection, scan_id: int, priority: int, ranges: Iterable[range]) -> None:
    """Enqueue the reading of page ranges, in the connection's transaction."""
    task = enqueuing_app().configure_task(
        PAGES_TASK, connection=connection, queue=queue_of(priority), priority=priority
    )
    jobs: list[JSONDict] = [{"scan": scan_id, "first": pages[0], "last": pages[-1]} for pages in ranges]
    task.batch_defer(*jobs)


def queue_of(priority: int) -> str:
    """Return the queue of a priority: that of the highest class that it reaches."""
    return max((p for p in Priority if p <= priority), default=Priority.BACKFILL).name.lower()
