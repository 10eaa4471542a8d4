"""One file into the system: its bytes into the object store and verified there, then its rows and its job in
one transaction.

Only when `register` has returned may the file leave the folder. A file that cannot be taken is registered all
the same and quarantined with its reason: its bytes are kept. The same bytes again are a duplicate of the
first."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from psycopg.types.json import Jsonb

from pipeline.config import Settings
from pipeline.errors import InvalidInput
from pipeline.ingest.intake_source import Origin, printable
from pipeline.ingest.parsing.file_types import HEAD, kind_of
from pipeline.ingest.parsing.open_scan import Opening, inspect
from pipeline.store.blobs import CHUNK, Blobs
from pipeline.store.database import Connection, translate_connection_errors
from pipeline.store.page_json import reasons_json
from pipeline.store.scans import given_json
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements

SQL = statements("pipeline.ingest")
UNKNOWN_TYPE = "application/octet-stream"

Enqueue: TypeAlias = Callable[[Connection, int, int], None]
"""Enqueues the processing of a scan (its id, its priority) in the connection's transaction."""


class FileStillChanging(Exception):
    """The file was written to while it was being copied: it is to be taken later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeEvent:
    """How a file of the intake folder landed: its path below the folder, as text; how many seconds ago it was
    seen first.
    """

    path: str
    seen_ago: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What became of a file. For a duplicate, `scan` and `first_name` are those of the first file with these
    bytes.

    `batch`: the number of the batch that its folder or ZIP is.
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
"""Writes down what became of a file, in the connection's transaction."""


def register(
    file: Path,
    connection: Connection,
    blobs: Blobs,
    settings: Settings,
    *,
    enqueue: Enqueue,
    origin: Origin | None = None,
    landing: IntakeEvent | None = None,
    name: str | None = None,
    refused: InvalidInput | None = None,
    also: OnRegistered | None = None,
) -> Registration:
    """Take one file in.

    `landing`: for a file of a watched folder, which is then never followed through a symbolic link. `name`:
    the name it is known by, where that is not its own. `refused`: quarantine it for this reason without
    opening it. `also` is called in the same transaction, once it is known what became of the file. Raises
    ServiceUnavailable, StillChanging and OSError; the file is then where it was and nothing but an unnamed object
    may be left behind."""
    scratch, begun = Scratch(settings.intake_scratch), time.monotonic()
    with spooled(file, scratch, follow=landing is None) as (copy, sha256, status):
        with translate_connection_errors():
            before = connection.execute(SQL["scan_by_hash"], [sha256]).fetchone()
        if before is None or not blobs.exists(sha256, status.st_size):
            blobs.put_file(copy, sha256)
        opening, refused = (
            (None, refused) if before is not None else _inspected(copy, scratch, settings, refused)
        )
        values = {
            "sha256": sha256,
            "name": name or printable(file.name),
            "size": status.st_size,
            "path": landing.path if landing else None,
            "modified_ns": status.st_mtime_ns if landing else None,
            "seen_ago": time.monotonic() - begun + (landing.seen_ago if landing else 0.0),
            "stable_ago": time.monotonic() - begun if landing else None,
            "media_type": opening.media_type if opening else _media_type(copy),
            "code": refused.code if refused else None,
            "reason": str(refused) if refused else None,
            "pages": opening.pages if opening else None,
            "notes": Jsonb(reasons_json(opening.notes) if opening else []),
        }
    with translate_connection_errors(), connection.transaction():
        registered = _commit(connection, values, origin or Origin(), enqueue)
        if also is not None:
            also(connection, registered)
        return registered


def _inspected(
    copy: Path, scratch: Scratch, settings: Settings, refused: InvalidInput | None
) -> tuple[Opening | None, InvalidInput | None]:
    """(what the file is, None), or (None, why it is refused)."""
    if refused is not None:
        return None, refused
    try:
        return inspect(copy, scratch, settings.intake), None
    except InvalidInput as error:
        return None, error


def _commit(connection: Connection, values: dict[str, Any], origin: Origin, enqueue: Enqueue) -> Registration:
    """The scan's row and job, unless its bytes are known, and the ingest_event's."""
    if values["path"] is not None:
        connection.execute(SQL["delete_stored_file"], [values["path"]])
        again = connection.execute(SQL["event_still_in_folder"], values).fetchone()
        if again is not None:
            return _registered(values, again, again["id"], again["batch"], duplicate=again["duplicate"])
    where = {
        "source": origin.source,
        "department": origin.department,
        "default_type": origin.default_type,
        "legacy_metadata": Jsonb(given_json(origin.given)) if origin.given else None,
    }
    row = connection.execute(
        SQL["insert_scan"], values | where | {"priority": int(origin.priority)}
    ).fetchone()
    first = connection.execute(SQL["scan_by_hash"], [values["sha256"]]).fetchone()
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
    if not duplicate and values["code"] is None:
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
    """A private copy of the file, its SHA-256 and its state: what is hashed, stored and opened are the same
    bytes.

    Raises StillChanging where it changed under the copying, OSError where it is no regular file or `follow`
    is false and it is a symbolic link."""
    source = os.open(file, os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    digest = hashlib.sha256()
    with (
        os.fdopen(source, "rb", buffering=0) as stream,
        tempfile.NamedTemporaryFile(dir=scratch.folder, prefix="new-") as copy,
    ):
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError(f"{file.name} is not a regular file")
        while chunk := stream.read(CHUNK):
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
        return kind_of(stream.read(HEAD)) or UNKNOWN_TYPE
