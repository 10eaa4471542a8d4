"""The inventory of `archive plan`, in a SQLite file: a million rows cost disk, not memory, and queries are
SQL.

listed   a document of the manifest: n, key, batch, document, mrn, pages
named    a file that a document names: n, path (case-folded if letter case is ignored)
found    a file that exists: its case-folded path, its path as spelled, its size
problem  a problem: key, path, code, detail
opened   a file that was opened: path, media type, pages, or the code of its rejection; its SHA-256 if all
files were opened
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

from pipeline.archive.crosswalk import UNNAMED_DATABASE, Crosswalk
from pipeline.archive.field_mapping import map_fields
from pipeline.archive.manifest import Manifest, ManifestDocument, files_below
from pipeline.ingest.intake_source import printable
from pipeline.store.sql import statements

CHUNK_ROWS = 10_000
SQL = statements("pipeline.archive")


class Inventory:
    """The tables, and queries on them."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(UNNAMED_DATABASE, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self.run("inventory_tables")

    def close(self) -> None:
        """Delete the tables."""
        self._db.close()

    def run(self, name: str) -> None:
        """Run the SQL statements of that name."""
        self._db.executescript(SQL[name])

    def rows(self, query: str, *values: object) -> Iterator[sqlite3.Row]:
        """Yield the rows of a query."""
        return self._db.execute(query, values)

    def one(self, query: str, *values: object) -> sqlite3.Row:
        """Return the only row of a query."""
        row: sqlite3.Row = self._db.execute(query, values).fetchone()
        return row

    def insert(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows, CHUNK_ROWS in each transaction."""
        remaining = iter(rows)
        while chunk := list(islice(remaining, CHUNK_ROWS)):
            marks = ", ".join("?" * len(chunk[0]))
            self._db.execute("begin")
            self._db.executemany(f"insert into {table} values ({marks})", chunk)  # noqa: S608 - tables of this module
            self._db.execute("commit")


@contextmanager
def take_inventory(
    manifest: Manifest,
    documents: Iterable[ManifestDocument],
    crosswalk: Crosswalk,
    report: Callable[[int], None],
) -> Iterator[Inventory]:
    """Read the manifest and walk the folder without opening a file.

    Args:
        manifest: The manifest, for its root folder and mapping.
        documents: Its documents.
        crosswalk: The local record numbers.
        report: Called with the number of documents that were read since the last call.
    """
    with closing(Inventory()) as inventory:
        fold = str.casefold if manifest.mapping.ignore_case else str
        inventory.insert("found", ((fold(path), path, size) for path, size in files_of(manifest)))
        _read(inventory, manifest, documents, crosswalk, fold, report)
        inventory.run("inventory_join")
        yield inventory


def files_of(manifest: Manifest) -> Iterator[tuple[str, int]]:
    """Yield the path and size of the files below the root, except the manifest itself."""
    manifest_file = manifest.file.resolve()
    for path, size in files_below(manifest.root):
        same_name = path.rpartition("/")[2] == manifest_file.name
        if not same_name or (manifest.root / path).resolve() != manifest_file:
            yield printable(path), size


def _read(
    inventory: Inventory,
    manifest: Manifest,
    documents: Iterable[ManifestDocument],
    crosswalk: Crosswalk,
    fold: Callable[[str], str],
    report: Callable[[int], None],
) -> None:
    remaining = enumerate(documents, 1)
    while chunk := list(islice(remaining, CHUNK_ROWS)):
        mapped = [(n, d, map_fields(d, manifest.mapping, crosswalk)) for n, d in chunk]
        inventory.insert("listed", ((n, d.key, d.batch, d.document, m.mrn, d.pages) for n, d, m in mapped))
        inventory.insert("named", ((n, fold(path)) for n, d, _ in mapped for path in d.files))
        inventory.insert("problem", ((d.key, "", p.code, p.detail) for _, d, m in mapped for p in m.problems))
        report(len(chunk))
