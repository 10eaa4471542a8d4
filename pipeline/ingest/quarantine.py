"""The quarantine: what could not be taken, why, and what a person does about it. Its bytes are in the store
in any case.

The command line and the web call the same functions. Each act is noted with who did it and never changed.
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
    """A scan in quarantine. `reason` says what is wrong and what to do; `actions` is what people have done about
    it.
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


def quarantined_scans(connection: Connection, *, rejected: bool = False) -> list[QuarantinedScan]:
    """What waits in quarantine, oldest first; `rejected`: also what a person has rejected."""
    return [QuarantinedScan(**row) for row in connection.execute(SQL["quarantined"], {"all": rejected})]


def quarantined_scan(connection: Connection, scan: int) -> QuarantinedScan:
    """One of them, with its arrivals and what was done about it. Raises NotFound."""
    row = connection.execute(SQL["quarantined_scan"], [scan]).fetchone()
    if row is None:
        raise NotFound(f"Scan {scan} is not in quarantine.", "`chartloom quarantine list` shows what is.")
    return QuarantinedScan(**row)


def retry(
    connection: Connection,
    blobs: Blobs,
    settings: Settings,
    scan: int,
    *,
    by: str,
    enqueue: Enqueue,
    note: str = "",
) -> InvalidInput | None:
    """Open the scan's stored bytes again: into the queue if that works now, else the reason why not, which is
    kept.

    For after a change of the limits, or a new version of Chartloom. Raises NotFound, Conflict where somebody
    was faster, ServiceUnavailable."""
    held = quarantined_scan(connection, scan)
    scratch = Scratch(settings.intake_scratch)
    with tempfile.TemporaryDirectory(dir=scratch.folder, prefix="new-") as folder:
        copy = Path(folder) / "original"
        blobs.fetch(held.sha256, copy)
        try:
            opening = inspect(copy, scratch, settings.intake)
        except InvalidInput as refused:
            with connection.transaction():
                connection.execute(
                    SQL["record_retry_failure"], {"id": scan, "code": refused.code, "reason": str(refused)}
                )
                _note(connection, scan, "retry_failed", refused.code, by, note)
            return refused
    with connection.transaction():
        values = {
            "id": scan,
            "media_type": opening.media_type,
            "pages": opening.pages,
            "notes": Jsonb(reasons_json(opening.notes)),
        }
        row = connection.execute(SQL["release_scan"], values).fetchone()
        if row is None:
            raise Conflict(f"Scan {scan} has left the quarantine in the meantime.")
        _note(connection, scan, "retried", held.code, by, note)
        enqueue(connection, scan, row["priority"])
    return None


def dismiss(connection: Connection, scan: int, *, by: str, note: str) -> None:
    """Close the case: it is no scan, or has been scanned again. The bytes stay. Raises NotFound, Conflict."""
    held = quarantined_scan(connection, scan)
    with connection.transaction():
        if connection.execute(SQL["dismiss_scan"], {"id": scan, "by": by}).rowcount == 0:
            raise Conflict(f"Scan {scan} has been rejected already, or has left the quarantine.")
        _note(connection, scan, "dismissed", held.code, by, note)


def _note(connection: Connection, scan: int, act: str, code: str, by: str, note: str) -> None:
    connection.execute(
        SQL["record_action"], {"id": scan, "action": act, "code": code, "by": by, "note": note or None}
    )
