"""Read a manifest as a stream of documents: the rows of a table, with those of one document combined, or the
files of a tree.

Nothing is looked up and no file is opened here. A row without usable content is a document with a problem,
never an error.
"""

from __future__ import annotations

import csv
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from pipeline.archive.manifest_mapping import ManifestMapping
from pipeline.config import ArchiveSettings
from pipeline.errors import InvalidInput, NotFound
from pipeline.ingest.completeness import is_temporary_name
from pipeline.ingest.intake_source import printable
from pipeline.store.blobs import sha256_of

MAX_FIELD_CHARS = 1 << 20  # a field with the text of a page is not an index field
WHITESPACE = " \t\r\n\u00a0"
DIGITS = re.compile(r"(\d+)")
UNLISTED_BATCH = "(in no row)"
"""The name of the batch of files that no row names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem of a document of the manifest. `code` is one of docs/reference/migrate.md."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDocument:
    """A document of the manifest, as it is written there.

    Attributes:
        key: The line of the document, or its path in a tree.
        files: Paths below the root.
    """

    key: str
    batch: str
    files: tuple[str, ...]
    document: str | None = None
    mrn: str | None = None
    type: str | None = None
    date: str | None = None
    pages: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest.

    Attributes:
        file: The table, or the root folder of a tree.
        root: The folder that the paths start from.
    """

    file: Path
    root: Path
    mapping: ManifestMapping

    @classmethod
    def at(cls, file: Path, root: Path | None, mapping: ManifestMapping) -> Manifest:
        """Return the manifest. Raises NotFound if its file or root does not exist."""
        if mapping.kind == "tree" and not file.is_dir():
            raise NotFound(
                f"There is no folder {file}.", "The manifest of a tree is the folder itself: check the path."
            )
        if mapping.kind == "table" and not file.is_file():
            raise NotFound(f"There is no manifest {file}.", "Check the path.")
        top = root or (file if mapping.kind == "tree" else file.parent)
        if not top.is_dir():
            raise NotFound(
                f"There is no folder {top}.",
                "Give the folder that the manifest's paths start from as --root.",
            )
        return cls(file=file, root=top, mapping=mapping)

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of a table; None for a tree."""
        return None if self.mapping.kind == "tree" else sha256_of(self.file)

    def documents(self, settings: ArchiveSettings) -> Iterator[ManifestDocument]:
        """Yield every document, in order. Raises InvalidInput if the table cannot be read at all."""
        listed = (
            _of_tree(self.root, self.mapping)
            if self.mapping.kind == "tree"
            else _of_table(self.file, self.mapping)
        )
        for number, document in enumerate(listed):
            name = document.batch or f"{number // settings.batch_documents + 1:06d}"
            yield replace(document, batch=name) if name != document.batch else document


def natural_key(path: str) -> list[str | int]:
    """Return a sort key that puts page 2 before page 10."""
    return [int(part) if place % 2 else part for place, part in enumerate(DIGITS.split(path))]


def files_below(root: Path) -> Iterator[tuple[str, int]]:
    """Yield (path below the root, size) of every file except temporary and system files.

    The order is folder by folder, sorted by natural_key within each.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            found = sorted(
                (entry for entry in entries if not is_temporary_name(entry.name)),
                key=lambda entry: natural_key(entry.name),
            )
        below = [f"{folder}{entry.name}/" for entry in found if entry.is_dir(follow_symlinks=False)]
        waiting.extend(reversed(below))
        for entry in found:
            if entry.is_file():
                yield f"{folder}{entry.name}", entry.stat().st_size


def _of_tree(root: Path, mapping: ManifestMapping) -> Iterator[ManifestDocument]:
    pattern = re.compile(mapping.pattern)
    files = (path for path, _ in files_below(root))
    if mapping.join == "folder":
        groups: Iterable[tuple[str, ...]] = (tuple(g) for _, g in groupby(files, key=posixpath.dirname))
    else:
        groups = ((path,) for path in files)
    for paths in groups:
        key = printable(paths[0])
        fields = pattern.fullmatch(key) if mapping.pattern else None
        problems = (
            (Problem(code="bad_row", detail="its path does not match the pattern"),)
            if mapping.pattern and not fields
            else ()
        )
        yield _listed(key, paths, fields.groupdict() if fields else {}, problems)


