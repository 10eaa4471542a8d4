"""The job queue: procrastinate's, in the same Postgres, so that a job is enqueued by the transaction that
needs it.

A queue for each priority. Workers take the highest first, with a fair turn for the others (see
work/fairness.py)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from pipeline.records import Priority
from pipeline.store.database import Connection

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.types import JSONDict

SCAN, PAGES = "scan", "pages"  # the tasks: process a scan; read a range of a large scan's pages
QUEUES = tuple(p.name.lower() for p in sorted(Priority, reverse=True))


@cache
def deferrer() -> App:
    """An app that only enqueues, on connections of its caller."""
    from procrastinate import App, SyncPsycopgConnector  # slow to import, and not every program enqueues

    return App(connector=SyncPsycopgConnector())


def enqueue_scan(connection: Connection, scan_id: int, priority: int) -> None:
    """Enqueue the processing of a scan, in the connection's transaction."""
    task = deferrer().configure_task(SCAN, connection=connection, queue=queue_of(priority), priority=priority)
    task.defer(scan=scan_id)


def enqueue_pages(connection: Connection, scan_id: int, priority: int, ranges: Iterable[range]) -> None:
    """Enqueue the reading of page ranges, in the connection's transaction."""
    task = deferrer().configure_task(
        PAGES, connection=connection, queue=queue_of(priority), priority=priority
    )
    jobs: list[JSONDict] = [{"scan": scan_id, "first": pages[0], "last": pages[-1]} for pages in ranges]
    task.batch_defer(*jobs)


def queue_of(priority: int) -> str:
    """The queue of a priority: that of the highest class it reaches."""
    return max((p for p in Priority if p <= priority), default=Priority.BACKFILL).name.lower()
