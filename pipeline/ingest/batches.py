"""Batches and what they should add up to: a folder, a ZIP, or a stack under a cover sheet with its counts as a QR code.

A batch is settled once all of its files are and nothing has been added for a while. One that does not add up goes to a person:
its paper must not be shredded before that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from psycopg.types.json import Jsonb

from pipeline.ingest.register import SQL
from pipeline.records import Reason
from pipeline.store.database import Connection
from pipeline.store.pages import reasons_json, storable

SHEET = "CHARTLOOM/BATCH/1;"
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a cover sheet says; None is not said."""

    name: str | None = None
    files: int | None = None
    documents: int | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch with its totals. `pages`: those of documents; blank pages and sheets are not counted."""

    id: int
    name: str
    expected_files: int | None
    expected_documents: int | None
    expected_pages: int | None
    sheet_scan_id: int | None
    opened_at: datetime
    settled_at: datetime | None
    adds_up: bool | None
    files: int
    duplicates: int
    quarantined: int
    in_progress: int
    documents: int
    pages: int
    last_stored: datetime | None
    first_scan: int | None

    @property
    def differences(self) -> tuple[str, ...]:
        """What does not add up, for a person; empty where all does. A file in quarantine never adds up."""
        pairs = (
            ("files", self.expected_files, self.files),
            ("documents", self.expected_documents, self.documents),
            ("pages", self.expected_pages, self.pages),
        )
        found = [
            f"{wanted} {what} expected, {got} arrived" for what, wanted, got in pairs if wanted is not None and wanted != got
        ]
        if self.quarantined:
            found.append(f"{self.quarantined} of its files could not be taken")
        return tuple(found)


def expected_of(text: str) -> Expected | None:
    """What a cover sheet's code says; None where it is none."""
    if not text.startswith(SHEET):
        return None
    pairs = dict(part.partition("=")[::2] for part in text[len(SHEET) :].split(";"))
    counts = {
        key: int(value) for key in ("files", "documents", "pages") if (value := pairs.get(key, "")).isdecimal() and len(value) < 9
    }
    return Expected(name=storable(unquote_plus(pairs.get("name", "")))[:LONGEST_NAME] or None, **counts)


def batches(connection: Connection, *, settled: bool = True) -> list[Batch]:
    """The batches with their totals, in the order they were opened; `settled`: also those that are closed."""
    return [Batch(**row) for row in connection.execute(SQL["batches"], {"all": settled})]


def settle(connection: Connection, quiet_seconds: float) -> list[Batch]:
    """Note new cover sheets and settle what is complete; those that do not add up go to review. Returns what was settled."""
    with connection.transaction():
        row = connection.execute("select pg_try_advisory_xact_lock(hashtextextended('settle batches', 0)) as mine").fetchone()
        if not row or not row["mine"]:
            return []
        for sheet in connection.execute(SQL["cover_sheets"]).fetchall():
            _note_sheet(connection, sheet)
        quiet = datetime.now(UTC) - timedelta(seconds=quiet_seconds)
        done = [
            b
            for b in batches(connection, settled=False)
            if b.files and not b.in_progress and b.last_stored and b.last_stored < quiet
        ]
        for batch in done:
            _settle(connection, batch)
        return done


def _note_sheet(connection: Connection, sheet: dict[str, Any]) -> None:
    """Apply a cover sheet to the batch its scan is in, else to one of its own."""
    expected = expected_of(sheet["text"])
    if expected is None:
        return
    batch = sheet["batch"]
    if batch is None:
        row = connection.execute(SQL["open_batch"], [expected.name or f"scan {sheet['scan']}"]).fetchone()
        assert row is not None, "a batch is inserted or found"
        batch = row["id"]
        connection.execute(SQL["join_batch"], {"batch": batch, "scan": sheet["scan"]})
    counts = {"files": expected.files, "documents": expected.documents, "pages": expected.pages}
    connection.execute(SQL["note_sheet"], {"batch": batch, "scan": sheet["scan"], **counts})


def _settle(connection: Connection, batch: Batch) -> None:
    differences = batch.differences
    connection.execute(SQL["settle_batch"], {"batch": batch.id, "adds_up": not differences})
    if differences:
        reason = Reason(
            code="batch_counts",
            detail=f"Batch {batch.name} does not add up: {'; '.join(differences)}. Keep its paper until this is settled.",
        )
        scan = batch.sheet_scan_id or batch.first_scan
        connection.execute(SQL["review_batch"], {"scan": scan, "reasons": Jsonb(reasons_json([reason]))})
