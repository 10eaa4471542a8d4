"""The quarantine: which scans were rejected and why, and what people do about them. Their bytes are stored in
any case.

The command line and the web pages call the same functions. Each action is recorded with its user and never
changed.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.config import Settings
from pipeline.errors import Conflict, InvalidInput, NotFound
from pipeline.ingest.parsing.open_scan import inspect
from pipeline.ingest.registration import SQL, Enqueue
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json
from pipeline.store.scratch import Scratch


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedScan:
    """A scan in quarantine.

    Attributes:
        reason: What is wrong and what to do about it.
        actions: What people have done about it.
    """

    id: int
    sha256: str
    name: str
    media_type: str
    size: int
    source: str
    department: str | None
    received_at: datetime
    code: str
    reason: str
    dismissed_at: datetime | None
    dismissed_by: str | None
    notes: list[dict[str, Any]] = field(default_factory=list)
    arrivals: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)


def quarantined_scans(connection: Connection, *, include_dismissed: bool = False) -> list[QuarantinedScan]:
    """Return the scans in quarantine, oldest first, and on request those that were dismissed."""
    return [
        QuarantinedScan(**row) for row in connection.execute(SQL["quarantined"], {"all": include_dismissed})
    ]


def quarantined_scan(connection: Connection, scan: int) -> QuarantinedScan:
    """Return one of them, with its arrivals and the actions on it. Raises NotFound."""
    row = connection.execute(SQL["quarantined_scan"], [scan]).fetchone()
    if row is None:
        raise NotFound(
            f"Scan {scan} is not in quarantine.", "`chartloom quarantine list` lists the scans in quarantine."
        )
    return QuarantinedScan(**row)


def retry(
    connection: Connection,
    blobs: Blobs,
    settings: Settings,
    scan: int,
    *,
    actor: str,
    enqueue: Enqueue,
    note: str = "",
) -> InvalidInput | None:
    """Open a scan's stored bytes again, after the limits were changed or Chartloom was updated.

    Args:
        connection: A connection outside any transaction.
        blobs: The object store.
        settings: The settings of the installation.
        scan: The id of the scan.
        actor: The user.
        enqueue: Puts the job of the scan into the queue, in the same transaction.
        note: The user's reason.

    Returns:
        None if the scan was put into the queue, or the reason why it is rejected again, which is recorded.

    Raises:
        NotFound: The scan is not in quarantine.
        Conflict: Another user was faster.
        ServiceUnavailable: The database or the object store is unavailable.
    """
    held = quarantined_scan(connection, scan)
    scratch = Scratch(settings.intake_scratch)
    with tempfile.TemporaryDirectory(dir=scratch.folder, prefix="new-") as folder:
        copy = Path(folder) / "original"
        blobs.fetch(held.sha256, copy)
        try:
            opening = inspect(copy, scratch, settings.intake)
        except InvalidInput as rejection:
            with connection.transaction():
                connection.execute(
                    SQL["record_retry_failure"],
                    {"id": scan, "code": rejection.code, "reason": str(rejection)},
                )
                _record_action(connection, scan, "retry_failed", rejection.code, actor, note)
            return rejection
    with connection.transaction():
        values = {
            "id": scan,
            "media_type": opening.media_type,
            "pages": opening.pages,
            "notes": Jsonb(reasons_json(opening.notes)),
        }
        row = connection.execute(SQL["release_scan"], values).fetchone()
        if row is None:
            raise Conflict(f"Scan {scan} has been released from quarantine in the meantime.")
        _record_action(connection, scan, "retried", held.code, actor, note)
        enqueue(connection, scan, row["priority"])
    return None


def dismiss(connection: Connection, scan: int, *, actor: str, note: str) -> None:
    """Dismiss a scan: it is not a medical record, or has been scanned again. Its bytes are kept.

    Raises:
        NotFound: The scan is not in quarantine.
        Conflict: The scan has been dismissed or released in the meantime.
    """
    held = quarantined_scan(connection, scan)
    with connection.transaction():
        if connection.execute(SQL["dismiss_scan"], {"id": scan, "by": actor}).rowcount == 0:
            raise Conflict(f"Scan {scan} has already been dismissed or released.")
        _record_action(connection, scan, "dismissed", held.code, actor, note)


def _record_action(connection: Connection, scan: int, action: str, code: str, actor: str, note: str) -> None:
    connection.execute(
        SQL["record_action"], {"id": scan, "action": action, "code": code, "by": actor, "note": note or None}
    )
