"""What became of an archive: files and pages with totals that add up, its batches, every exception, what may
be destroyed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.archive.migration_jobs import Archive
from pipeline.archive.quality_sampling import Sample, samples
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
FETCHED = 2_000  # rows held at a time
OUTCOMES = (
    "filed", "review", "blank", "withdrawn", "duplicate", "quarantined", "rejected", "waiting", "missing", "refused", "unlisted",
)  # fmt: skip
"""What becomes of a document of the manifest: exactly one of these. `unlisted` are files that no document
names.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAccount:
    """A batch. It verified where everything was checked and nothing is a fault."""

    id: int
    name: str
    signed_at: datetime | None
    signed_by: str | None
    rows: int
    files: int
    pages: int
    proved: int
    excepted: int
    faults: int
    unchecked: int
    waiting: int

    @property
    def verified(self) -> bool:
        return not (self.faults or self.unchecked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An archive at one moment. `rows` and `files` by outcome; `pages` by what became of them, with their
    total `in`.

    A file that no row names is a file and no row.
    """

    archive: Archive
    rows: dict[str, int]
    files: dict[str, int]
    pages: dict[str, int]
    batches: tuple[BatchAccount, ...]
    samples: tuple[Sample, ...]

    @property
    def differences(self) -> tuple[str, ...]:
        """What does not add up; empty where all does."""
        found = []
        listed = sum(self.rows.values())
        if self.archive.listed is None or self.archive.fed_at is None:
            found.append("no run has come to its end yet")
        elif listed != self.archive.listed:
            found.append(f"the manifest has {self.archive.listed} documents, {listed} are accounted for")
        parts = sum(count for what, count in self.pages.items() if what != "in")
        if parts != self.pages["in"]:
            found.append(f"{self.pages['in']} pages came in, {parts} are accounted for")
        return tuple(found)


@contextmanager
def snapshot(connection: Connection, archive: Archive) -> Iterator[Connection]:
    """One moment of the archive for everything that is asked within: work that goes on does not make sums
    wrong.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        connection.execute(SQL["note_outcomes"], {"archive": archive.id})
        yield connection


def account_of(connection: Connection, archive: Archive) -> Account:
    """The account, within a snapshot."""
    outcomes = connection.execute(SQL["report_rows"]).fetchall()
    pages: dict[str, Any] = connection.execute(SQL["report_pages"]).fetchone() or {}
    return Account(
        archive=archive,
        rows={what: sum(row["rows"] for row in outcomes if row["outcome"] == what) for what in OUTCOMES}
        | {"unlisted": 0},
        files={
            what: sum(row["files"] or 0 for row in outcomes if row["outcome"] == what) for what in OUTCOMES
        },
        pages=dict(pages),
        batches=tuple(BatchAccount(**row) for row in connection.execute(SQL["report_batches"])),
        samples=tuple(samples(connection, archive)),
    )


def exceptions(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every exception, within a snapshot: {batch, row, document, path, code, detail}."""
    return _streamed(connection, "report_exceptions")


def destroyable(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every source file that may be destroyed, within a snapshot: {batch, row, path, sha256, scan, signed_by,
    signed_at}.
    """
    return _streamed(connection, "report_destroyable")


def _streamed(connection: Connection, name: str) -> Iterator[dict[str, Any]]:
    with connection.cursor(name=name) as cursor:
        cursor.itersize = FETCHED
        yield from cursor.execute(SQL[name])
