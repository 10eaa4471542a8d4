"""The rows of an archive: what became of each document of its manifest, and the files that none names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from psycopg.types.json import Jsonb

from pipeline.archive.inventory import files_of
from pipeline.archive.manifest import UNLISTED, Listed, Manifest, Problem
from pipeline.archive.migration_jobs import Archive
from pipeline.archive.source_files import Source
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
CHUNK = 500  # rows that are asked for at a time


class TakenMeanwhile(Exception):
    """Another run has taken the document: nothing of this attempt is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A document and what became of it. `hashes`: of its files that are there, where they were joined."""

    listed: Listed
    state: str
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]
    scan: int | None = None
    duplicate: bool = False
    hashes: tuple[str, ...] = ()


def taken_keys(connection: Connection, archive: Archive, keys: list[str]) -> set[str]:
    """Those of the keys whose documents have been taken."""
    return {
        row["key"] for row in connection.execute(SQL["taken_keys"], {"archive": archive.id, "keys": keys})
    }


def batch_of(connection: Connection, archive: Archive, name: str) -> int:
    """The number of the archive's batch of that name."""
    row = connection.execute(SQL["open_archive_batch"], {"archive": archive.id, "name": name}).fetchone()
    assert row is not None, "a batch is inserted or found"
    return int(row["id"])


def note(connection: Connection, archive: Archive, batch: int, row: Row) -> None:
    """Write a row with its files. Raises TakenMeanwhile."""
    hashes = iter(row.hashes)
    with connection.transaction():
        noted = connection.execute(
            SQL["note_row"],
            {
                "archive": archive.id,
                "batch": batch,
                "key": row.listed.key,
                "document": row.listed.document,
                "state": row.state,
                "scan": row.scan,
                "duplicate": row.duplicate,
                "problems": Jsonb(
                    [{"code": problem.code, "detail": problem.detail} for problem in row.problems]
                ),
            },
        ).fetchone()
        if noted is None:
            raise TakenMeanwhile
        files = [
            {
                "row": noted["id"],
                "position": position,
                "archive": archive.id,
                "path": source.path,
                "sha256": next(hashes, None) if source.file else None,
            }
            for position, source in enumerate(row.sources, 1)
        ]
        connection.execute(SQL["forget_files"], [noted["id"]])
        with connection.cursor() as cursor:
            cursor.executemany(SQL["note_file"], files)


def listed_before(
    connection: Connection, archive: Archive, listed: Listed, sources: Iterable[Source]
) -> list[Problem]:
    """The files of this document that another row names too, and rows that name its number."""
    paths = [source.path for source in sources]
    asked = {"archive": archive.id, "key": listed.key, "paths": paths, "document": listed.document}
    rows = connection.execute(SQL["listed_before"], asked)
    return [Problem(code=row["code"], detail=f"{row['what']} also in {row['key']}") for row in rows]


def note_unlisted(connection: Connection, archive: Archive, manifest: Manifest) -> int:
    """A row for every file below the root that no document names, instead of those noted before; how many
    there are.
    """
    found = 0
    batch = batch_of(connection, archive, UNLISTED)
    with connection.transaction():
        connection.execute(SQL["forget_unlisted"], [archive.id])
        paths = (path for path, _ in files_of(manifest))
        while chunk := list(islice(paths, CHUNK)):
            for named in connection.execute(
                SQL["not_listed"], {"archive": archive.id, "paths": chunk}
            ).fetchall():
                path = named["path"]
                row = Row(
                    listed=Listed(key=f"file {path}", batch=UNLISTED, files=(path,)),
                    state="unlisted",
                    sources=(Source(path=path, file=None),),
                    problems=(Problem(code="unlisted", detail=path),),
                )
                note(connection, archive, batch, row)
                found += 1
    return found
