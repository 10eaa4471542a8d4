"""What `plan` has seen, in a SQLite file of its own: a million rows cost disk, not memory, and questions are
SQL.

listed   a document of the manifest: n, key, batch, document, mrn, pages
named    a file that a document names: n, path (folded where letters' case does not count)
found    a file that is there: path as folded, spelt as it is, size
problem  what is wrong with what: key, path, code, detail
opened   a file that was opened: path, media type, pages, or the code of its refusal; its SHA-256 where all
         were
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

from pipeline.archive.crosswalk import NAMELESS, Crosswalk
from pipeline.archive.field_mapping import meaning_of
from pipeline.archive.manifest import Manifest, files_below
from pipeline.ingest.intake_source import printable
from pipeline.store.sql import statements

CHUNK = 10_000
SQL = statements("pipeline.archive")


class Survey:
    """The tables, and what is asked of them."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(NAMELESS, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self.run("survey_tables")

    def close(self) -> None:
        """Let go of the tables."""
        self._db.close()

    def run(self, name: str) -> None:
        """The statements of that name."""
        self._db.executescript(SQL[name])

    def rows(self, query: str, *values: object) -> Iterator[sqlite3.Row]:
        """Rows, as they are fetched."""
        return self._db.execute(query, values)

    def one(self, query: str, *values: object) -> sqlite3.Row:
        """The only row."""
        row: sqlite3.Row = self._db.execute(query, values).fetchone()
        return row

    def put(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows, some thousand at a time."""
        remaining = iter(rows)
        while chunk := list(islice(remaining, CHUNK)):
            marks = ", ".join("?" * len(chunk[0]))
            self._db.execute("begin")
            self._db.executemany(f"insert into {table} values ({marks})", chunk)  # noqa: S608 - our own tables
            self._db.execute("commit")


@contextmanager
def survey(
    manifest: Manifest, documents: Iterable[Any], numbers: Crosswalk, tell: Callable[[int], None]
) -> Iterator[Survey]:
    """Read the manifest and walk the folder; no file is opened. `tell` is given the number of documents read
    since.
    """
    with closing(Survey()) as seen:
        fold = str.casefold if manifest.mapping.ignore_case else str
        seen.put("found", ((fold(path), path, size) for path, size in files_of(manifest)))
        _read(seen, manifest, documents, numbers, fold, tell)
        seen.run("survey_join")
        yield seen


def files_of(manifest: Manifest) -> Iterator[tuple[str, int]]:
    """The files below the root, the manifest itself left out."""
    itself = manifest.file.resolve()
    for path, size in files_below(manifest.root):
        if path.rpartition("/")[2] != itself.name or (manifest.root / path).resolve() != itself:
            yield printable(path), size


def _read(
    seen: Survey,
    manifest: Manifest,
    documents: Iterable[Any],
    numbers: Crosswalk,
    fold: Callable[[str], str],
    tell: Callable[[int], None],
) -> None:
    remaining = enumerate(iter(documents), 1)
    while chunk := list(islice(remaining, CHUNK)):
        meant = [(n, listed, meaning_of(listed, manifest.mapping, numbers)) for n, listed in chunk]
        seen.put("listed", ((n, d.key, d.batch, d.document, m.mrn, d.pages) for n, d, m in meant))
        seen.put("named", ((n, fold(path)) for n, d, _ in meant for path in d.files))
        seen.put("problem", ((d.key, "", p.code, p.detail) for _, d, m in meant for p in m.problems))
        tell(len(chunk))
