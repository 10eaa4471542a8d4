"""Register one file: store and verify its bytes, then insert its rows and its job in one transaction.

Only when `register` has returned may the file leave the folder. A file that cannot be processed is registered
too, and quarantined with its reason: its bytes are kept. The same bytes again are a duplicate of the first,
unless they have no content: two empty files may be two papers, so each is quarantined separately.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from psycopg.types.json import Jsonb

from pipeline.config import Settings
from pipeline.errors import InvalidInput
from pipeline.ingest.growing_file import begins_with
from pipeline.ingest.intake_source import Origin, printable
from pipeline.ingest.parsing.file_types import SIGNATURE_BYTES, media_type_of
from pipeline.ingest.parsing.open_scan import FileInfo, inspect
from pipeline.records import Reason
from pipeline.store.blobs import CHUNK_BYTES, Blobs
from pipeline.store.database import Connection, translate_connection_errors
from pipeline.store.page_json import reasons_json
from pipeline.store.scans import legacy_metadata_json
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements

SQL = statements("pipeline.ingest")
UPLOAD = "upload"
"""The source of files that users send in the browser."""
UNKNOWN_TYPE = "application/octet-stream"
CODES_WITHOUT_CONTENT = ("empty", "no_pages")
"""Why a file is rejected if there is nothing in it that could distinguish it from another such file."""
MAX_HEADER_BYTES = SIGNATURE_BYTES
"""A damaged file of at most this size has a header and no page."""

Enqueue: TypeAlias = Callable[[Connection, int, int], None]
"""Enqueues the processing of a scan (its id, its priority) in the connection's transaction."""


class FileStillChanging(Exception):
    """The file was written to while it was being copied. Try it again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeEvent:
    """The arrival of a file in the intake folder.

    Attributes:
        path: Its path below the folder, as text.
        seen_ago: How many seconds ago the file was first seen.
    """

    path: str
    seen_ago: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The result of registering a file.

    Attributes:
        scan: For a duplicate, the scan of the first file with these bytes.
        first_name: The name of the first file with these bytes.
        batch: The id of the batch that its folder or ZIP is.
    """

    scan: int
    ingest_event: int
    sha256: str
    status: Literal["stored", "duplicate", "quarantined"]
    first_name: str
    batch: int | None = None
    pages: int | None = None
    code: str | None = None
    reason: str | None = None

    @property
    def duplicate(self) -> bool:
        return self.status == "duplicate"


OnRegistered: TypeAlias = Callable[[Connection, Registration], None]
"""Records the result for a file, in the connection's transaction."""


def register(
    file: Path,
    connection: Connection,
    blobs: Blobs,
    settings: Settings,
    *,
    enqueue: Enqueue,
    origin: Origin | None = None,
    event: IntakeEvent | None = None,
    name: str | None = None,
    rejection: InvalidInput | None = None,
    on_registered: OnRegistered | None = None,
) -> Registration:
    """Register one file.

    Args:
        file: The file to register.
        connection: A connection outside any transaction.
        blobs: The object store.
        settings: The settings of the installation.
        enqueue: Puts the job of a new scan into the queue, in the same transaction.
        origin: Where the file comes from.
        event: The arrival of a file of a watched folder. Such a file is never followed through a symbolic
            link.
        name: The name to store, if it is not that of the file.
        rejection: Quarantine the file for this reason without opening it.
        on_registered: Called in the same transaction with the result.

    Raises:
        ServiceUnavailable: The database or the object store is unavailable.
        FileStillChanging: The file was written to while it was being copied.
        OSError: The file cannot be read.

        After each of these, the file is unchanged, and at most an object without a scan is left behind.
    """
    scratch, started = Scratch(settings.intake_scratch), time.monotonic()
    with spooled(file, scratch, follow=event is None) as (copy, sha256, status):
        with translate_connection_errors():
            existing = connection.execute(SQL["scan_by_hash"], [sha256]).fetchone()
        if existing is None or not blobs.exists(sha256, status.st_size):
            blobs.put_file(copy, sha256)
        info, rejection = (
            (None, rejection) if existing is not None else _inspected(copy, scratch, settings, rejection)
        )
        stored_name, origin = name or printable(file.name), origin or Origin()
        earlier = None
        if info is not None:
            shorter = _shorter_scans(connection, info, event, origin, stored_name)
            earlier = _beginning_of(copy, shorter, blobs, settings)
        if info and earlier:
            info = replace(info, notes=(*info.notes, _growth_note(f"Scan {earlier} is its beginning.")))
        values = {
            "sha256": sha256,
            "name": stored_name,
            "size": status.st_size,
            "path": event.path if event else None,
            "modified_ns": status.st_mtime_ns if event else None,
            "seen_ago": time.monotonic() - started + (event.seen_ago if event else 0.0),
            "stable_ago": time.monotonic() - started if event else None,
            "media_type": info.media_type if info else _media_type(copy),
            "code": rejection.code if rejection else None,
            "reason": str(rejection) if rejection else None,
            "pages": info.pages if info else None,
            "notes": Jsonb(reasons_json(info.notes) if info else []),
            "has_content": _has_content(rejection, status.st_size),
        }
    with translate_connection_errors(), connection.transaction():
        result = _commit(connection, values, origin, enqueue)
        if earlier:
            note = _growth_note(f"Scan {result.scan} is the longer file.")
            connection.execute(
                SQL["note_waiting_scan"], {"id": earlier, "notes": Jsonb(reasons_json([note]))}
            )
        if on_registered is not None:
            on_registered(connection, result)
        return result


