"""Large scans are read in ranges of pages by many workers and meet again exactly once.

Handing out writes the ranges and enqueues their jobs in one transaction. A range's job fills the reading
cache, then notes in one transaction what its pages were opened as; the one that finds no range open enqueues
the scan's own job there and then."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg.types.json import Jsonb

from pipeline.records import Page, Scan
from pipeline.store.database import Connection
from pipeline.store.page_json import storable
from pipeline.store.sql import statements
from pipeline.worker.job_queue import enqueue_pages, enqueue_scan

SQL = statements("pipeline.worker")
# pages: a scan of more is handed out; a fax or a chart section stays with one worker, which opens it once
LARGE = 48
RANGE = 16  # pages of a range: some 15 s of work, little against opening the file once more for each


def hand_out(connection: Connection, scan: Scan, pages: int) -> bool:
    """Hand a large scan's pages out, unless that has been done; False where the scan is to be processed as it
    stands.
    """
    if pages <= LARGE:
        return False
    parts = [range(first, min(first + RANGE, pages + 1)) for first in range(1, pages + 1, RANGE)]
    with connection.transaction():
        connection.execute(SQL["lock_scan_row"], [scan.id])
        if connection.execute(SQL["has_ranges"], [scan.id]).fetchone():
            return False
        with connection.cursor() as cursor:
            cursor.executemany(SQL["insert_range"], [(scan.id, part[0], part[-1]) for part in parts])
        enqueue_pages(connection, scan.id, scan.priority, parts)
    return True


def finish(connection: Connection, scan: Scan, first: int, pages: Iterable[tuple[Page, str]]) -> None:
    """Close a range. `pages`: as they were opened, with the keys of their readings. Closing it again changes
    nothing.
    """
    opened = [
        {
            "number": page.number,
            "image": page.image,
            "dpi": page.dpi,
            "problem": None if page.problem is None else storable(page.problem),
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


def pages_of(connection: Connection, scan: Scan) -> list[tuple[Page, str]]:
    """The pages of a scan whose ranges are all closed, with the keys of their readings; empty for any other
    scan.
    """
    found = []
    for row in connection.execute(SQL["range_pages"], {"scan": scan.id}):
        for entry in row["pages"]:
            key = entry.pop("key")
            found.append((Page(scan=scan.sha256, **entry), key))
    return found
