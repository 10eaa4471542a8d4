"""The archives that are being moved in: each a name, a manifest and what it means, as they were when its
first run began.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.archive.manifest import Manifest
from pipeline.archive.manifest_mapping import mapping_from
from pipeline.errors import AlreadyRunning, BadInput, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A move of an archive. `listed`: the documents of its manifest, once a run has counted them; `fed_at`:
    all were tried.
    """

    id: int
    name: str
    manifest: str
    manifest_sha256: str | None
    root: str
    mapping: dict[str, Any]
    begun_at: datetime
    listed: int | None
    fed_at: datetime | None

    def opened(self) -> Manifest:
        """Its manifest, read as it was meant at the first run. Raises NotFound, BadInput where it has changed
        since.
        """
        manifest = Manifest.at(Path(self.manifest), Path(self.root), mapping_from(self.mapping))
        if manifest.sha256 != self.manifest_sha256:
            raise changed(self.name)
        return manifest


def source_of(name: str) -> str:
    """The source of its scans, by which the review queue can be filtered."""
    return f"archive {name}"


def begin(connection: Connection, name: str, manifest: Manifest) -> Archive:
    """The archive of that name, begun now if there is none. Raises BadInput where it was begun with another
    manifest.
    """
    given = {
        "name": name, "manifest": str(manifest.file.resolve()), "sha256": manifest.sha256, "root": str(manifest.root.resolve()),
        "mapping": Jsonb(manifest.mapping.model_dump(mode="json")),
    }  # fmt: skip
    connection.execute(SQL["open_archive"], given)
    archive = archive_named(connection, name)
    if archive.manifest_sha256 != manifest.sha256 or mapping_from(archive.mapping) != manifest.mapping:
        raise changed(name)
    return archive


def archive_named(connection: Connection, name: str) -> Archive:
    """The archive of that name. Raises NotFound."""
    row = connection.execute(SQL["archive_named"], [name]).fetchone()
    if row is None:
        known = ", ".join(row["name"] for row in connection.execute(SQL["archives"])) or "none yet"
        raise NotFound(f"There is no migration {name}.", f"Known: {known}.")
    return Archive(**row)


def changed(name: str) -> BadInput:
    """The error for a manifest or mapping that is not the one the migration began with."""
    return BadInput(
        f"The manifest or its mapping has changed since the migration {name} began.",
        "Give a new name: what is in already will be told as duplicates.",
        "manifest_changed",
    )


@contextmanager
def alone(connection: Connection, archive: Archive, batch: str | None) -> Iterator[None]:
    """Nobody else runs this archive, or this batch of it, meanwhile. Raises AlreadyRunning."""
    name = "lock_archive" if batch is None else "lock_batch"
    row = connection.execute(SQL[name], {"archive": archive.id, "batch": batch}).fetchone()
    if not row or not row["mine"]:
        raise AlreadyRunning(
            f"The migration {archive.name} is running already.", "One run at a time, or one for each --batch."
        )
    yield
