"""Batches and their expected totals: a folder, a ZIP file, or a stack under a cover sheet with its counts in
a QR code.

A batch is closed when all of its files are processed, no file has been added for a while and its totals are
as expected. A batch whose totals differ goes to review and stays open: what is missing may still arrive, and
then it is closed automatically. Its paper must be kept until it is closed.
"""

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

COVER_SHEET_PREFIX = "CHARTLOOM/BATCH/1;"
MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCounts:
    """What a cover sheet states; None if it does not state a count."""

    name: str | None = None
    files: int | None = None
    documents: int | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch with its totals and the sums of what its cover sheets expect; None if they do not state a
    count.

    Attributes:
        item: The review item of the batch.
        files: Its files, including duplicates, except files of only separator sheets.
        pages: The pages of documents, without blank pages and separator sheets.
        quiet_seconds: The time since the last file arrived.
        scan: The scan that the review item refers to.
    """

    id: int
    name: str
    opened_at: datetime
    closed_at: datetime | None
    balanced: bool | None
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
        """The counts that differ, in words for a person. A file in quarantine is always a difference."""
        differences = []
        if self.expected_files not in (None, self.files, self.files - self.duplicates):
            differences.append(f"{self.expected_files} files expected, {self.files} arrived")
        pairs = (
            ("documents", self.expected_documents, self.documents),
            ("pages", self.expected_pages, self.pages),
        )
        differences += [
            f"{wanted} {what} expected, {got} arrived"
            for what, wanted, got in pairs
            if wanted not in (None, got)
        ]
        if self.quarantined:
            differences.append(f"{self.quarantined} of its files are in quarantine")
        return tuple(differences)

    @property
    def state(self) -> Literal["open", "incomplete", "closed", "closed_manually"]:
        """The state. The paper of a closed batch may be destroyed."""
        if self.closed_at is None:
            return "open" if self.item is None else "incomplete"
        return "closed" if self.balanced else "closed_manually"

    def is_idle(self, idle_seconds: float) -> bool:
        """Return whether all of its files are read and none has arrived for that many seconds."""
        return self.scan is not None and not self.in_progress and (self.quiet_seconds or 0.0) >= idle_seconds


def parse_cover_sheet(text: str) -> ExpectedCounts | None:
    """Return what a cover sheet's code states; None if it is not the code of a cover sheet."""
    if not text.startswith(COVER_SHEET_PREFIX):
        return None
    pairs = dict(part.partition("=")[::2] for part in text[len(COVER_SHEET_PREFIX) :].split(";"))
    counts = {
        key: int(value)
        for key in ("files", "documents", "pages")
        if (value := pairs.get(key, "")).isdecimal() and len(value) < 9
    }
    return ExpectedCounts(
        name=storable(unquote_plus(pairs.get("name", "")))[:MAX_NAME_CHARS] or None, **counts
    )


def batches(connection: Connection, *, include_closed: bool = True) -> list[Batch]:
    """Return the open batches, and by default the closed ones, with their totals in the order of opening."""
    return [Batch(**row) for row in connection.execute(SQL["batches"], {"all": include_closed})]


def close_batches(
    connection: Connection, idle_seconds: float, ids: Collection[int] | None = None
) -> list[Batch]:
    """Record new cover sheets, close the idle batches that balance, and put the others into review.

    Args:
        connection: A connection outside any transaction.
        idle_seconds: A batch is idle if no file has arrived for this time.
        ids: Only these batches.

    Returns:
        The batches of which something changed, as they were before.
    """
    with connection.transaction():
        row = connection.execute(
            "select pg_try_advisory_xact_lock(hashtextextended('close batches', 0)) as mine"
        ).fetchone()
        if not row or not row["mine"]:
            return []
        for sheet in connection.execute(SQL["cover_sheets"]).fetchall():
            _apply_cover_sheet(connection, sheet["scan"], sheet["text"])
        idle = [batch for batch in batches(connection, include_closed=False) if batch.is_idle(idle_seconds)]
        return [
            batch
            for batch in idle
            if (ids is None or batch.id in ids) and _close_or_review(connection, batch)
        ]


def _apply_cover_sheet(connection: Connection, scan: int, text: str) -> None:
    """Apply a cover sheet to the batch of its scan, or to a new batch if the scan is in none."""
    expected = parse_cover_sheet(text)
    if expected is None:
        return
    row = connection.execute(SQL["batch_of_scan"], [scan]).fetchone()
    if row is None:
        row = connection.execute(SQL["open_batch"], [expected.name or f"scan {scan}"]).fetchone()
        assert row is not None, "a batch is inserted or found"
        connection.execute(SQL["join_batch"], {"batch": row["id"], "scan": scan})
    counts = {"files": expected.files, "documents": expected.documents, "pages": expected.pages}
    connection.execute(SQL["record_cover_sheet"], {"batch": row["id"], "scan": scan, "text": text, **counts})
    connection.execute(SQL["close_bare_batch"], {"scan": scan})


def _close_or_review(connection: Connection, batch: Batch) -> bool:
    """Close a batch that balances or that a person has closed; otherwise put it into review.

    Returns:
        Whether something changed.
    """
    if not batch.differences or batch.item_settled_by is not None:
        connection.execute(SQL["close_batch"], {"batch": batch.id, "balanced": not batch.differences})
        connection.execute(SQL["close_batch_item"], {"item": batch.item})
        return True
    detail = (
        f"Batch {batch.name} does not add up: {'; '.join(batch.differences)}."
        " Keep its paper until it is closed."
    )
    reasons = Jsonb(reasons_json([Reason(code="batch_count_mismatch", detail=detail)]))
    if batch.item is None:
        connection.execute(SQL["review_batch"], {"batch": batch.id, "scan": batch.scan, "reasons": reasons})
        return True
    return (
        connection.execute(SQL["update_batch_item"], {"item": batch.item, "reasons": reasons}).rowcount == 1
    )