def _of_table(file: Path, mapping: ManifestMapping) -> Iterator[ManifestDocument]:
    rows = _rows(file, mapping)
    if mapping.join == "document":
        for _, group in groupby(rows, key=lambda row: row[1].get("document") or f"line {row[0]}"):
            yield _joined(list(group), mapping)
    else:
        for line, fields in rows:
            yield _joined([(line, fields)], mapping)


def _rows(file: Path, mapping: ManifestMapping) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, fields by meaning) of every row that is not empty."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    quoting: Literal[0, 3] = 0 if mapping.quote else 3  # csv's QUOTE_MINIMAL, QUOTE_NONE
    try:
        with file.open(encoding=mapping.encoding, newline="") as stream:
            reader = csv.reader(
                (line.replace("\0", "") for line in stream),
                delimiter=mapping.delimiter,
                quotechar=mapping.quote or None,
                quoting=quoting,
            )
            header = next(reader, []) if mapping.header else None
            places = _places(header, mapping, file.name)
            for values in reader:
                if values:
                    width = len(values)
                    yield (
                        reader.line_num,
                        {
                            what: v
                            for what, at in places
                            if at < width and (v := values[at].strip(WHITESPACE))
                        },
                    )
    except (UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InvalidInput(
            f"{file.name} cannot be read with its mapping: {error}.", "Check its encoding and delimiter."
        ) from None


def _places(header: list[str] | None, mapping: ManifestMapping, name: str) -> list[tuple[str, int]]:
    """Return (meaning, index in the row) of each column that exists. Raises InvalidInput without a path
    column.
    """
    found: list[tuple[str, int]] = []
    named = {title.strip().casefold(): place for place, title in enumerate(header or ())}
    for what, column in mapping.columns.items():
        place = column - 1 if isinstance(column, int) else named.get(column.casefold())
        if place is not None:
            found.append((what, place))
    if "path" not in dict(found):
        raise InvalidInput(
            f"{name} has no column {mapping.columns['path']!r}.",
            "Correct the mapping's columns.",
            "bad_manifest",
        )
    return found


def _joined(rows: Sequence[tuple[int, dict[str, str]]], mapping: ManifestMapping) -> ManifestDocument:
    """Combine the rows of one document. Pages are in the order of their numbers, if all have one.

    A path that is listed twice is used once.
    """
    line, fields = rows[0]
    problems: list[Problem] = []
    numbered = [(int(text) if (text := row.get("page", "")).isdecimal() else None, row) for _, row in rows]
    numbers = [number for number, _ in numbered if number is not None]
    if len(numbers) == len(rows):
        numbered.sort(key=lambda entry: entry[0] or 0)
    paths: dict[str, None] = {}
    for _, row in numbered:
        path, problem = _path(row.get("path"), mapping)
        if problem:
            problems.append(problem)
        elif path in paths:
            problems.append(Problem(code="listed_twice", detail=path))
        else:
            paths[path] = None
    distinct = sorted(set(numbers))
    if distinct and distinct != list(range(1, len(distinct) + 1)):
        problems.append(Problem(code="page_numbers", detail=f"its pages are numbered {_short(distinct)}"))
    return _listed(str(line), tuple(paths), fields, tuple(problems))


def _path(text: str | None, mapping: ManifestMapping) -> tuple[str, Problem | None]:
    """Return the path below the root with slashes, or the problem with it."""
    if not text:
        return "", Problem(code="bad_row", detail="it names no file")
    if mapping.strip and text.casefold().startswith(mapping.strip.casefold()):
        text = text[len(mapping.strip) :]
    path = text.replace("\\", "/")
    if "./" in path or "//" in path or path.endswith(("/", "..")):
        path = posixpath.normpath(path)
    if path.startswith(("../", "/")) or path in ("..", ".", "") or path[1:2] == ":":
        return "", Problem(code="bad_row", detail=f"its path {text!r} is outside the root")
    return path, None


def _listed(
    key: str, files: tuple[str, ...], fields: dict[str, str], problems: tuple[Problem, ...]
) -> ManifestDocument:
    pages, found = fields.get("pages"), list(problems)
    if pages is not None and not pages.isdecimal():
        found.append(Problem(code="bad_row", detail=f"its number of pages is {pages!r}"))
        pages = None
    return ManifestDocument(
        key=key,
        batch=fields.get("batch") or "",
        files=files,
        document=fields.get("document"),
        mrn=fields.get("mrn"),
        type=fields.get("type"),
        date=fields.get("date"),
        pages=int(pages) if pages else None,
        problems=tuple(found),
    )


def _short(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:12])) + (" ..." if len(numbers) > 12 else "")