def _growth_note(detail: str) -> Reason:
    return Reason(
        code="file_grew", detail=f"A file of this name arrived again with the same pages and more. {detail}"
    )


def _shorter_scans(
    connection: Connection, info: FileInfo, event: IntakeEvent | None, origin: Origin, name: str
) -> list[dict[str, Any]]:
    """Return earlier scans of the same file that have fewer pages: of its path in the watched folder, or of
    the name of an upload. Files of a command are not compared, because many of them may have one name.
    """
    params = {"pages": info.pages, "source": origin.source, "name": name}
    with translate_connection_errors():
        if event is not None:
            return connection.execute(SQL["earlier_scan_of_path"], params | {"path": event.path}).fetchall()
        if origin.source == UPLOAD:
            return connection.execute(SQL["earlier_scans_of_name"], params).fetchall()
    return []


def _beginning_of(copy: Path, shorter: list[dict[str, Any]], blobs: Blobs, settings: Settings) -> int | None:
    """Return the first of the scans with whose pages this file begins."""
    scratch = Scratch(settings.intake_scratch)
    for scan in shorter:
        with tempfile.TemporaryDirectory(dir=scratch.folder, prefix="new-") as folder:
            earlier = Path(folder) / "earlier"
            blobs.fetch(scan["sha256"], earlier)
            if begins_with(copy, earlier, scratch, settings.intake):
                return int(scan["id"])
    return None


def _inspected(
    copy: Path, scratch: Scratch, settings: Settings, rejection: InvalidInput | None
) -> tuple[FileInfo | None, InvalidInput | None]:
    """Return (the information on the file, None), or (None, why it is rejected)."""
    if rejection is not None:
        return None, rejection
    try:
        return inspect(copy, scratch, settings.intake), None
    except InvalidInput as error:
        return None, error


def _has_content(rejection: InvalidInput | None, size: int) -> bool:
    """Return whether the same bytes again are the same paper."""
    if rejection is None:
        return True
    is_header = rejection.code == "damaged" and size <= MAX_HEADER_BYTES
    return not is_header and rejection.code not in CODES_WITHOUT_CONTENT


def _commit(connection: Connection, values: dict[str, Any], origin: Origin, enqueue: Enqueue) -> Registration:
    """Insert the scan and its job, unless its bytes are already stored, and the ingest event."""
    if values["path"] is not None:
        connection.execute(SQL["delete_stored_file"], [values["path"]])
        again = connection.execute(SQL["event_still_in_folder"], values).fetchone()
        if again is not None:
            return _registered(values, again, again["id"], again["batch"], duplicate=again["duplicate"])
    source = {
        "source": origin.source,
        "department": origin.department,
        "default_type": origin.default_type,
        "legacy_metadata": Jsonb(legacy_metadata_json(origin.legacy_metadata))
        if origin.legacy_metadata
        else None,
    }
    row = connection.execute(
        SQL["insert_scan"], values | source | {"priority": int(origin.priority)}
    ).fetchone()
    first = row or connection.execute(SQL["scan_by_hash"], [values["sha256"]]).fetchone()
    assert first is not None, "just inserted, or the reason why it was not"
    batch = (
        (connection.execute(SQL["open_batch"], [origin.batch]).fetchone() or {}).get("id")
        if origin.batch
        else None
    )
    duplicate = row is None
    ingest_event = connection.execute(
        SQL["insert_event"], values | {"scan": first["id"], "duplicate": duplicate, "batch": batch}
    ).fetchone()
    assert ingest_event is not None
    if duplicate:
        connection.execute(SQL["reopen_dismissed_scan"], [first["id"]])
    elif values["code"] is None:
        enqueue(connection, first["id"], int(origin.priority))
    return _registered(values, first | {"scan": first["id"]}, ingest_event["id"], batch, duplicate=duplicate)


def _registered(
    values: dict[str, Any], scan: dict[str, Any], ingest_event: int, batch: int | None, *, duplicate: bool
) -> Registration:
    quarantined = scan["status"] == "quarantined"
    return Registration(
        scan=scan["scan"],
        ingest_event=ingest_event,
        sha256=values["sha256"],
        status="duplicate" if duplicate else "quarantined" if quarantined else "stored",
        first_name=scan["name"],
        batch=batch,
        pages=scan["pages_in"],
        code=scan["quarantine_code"],
        reason=scan["quarantine_reason"],
    )


@contextmanager
def spooled(file: Path, scratch: Scratch, *, follow: bool) -> Iterator[tuple[Path, str, os.stat_result]]:
    """Copy a file, so that the same bytes are hashed, stored and opened.

    Yields:
        The copy, its SHA-256, and the state of the file.

    Raises:
        FileStillChanging: The file changed while it was being copied.
        OSError: The file is not a regular file, or it is a symbolic link and `follow` is false.
    """
    source = os.open(file, os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    digest = hashlib.sha256()
    with (
        os.fdopen(source, "rb", buffering=0) as stream,
        tempfile.NamedTemporaryFile(dir=scratch.folder, prefix="new-") as copy,
    ):
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError(f"{file.name} is not a regular file")
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        after = os.fstat(stream.fileno())
        if (before.st_size, before.st_mtime_ns) != (
            after.st_size,
            after.st_mtime_ns,
        ) or copy.tell() != after.st_size:
            raise FileStillChanging
        yield Path(copy.name), digest.hexdigest(), after


def _media_type(file: Path) -> str:
    with file.open("rb") as stream:
        return media_type_of(stream.read(SIGNATURE_BYTES)) or UNKNOWN_TYPE
