"""The landing ledger: what came in, what became of it, and whether the two add up.

Files seen = filed + in review + quarantined + rejected + duplicates + in progress + blank + withdrawn + still
in the folder + gone from it before they were stored. Pages in = filed + in review + blank + separator +
quarantined + in progress + withdrawn. Beside the sums, `faults` looks for what must never be: a page in no
document, a scan that nobody works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.errors import NotFound
from pipeline.ingest.batches import Batch, batches
from pipeline.ingest.registration import SQL
from pipeline.store.blobs import BlobDamaged, Blobs
from pipeline.store.database import Connection

NOT_ADDED = {"seen", "in", "unreadable"}
"""Counts that are totals, or a share of others."""
MOST_WAITING = 100  # files of the folder that are named with what they wait for


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that must never be. `scan` is where to look."""

    code: str
    scan: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The account at one moment. `files` and `pages` by what became of them, with their totals `seen` and
    `in`.
    """

    files: dict[str, int]
    pages: dict[str, int]
    batches: tuple[Batch, ...]
    waiting: tuple[Waiting, ...]
    faults: tuple[Fault, ...]

    @property
    def adds_up(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One file, from when it was seen until it left the folder; None has not happened, or does not apply."""

    arrival: int
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
    left_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that stays in the intake folder until a person does something. `stored`: its bytes are safe, it
    cannot leave.
    """

    path: str
    size: int
    seen_at: datetime
    why: str
    stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A file that came in, and what its paper must be kept for; None: it may be destroyed.

    in_progress, quarantined, review (a person has to look at it), rescan (a document of it is to be scanned
    again), pages_missing, batch (its batch is not settled)."""

    arrival: int
    scan: int
    name: str
    path: str | None
    batch: str | None
    stored_at: datetime
    kept_for: str | None


def reconcile(connection: Connection) -> Ledger:
    """The account, read in one snapshot: work that goes on meanwhile does not make it wrong."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        files = dict(connection.execute(SQL["files"]).fetchone() or {})
        pages = dict(connection.execute(SQL["pages"]).fetchone() or {})
        faults = [Fault(**row) for row in connection.execute(SQL["faults"])]
        found = batches(connection)
        waiting = [Waiting(**row) for row in connection.execute(SQL["waiting"], [MOST_WAITING])]
    for what, total, counts in (("files", "seen", files), ("pages", "in", pages)):
        parts = sum(count for key, count in counts.items() if key not in NOT_ADDED)
        if parts != counts[total]:
            faults.append(
                Fault(
                    code=f"{what}_sum",
                    scan=None,
                    detail=f"{counts[total]} {what} came in, {parts} are accounted for",
                )
            )
    return Ledger(
        files=files, pages=pages, batches=tuple(found), waiting=tuple(waiting), faults=tuple(faults)
    )


def lives(connection: Connection, *, scan: int | None = None, limit: int = 200) -> list[Life]:
    """The lives of the files seen last, or of one scan's."""
    return [Life(**row) for row in connection.execute(SQL["lives"], {"scan": scan, "limit": limit})]


def paper(connection: Connection) -> Iterator[Paper]:
    """Every file that came in, oldest first, with what its paper must be kept for."""
    with connection.transaction(), connection.cursor(name="paper") as cursor:
        cursor.execute(SQL["paper"])
        yield from (Paper(**row) for row in cursor)


def verify_originals(connection: Connection, blobs: Blobs) -> Iterator[Fault | None]:
    """Read every original back from the store: a fault for each that is lost or has other bytes, None for
    each that is right.
    """
    for row in connection.execute(SQL["originals"]).fetchall():
        try:
            blobs.verify(row["sha256"])
            yield None
        except NotFound:
            yield Fault(
                code="original_lost",
                scan=row["id"],
                detail=f"its original {row['sha256']} is not in the store",
            )
        except BlobDamaged:
            yield Fault(
                code="original_damaged",
                scan=row["id"],
                detail=f"its original {row['sha256']} has other bytes in the store",
            )


def ledger_json(ledger: Ledger) -> dict[str, Any]:
    """For programs."""
    return {
        "adds_up": ledger.adds_up,
        "files": ledger.files,
        "pages": ledger.pages,
        "batches": [
            {
                "id": b.id, "name": b.name, "state": b.state, "settled": b.settled_at is not None, "adds_up": b.adds_up,
                "differences": list(b.differences), "review_item": b.item,
                "expected": {"files": b.expected_files, "documents": b.expected_documents, "pages": b.expected_pages},
                "files": b.files, "documents": b.documents, "pages": b.pages, "duplicates": b.duplicates,
                "quarantined": b.quarantined, "in_progress": b.in_progress,
            }
            for b in ledger.batches
        ],
        "waiting": [{"path": w.path, "seen_at": w.seen_at, "why": w.why, "stored": w.stored} for w in ledger.waiting],
        "faults": [{"code": f.code, "scan": f.scan, "detail": f.detail} for f in ledger.faults],
    }  # fmt: skip
