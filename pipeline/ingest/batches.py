"""Batches and what they should add up to: a folder, a ZIP, or a stack under a cover sheet with its counts as
a QR code.

A batch is settled once all of its files are, nothing has been added for a while and it adds up. One that does
not goes to a person and stays open: what is missing may still come, and then it settles by itself. Its paper
is kept until it is settled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import unquote_plus

from psycopg.types.json import Jsonb

from pipeline.ingest.registration import SQL
from pipeline.records import Reason
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json, storable

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
    """A batch with its totals and what its cover sheets expect, all together; None is not said.

    `pages`: those of documents; blank pages and sheets are not counted, nor files of nothing but sheets.
    `duplicates` are among `files`. `quiet_seconds`: since the last file came. `item`: the review item that a
    person has been given, `scan`: what it is about."""

    id: int
    name: str
    opened_at: datetime
    settled_at: datetime | None
    adds_up: bool | None
    item: int | None
    item_settled_by: str | None
    expected_files: int | None
    expected_documents: int | None
    expected_pages: int | None
    files: int
    duplicates: int
    quarantined: int
    in_progress: int
    documents: int
    pages: int
    quiet_seconds: float | None
    scan: int | None

    @property
    def differences(self) -> tuple[str, ...]:
        """What does not add up, for a person; empty where all does. A file in quarantine never adds up."""
        found = []
        if self.expected_files not in (None, self.files, self.files - self.duplicates):
            found.append(f"{self.expected_files} files expected, {self.files} arrived")
        pairs = (
            ("documents", self.expected_documents, self.documents),
            ("pages", self.expected_pages, self.pages),
        )
        found += [
            f"{wanted} {what} expected, {got} arrived"
            for what, wanted, got in pairs
            if wanted not in (None, got)
        ]
        if self.quarantined:
            found.append(f"{self.quarantined} of its files could not be taken")
        return tuple(found)

    @property
    def state(self) -> Literal["open", "short", "settled", "settled by a person"]:
        """Where it stands; its paper may go when it is settled, one way or the other."""
        if self.settled_at is None:
            return "open" if self.item is None else "short"
        return "settled" if self.adds_up else "settled by a person"

    def rests(self, quiet_seconds: float) -> bool:
        """Are all of its files read, and has none come for so long?"""
        return self.scan is not None and not self.in_progress and (self.quiet_seconds or 0.0) >= quiet_seconds


def expected_of(text: str) -> Expected | None:
    """What a cover sheet's code says; None where it is none."""
    if not text.startswith(SHEET):
        return None
    pairs = dict(part.partition("=")[::2] for part in text[len(SHEET) :].split(";"))
    counts = {
        key: int(value)
        for key in ("files", "documents", "pages")
        if (value := pairs.get(key, "")).isdecimal() and len(value) < 9
    }
    return Expected(name=storable(unquote_plus(pairs.get("name", "")))[:LONGEST_NAME] or None, **counts)


def batches(connection: Connection, *, settled: bool = True) -> list[Batch]:
    """The batches with their totals, in the order they were opened; `settled`: also those that are closed."""
    return [Batch(**row) for row in connection.execute(SQL["batches"], {"all": settled})]


def settle(connection: Connection, quiet_seconds: float, only: Collection[int] | None = None) -> list[Batch]:
    """Note new cover sheets, close the batches that rest and add up, put the others before a person; `only`:
    these batches.

    Returns those of which something changed, as they were found.
    """
    with connection.transaction():
        row = connection.execute(
            "select pg_try_advisory_xact_lock(hashtextextended('settle batches', 0)) as mine"
        ).fetchone()
        if not row or not row["mine"]:
            return []
        for sheet in connection.execute(SQL["cover_sheets"]).fetchall():
            _note_sheet(connection, sheet["scan"], sheet["text"])
        resting = [batch for batch in batches(connection, settled=False) if batch.rests(quiet_seconds)]
        return [
            batch for batch in resting if (only is None or batch.id in only) and _weigh(connection, batch)
        ]


def _note_sheet(connection: Connection, scan: int, text: str) -> None:
    """Apply a cover sheet to the batch its scan is in, else to one of its own."""
    expected = expected_of(text)
    if expected is None:
        return
    row = connection.execute(SQL["batch_of_scan"], [scan]).fetchone()
    if row is None:
        row = connection.execute(SQL["open_batch"], [expected.name or f"scan {scan}"]).fetchone()
        assert row is not None, "a batch is inserted or found"
        connection.execute(SQL["join_batch"], {"batch": row["id"], "scan": scan})
    counts = {"files": expected.files, "documents": expected.documents, "pages": expected.pages}
    connection.execute(SQL["note_sheet"], {"batch": row["id"], "scan": scan, "text": text, **counts})
    connection.execute(SQL["settle_bare_sheet"], {"scan": scan})


def _weigh(connection: Connection, batch: Batch) -> bool:
    """Close a batch that adds up, or that a person has settled; else see that a person knows. True where
    something changed.
    """
    if not batch.differences or batch.item_settled_by is not None:
        connection.execute(SQL["settle_batch"], {"batch": batch.id, "adds_up": not batch.differences})
        connection.execute(SQL["settle_batch_item"], {"item": batch.item})
        return True
    detail = f"Batch {batch.name} does not add up: {'; '.join(batch.differences)}. Keep its paper until this is settled."
    reasons = Jsonb(reasons_json([Reason(code="batch_counts", detail=detail)]))
    if batch.item is None:
        connection.execute(SQL["review_batch"], {"batch": batch.id, "scan": batch.scan, "reasons": reasons})
        return True
    return connection.execute(SQL["tell_batch_item"], {"item": batch.item, "reasons": reasons}).rowcount == 1
