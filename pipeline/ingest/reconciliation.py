"""Reconcile the intake: what arrived, what happened to it, and whether the totals add up.

Files seen = filed + in review + quarantined + dismissed + duplicates + in progress + blank + withdrawn +
still in the folder + gone from it before they were stored. Pages in = filed + in review + blank + separator +
quarantined + in progress + withdrawn. In addition to the sums, `discrepancies` are states that must not
exist: a page in no document, a scan without a job.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipeline.errors import NotFound
from pipeline.ingest.batches import Batch, batches
from pipeline.ingest.registration import SQL
from pipeline.store.blobs import BlobDamaged, Blobs
from pipeline.store.database import Connection

UNSUMMED_COUNTS = {"seen", "in", "unreadable"}
"""Counts that are totals, or a part of other counts."""
MAX_WAITING_FILES = 100  # files of the folder that are listed with their waiting reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A state that must not exist."""

    code: str
    scan: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The intake at one moment.

    Attributes:
        files: By outcome, with their total `seen`.
        pages: By outcome, with their total `in`.
        notes: How many scans have each note, by its code.
    """

    files: dict[str, int]
    pages: dict[str, int]
    batches: tuple[Batch, ...]
    waiting: tuple[Waiting, ...]
    faults: tuple[Discrepancy, ...]
    notes: dict[str, int]

    @property
    def balanced(self) -> bool:
        return not self.faults

    @property
    def incomplete_batches(self) -> tuple[Batch, ...]:
        """The batches whose counts differ from what is expected, except those that a person has closed."""
        return tuple(
            batch
            for batch in self.batches
            if batch.state == "incomplete" or (batch.state == "closed" and batch.differences)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHistory:
    """One file, from when it was seen until it left the folder. None: not yet, or not applicable."""

    ingest_event: int
    scan: int
    name: str
    path: str | None
    sha256: str
    size: int
    pages: int | None
    duplicate: bool
    status: str
    batch: str | None
    seen_at: datetime
    stable_at: datetime | None
    stored_at: datetime
    read_at: datetime | None
    filed_at: datetime | None
    removed_at: datetime | None
    notes: list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that stays in the intake folder until a person acts. `stored`: its bytes are safe."""

    path: str
    size: int
    seen_at: datetime
    waiting_reason: str
    stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRetention:
    """A file that came in, and why its paper must be kept (`kept_for`); None if it may be destroyed.

    The reasons are in_progress, quarantined, review (a person has to check it), rescan (a document of it has
    to be scanned again), pages_missing, and batch (its batch is not closed).
    """

    ingest_event: int
    scan: int
    name: str
    path: str | None
    batch: str | None
    stored_at: datetime
    kept_for: str | None


def reconcile(connection: Connection) -> Ledger:
    """Return the ledger, read in one snapshot, so that work in progress cannot make its sums wrong."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        files = dict(connection.execute(SQL["files"]).fetchone() or {})
        pages = dict(connection.execute(SQL["pages"]).fetchone() or {})
        faults = [Discrepancy(**row) for row in connection.execute(SQL["discrepancies"])]
        all_batches = batches(connection)
        notes = {row["code"]: row["scans"] for row in connection.execute(SQL["note_counts"])}
        waiting = [Waiting(**row) for row in connection.execute(SQL["waiting"], [MAX_WAITING_FILES])]
    for what, total, counts in (("files", "seen", files), ("pages", "in", pages)):
        parts = sum(count for key, count in counts.items() if key not in UNSUMMED_COUNTS)
        if parts != counts[total]:
            faults.append(
                Discrepancy(
                    code=f"{what}_sum",
                    scan=None,
                    detail=f"{counts[total]} {what} came in, {parts} are accounted for",
                )
            )
    return Ledger(
        files=files,
        pages=pages,
        batches=tuple(all_batches),
        waiting=tuple(waiting),
        faults=tuple(faults),
        notes=notes,
    )


def file_histories(connection: Connection, *, scan: int | None = None, limit: int = 200) -> list[FileHistory]:
    """Return the histories of the files seen last, or of the files of one scan."""
    return [
        FileHistory(**row) for row in connection.execute(SQL["file_history"], {"scan": scan, "limit": limit})
    ]


def paper_retention(connection: Connection) -> Iterator[PaperRetention]:
    """Yield every file that came in, oldest first, with the reason why its paper must be kept."""
    with connection.transaction(), connection.cursor(name="paper") as cursor:
        cursor.execute(SQL["paper_retention"])
        yield from (PaperRetention(**row) for row in cursor)


def verify_originals(connection: Connection, blobs: Blobs) -> Iterator[Discrepancy | None]:
    """Read every original back from the object store.

    Yields:
        For each original None, or the discrepancy if it is lost or has different bytes.
    """
    for row in connection.execute(SQL["originals"]).fetchall():
        try:
            blobs.verify(row["sha256"])
            yield None
        except NotFound:
            yield Discrepancy(
                code="original_lost",
                scan=row["id"],
                detail=f"its original {row['sha256']} is missing in the object store",
            )
        except BlobDamaged:
            yield Discrepancy(
                code="original_damaged",
                scan=row["id"],
                detail=f"its original {row['sha256']} has different bytes in the object store",
            )


def ledger_json(ledger: Ledger) -> dict[str, Any]:
    """Return the ledger as JSON for programs."""
    return {
        "balanced": ledger.balanced,
        "files": ledger.files,
        "pages": ledger.pages,
        "batches": [_batch_json(batch) for batch in ledger.batches],
        "waiting": [
            {"path": file.path, "seen_at": file.seen_at, "why": file.waiting_reason, "stored": file.stored}
            for file in ledger.waiting
        ],
        "faults": [asdict(discrepancy) for discrepancy in ledger.faults],
        "notes": ledger.notes,
    }


def _batch_json(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "name": batch.name,
        "state": batch.state,
        "closed": batch.closed_at is not None,
        "balanced": batch.balanced and not batch.differences,
        "differences": list(batch.differences),
        "review_item": batch.item,
        "expected": {
            "files": batch.expected_files,
            "documents": batch.expected_documents,
            "pages": batch.expected_pages,
        },
        "files": batch.files,
        "documents": batch.documents,
        "pages": batch.pages,
        "duplicates": batch.duplicates,
        "quarantined": batch.quarantined,
        "in_progress": batch.in_progress,
    }
