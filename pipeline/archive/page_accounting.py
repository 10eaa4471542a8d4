"""Reconcile a migration: files and pages with totals that add up, batches, exceptions, and what may be
destroyed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.archive.migration_jobs import MigrationJob
from pipeline.archive.quality_sampling import Sample, samples
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
FETCH_ROWS = 2_000  # rows held in memory at a time
OUTCOMES = (
    "filed",
    "review",
    "blank",
    "withdrawn",
    "duplicate",
    "quarantined",
    "dismissed",
    "waiting",
    "missing",
    "rejected",
    "unlisted",
)
"""The outcome of a document of the manifest: exactly one of these. `unlisted` are files that no document
names.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTotals:
    """The totals of a batch, by the results of verification."""

    id: int
    name: str
    signed_at: datetime | None
    signed_by: str | None
    rows: int
    files: int
    pages: int
    verified: int
    exempt: int
    failed: int
    unchecked: int
    waiting: int

    @property
    def is_verified(self) -> bool:
        """Whether every document was checked and none failed."""
        return not (self.failed or self.unchecked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A migration at one moment.

    Attributes:
        rows: Documents of the manifest by outcome. A file that no row names is a file and not a row.
        files: Source files by outcome.
        pages: Pages by outcome, with their total `in`.
    """

    job: MigrationJob
    rows: dict[str, int]
    files: dict[str, int]
    pages: dict[str, int]
    batches: tuple[BatchTotals, ...]
    samples: tuple[Sample, ...]

    @property
    def differences(self) -> tuple[str, ...]:
        """The totals that do not add up, in words for a person."""
        differences = []
        listed = sum(self.rows.values())
        if self.job.listed is None or self.job.import_finished_at is None:
            differences.append("no run has finished yet")
        elif listed != self.job.listed:
            differences.append(f"the manifest has {self.job.listed} documents, {listed} are accounted for")
        accounted = sum(count for outcome, count in self.pages.items() if outcome != "in")
        if accounted != self.pages["in"]:
            differences.append(f"{self.pages['in']} pages came in, {accounted} are accounted for")
        return tuple(differences)


@contextmanager
def snapshot(connection: Connection, job: MigrationJob) -> Iterator[Connection]:
    """Show one moment of the migration to every query within, so that work in progress cannot make sums
    wrong.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        connection.execute(SQL["record_outcomes"], {"archive": job.id})
        yield connection


def reconcile(connection: Connection, job: MigrationJob) -> Reconciliation:
    """Return the totals of a migration. Call it within a snapshot."""
    counts = connection.execute(SQL["report_rows"]).fetchall()
    pages: dict[str, Any] = connection.execute(SQL["report_pages"]).fetchone() or {}

    def by_outcome(column: str) -> dict[str, int]:
        return {
            outcome: sum(row[column] or 0 for row in counts if row["outcome"] == outcome)
            for outcome in OUTCOMES
        }

    return Reconciliation(
        job=job,
        rows=by_outcome("rows") | {"unlisted": 0},
        files=by_outcome("files"),
        pages=dict(pages),
        batches=tuple(BatchTotals(**row) for row in connection.execute(SQL["report_batches"])),
        samples=tuple(samples(connection, job)),
    )


def exceptions(connection: Connection) -> Iterator[dict[str, Any]]:
    """Yield every exception, within a snapshot: {batch, row, document, path, code, detail}."""
    return _stream(connection, "report_exceptions")


def destroyable_files(connection: Connection) -> Iterator[dict[str, Any]]:
    """Yield every source file that may be destroyed, within a snapshot.

    Its keys are {batch, row, path, sha256, scan, signed_by, signed_at}.
    """
    return _stream(connection, "report_destroyable")


def _stream(connection: Connection, name: str) -> Iterator[dict[str, Any]]:
    with connection.cursor(name=name) as cursor:
        cursor.itersize = FETCH_ROWS
        yield from cursor.execute(SQL[name])
