"""The import log: the outcome of each document of a manifest, and the files that no document names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from psycopg.types.json import Jsonb

from pipeline.archive.inventory import files_of
from pipeline.archive.manifest import UNLISTED_BATCH, Manifest, ManifestDocument, Problem
from pipeline.archive.migration_jobs import MigrationJob
from pipeline.archive.source_files import Source
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
CHUNK_ROWS = 500  # per query


class AlreadyImported(Exception):
    """Another run has imported the document. Nothing of this attempt is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A document and its outcome.

    Attributes:
        hashes: SHA-256 of each file that exists, if the files were joined.
    """

    document: ManifestDocument
    state: str
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]
    scan: int | None = None
    duplicate: bool = False
    hashes: tuple[str, ...] = ()


def ingested_keys(connection: Connection, job: MigrationJob, keys: list[str]) -> set[str]:
    """Return those of the keys whose documents have been ingested."""
    rows = connection.execute(SQL["ingested_keys"], {"archive": job.id, "keys": keys})
    return {row["key"] for row in rows}


def batch_id(connection: Connection, job: MigrationJob, name: str) -> int:
    """Return the id of the migration's batch of that name; create the batch if it does not exist."""
    row = connection.execute(SQL["open_batch_of_job"], {"archive": job.id, "name": name}).fetchone()
    assert row is not None, "a batch is inserted or found"
    return int(row["id"])


def record_row(connection: Connection, job: MigrationJob, batch: int, row: ImportRow) -> None:
    """Write a row with its files. Raises AlreadyImported."""
    hashes = iter(row.hashes)
    with connection.transaction():
        recorded = connection.execute(
            SQL["record_row"],
            {
                "archive": job.id,
                "batch": batch,
                "key": row.document.key,
                "document": row.document.document,
                "state": row.state,
                "scan": row.scan,
                "duplicate": row.duplicate,
                "problems": Jsonb(
                    [{"code": problem.code, "detail": problem.detail} for problem in row.problems]
                ),
            },
        ).fetchone()
        if recorded is None:
            raise AlreadyImported
        files = [
            {
                "row": recorded["id"],
                "position": position,
                "archive": job.id,
                "path": source.path,
                "sha256": next(hashes, None) if source.file else None,
            }
            for position, source in enumerate(row.sources, 1)
        ]
        connection.execute(SQL["delete_files"], [recorded["id"]])
        with connection.cursor() as cursor:
            cursor.executemany(SQL["record_source_file"], files)


def duplicate_listings(
    connection: Connection, job: MigrationJob, document: ManifestDocument, sources: Iterable[Source]
) -> list[Problem]:
    """Return a problem for each file of the document that another row names, and for its number in other
    rows.
    """
    params = {
        "archive": job.id,
        "key": document.key,
        "paths": [source.path for source in sources],
        "document": document.document,
    }
    rows = connection.execute(SQL["duplicate_listings"], params)
    return [Problem(code=row["code"], detail=f"{row['what']} also in {row['key']}") for row in rows]


def record_unlisted(connection: Connection, job: MigrationJob, manifest: Manifest) -> int:
    """Replace the rows of files below the root that no document names. Return how many there are."""
    unlisted = 0
    batch = batch_id(connection, job, UNLISTED_BATCH)
    with connection.transaction():
        connection.execute(SQL["delete_unlisted"], [job.id])
        paths = (path for path, _ in files_of(manifest))
        while chunk := list(islice(paths, CHUNK_ROWS)):
            params = {"archive": job.id, "paths": chunk}
            for result in connection.execute(SQL["not_listed"], params).fetchall():
                path = result["path"]
                row = ImportRow(
                    document=ManifestDocument(key=f"file {path}", batch=UNLISTED_BATCH, files=(path,)),
                    state="unlisted",
                    sources=(Source(path=path, file=None),),
                    problems=(Problem(code="unlisted", detail=path),),
                )
                record_row(connection, job, batch, row)
                unlisted += 1
    return unlisted
