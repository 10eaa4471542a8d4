"""Large scans are read in page ranges by many workers, and completed exactly once.

Dispatching writes the ranges and enqueues their jobs in one transaction. A range's job fills the OCR cache,
then records in one transaction how its pages were opened. The job that closes the last range enqueues the
scan's own job in that transaction.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg.types.json import Jsonb

from pipeline.records import Page, Reason, Scan
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json, storable
from pipeline.store.sql import statements
from pipeline.worker.job_queue import enqueue_pages, enqueue_scan

SQL = statements("pipeline.worker")
LARGE_SCAN_PAGES = 48
"""A scan with more pages is dispatched. A fax or a chart section stays with one worker, which opens it once.
"""
PAGES_PER_RANGE = 16
"""About 15 s of work, compared with which opening the file again for each range costs little."""


def dispatch_ranges(connection: Connection, scan: Scan, pages: int) -> bool:
    """Dispatch the page ranges of a large scan, unless that has been done.

    Args:
        connection: the database.
        scan: the scan.
        pages: how many pages it has.

    Returns:
        False if the scan is to be processed now: it is small, or its ranges have been dispatched before.
    """
    if pages <= LARGE_SCAN_PAGES:
        return False
    ranges = [
        range(first, min(first + PAGES_PER_RANGE, pages + 1))
        for first in range(1, pages + 1, PAGES_PER_RANGE)
    ]
    with connection.transaction():
        connection.execute(SQL["lock_scan_row"], [scan.id])
        if connection.execute(SQL["has_ranges"], [scan.id]).fetchone():
            return False
        with connection.cursor() as cursor:
            cursor.executemany(SQL["insert_range"], [(scan.id, pages[0], pages[-1]) for pages in ranges])
        enqueue_pages(connection, scan.id, scan.priority, ranges)
    return True


def close_range(connection: Connection, scan: Scan, first: int, pages: Iterable[tuple[Page, str]]) -> None:
    """Close a range; closing the last one enqueues the scan. Closing a range again changes nothing.

    Args:
        connection: the database.
        scan: the scan.
        first: the number of the range's first page.
        pages: the pages as they were opened, each with its OCR cache key.
    """
    opened = [
        {
            "number": page.number,
            "image": page.image,
            "dpi": page.dpi,
            "problem": None if page.problem is None else storable(page.problem),
            "notes": reasons_json(page.notes),
            "key": key,
        }
        for page, key in pages
    ]
    with connection.transaction():
        connection.execute(SQL["lock_scan_row"], [scan.id])
        if connection.execute(SQL["finish_range"], [Jsonb(opened), scan.id, first]).rowcount == 0:
            return
        if not connection.execute(SQL["has_open_ranges"], [scan.id]).fetchone():
            enqueue_scan(connection, scan.id, scan.priority)


def range_pages(connection: Connection, scan: Scan) -> list[tuple[Page, str]]:
    """Return the pages of a scan whose ranges are all closed, with their OCR cache keys; else an empty
    list.
    """
    pages = []
    for row in connection.execute(SQL["range_pages"], {"scan": scan.id}):
        for entry in row["pages"]:
            key, notes = entry.pop("key"), tuple(Reason(**note) for note in entry.pop("notes"))
            pages.append((Page(scan=scan.sha256, notes=notes, **entry), key))
    return pages
