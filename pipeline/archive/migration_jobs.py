"""Migration jobs: each has a name, a manifest and its mapping, as they were when its first run began."""

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
from pipeline.errors import AlreadyRunning, InvalidInput, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationJob:
    """The migration of an archive.

    Attributes:
        listed: The number of documents in its manifest, once a run has counted them.
        import_finished_at: When a run had tried all documents.
    """

    id: int
    name: str
    manifest: str
    manifest_sha256: str | None
    root: str
    mapping: dict[str, Any]
    started_at: datetime
    listed: int | None
    import_finished_at: datetime | None

    def open_manifest(self) -> Manifest:
        """Return the manifest, with the mapping of the first run.

        Raises:
            NotFound: The manifest or its root folder does not exist.
            InvalidInput: The manifest has changed since the first run.
        """
        manifest = Manifest.at(Path(self.manifest), Path(self.root), mapping_from(self.mapping))
        if manifest.sha256 != self.manifest_sha256:
            raise manifest_changed(self.name)
        return manifest


def scan_source(name: str) -> str:
    """Return the source of a migration's scans, by which the review queue can be filtered."""
    return f"archive {name}"


def open_job(connection: Connection, name: str, manifest: Manifest) -> MigrationJob:
    """Return the migration of that name; create it if it does not exist.

    Raises:
        InvalidInput: The migration was started with another manifest.
    """
    params = {
        "name": name,
        "manifest": str(manifest.file.resolve()),
        "sha256": manifest.sha256,
        "root": str(manifest.root.resolve()),
        "mapping": Jsonb(manifest.mapping.model_dump(mode="json")),
    }
    connection.execute(SQL["open_job"], params)
    job = job_named(connection, name)
    if job.manifest_sha256 != manifest.sha256 or mapping_from(job.mapping) != manifest.mapping:
        raise manifest_changed(name)
    return job


def job_named(connection: Connection, name: str) -> MigrationJob:
    """Return the migration of that name. Raises NotFound."""
    row = connection.execute(SQL["job_named"], [name]).fetchone()
    if row is None:
        names = ", ".join(row["name"] for row in connection.execute(SQL["job_names"])) or "none yet"
        raise NotFound(f"There is no migration {name}.", f"The migrations are: {names}.")
    return MigrationJob(**row)


def manifest_changed(name: str) -> InvalidInput:
    """Return the error for a manifest or mapping that is not the one that the migration started with."""
    return InvalidInput(
        f"The manifest or its mapping has changed since the migration {name} started.",
        "Give a new name: documents that are already imported are then reported as duplicates.",
        "manifest_changed",
    )


@contextmanager
def exclusive(connection: Connection, job: MigrationJob, batch: str | None) -> Iterator[None]:
    """Keep other runs of this migration, or of this batch of it, out. Raises AlreadyRunning."""
    name = "lock_job" if batch is None else "lock_batch"
    row = connection.execute(SQL[name], {"archive": job.id, "batch": batch}).fetchone()
    if not row or not row["mine"]:
        raise AlreadyRunning(
            f"The migration {job.name} is already running.",
            "Start one run at a time, or one for each --batch.",
        )
    yield
