"""`migrate plan`: what a migration would meet and cost, told without touching anything."""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.archive.cost_estimate import Cost, cost_of
from pipeline.archive.crosswalk import Crosswalk
from pipeline.archive.inventory import Survey, survey
from pipeline.archive.manifest import Manifest
from pipeline.config import Settings
from pipeline.errors import InvalidInput
from pipeline.ingest.parsing.open_scan import inspect
from pipeline.matching.person import normalize_number
from pipeline.store.blobs import sha256_of
from pipeline.store.database import Connection
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
Depth: TypeAlias = Literal["none", "sample", "all"]
EXAMPLES = 5  # of each kind of problem, shown to a person; the CSV has them all
ASKED = 5_000  # record numbers or hashes that the database is asked about at a time
SEED = 1  # of the sample that is opened: planning twice opens the same files


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is known. `pages_by` says how the pages are: opened, manifest, sample, a page a file, or assumed.

    `problems`: how many of each code; `examples`: the first of each, as (row, path, detail). `opened`: how
    many files were."""

    documents: int
    files: int
    files_named: int
    bytes: int
    batches: int
    patients: int
    patients_asked: bool
    pages: int
    pages_by: str
    opened: int
    depth: Depth
    formats: dict[str, int]
    problems: dict[str, int]
    examples: dict[str, list[tuple[str, str, str]]]
    cost: Cost


def plan(
    manifest: Manifest,
    numbers: Crosswalk,
    settings: Settings,
    connection: Connection | None,
    *,
    depth: Depth,
    cores: int,
    out: Path | None = None,
    tell: Callable[[str, int], None] = lambda _what, _n: None,
) -> Plan:
    """Look at everything that a migration would take in.

    `connection`: to ask the patient index and the store's hashes; None leaves that out. `depth`: how many
    files are opened. `out`: where every problem is written as CSV. Raises InvalidInput, ServiceUnavailable."""
    documents = manifest.documents(settings.archive)
    with survey(manifest, documents, numbers, lambda n: tell("rows", n)) as seen:
        if connection is not None:
            _ask_patients(seen, connection)
        _open(seen, manifest, settings, depth, lambda: tell("files", 1))
        if depth == "all":
            _find_duplicates(seen, connection)
        if out is not None:
            _write(seen, out)
        return _plan(seen, settings, depth, cores, asked=connection is not None)


def _ask_patients(seen: Survey, connection: Connection) -> None:
    """Every record number that the patient index does not know is a problem of each document that has it."""
    numbers = (row["mrn"] for row in seen.rows("select distinct mrn from listed where mrn is not null"))
    unknown: list[str] = []
    while chunk := list(islice(numbers, ASKED)):
        plain = [normalize_number(mrn) or mrn for mrn in chunk]
        unknown += [
            row["mrn"] for row in connection.execute(SQL["unknown_mrns"], {"mrns": chunk, "plain": plain})
        ]
    seen.put("unknown", ((mrn,) for mrn in unknown))
    seen.run("inventory_unknown_patients")


def _open(
    seen: Survey, manifest: Manifest, settings: Settings, depth: Depth, tell: Callable[[], None]
) -> None:
    """Open the files: how many pages they have, or why intake would refuse them. Empty ones are known without
    that.
    """
    seen.run("inventory_empty_files")
    with tempfile.TemporaryDirectory(prefix="chartloom-plan-") as folder:
        scratch = Scratch(Path(folder))
        for path, spelt in _chosen(seen, depth, settings.archive.sample_files):
            seen.put(
                "opened", [(path, *_opened(manifest.root / spelt, scratch, settings, hashed=depth == "all"))]
            )
            tell()
    seen.run("inventory_unreadable")
    seen.run("inventory_page_counts")


def _chosen(seen: Survey, depth: Depth, most: int) -> Iterator[tuple[str, str]]:
    """The files to open, as (path, spelt as it is)."""
    if depth == "none":
        return
    total: int = seen.one("select count(*) from there")[0]
    sampled = depth == "sample" and total > most
    for n in (
        sorted(random.Random(SEED).sample(range(1, total + 1), most)) if sampled else range(1, total + 1)
    ):
        path, spelt, size = seen.one("select path, spelt, size from there where rowid = ?", n)
        if size:
            yield path, spelt


def _opened(
    file: Path, scratch: Scratch, settings: Settings, *, hashed: bool
) -> tuple[str | None, int | None, str | None, str | None]:
    """(media type, pages, refusal, SHA-256) of a file."""
    sha256 = None
    try:
        sha256 = sha256_of(file) if hashed else None
        opening = inspect(file, scratch, settings.intake)
    except InvalidInput as error:
        return None, None, error.code, sha256
    except OSError as error:
        return None, None, error.strerror or "not readable", sha256
    return opening.media_type, opening.pages, None, sha256


def _find_duplicates(seen: Survey, connection: Connection | None) -> None:
    """Files with the same bytes as another before them, or as a scan that is in already."""
    seen.run("inventory_duplicates")
    hashes = seen.rows("select sha256, path from opened where sha256 is not null")
    known: list[tuple[str, str, str, str]] = []
    while connection is not None and (chunk := {row["sha256"]: row["path"] for row in islice(hashes, ASKED)}):
        rows = connection.execute(SQL["known_hashes"], {"hashes": list(chunk)})
        known += [("", chunk[row["sha256"]], "duplicate", f"in already as scan {row['id']}") for row in rows]
    seen.put("problem", known)


def _write(seen: Survey, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "problems.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", "path", "code", "detail"))
        writer.writerows(seen.rows("select key, path, code, detail from problem order by code, rowid"))


def _plan(seen: Survey, settings: Settings, depth: Depth, cores: int, *, asked: bool) -> Plan:
    problems = {
        row["code"]: row["n"]
        for row in seen.rows("select code, count(*) as n from problem group by code order by code")
    }
    few = "select key, path, detail from problem where code = ? order by rowid limit ?"
    totals = dict(seen.one(SQL["inventory_totals"]))
    pages, by = _pages(seen, totals["files"], depth, settings)
    return Plan(
        **totals,
        patients_asked=asked,
        pages=pages,
        pages_by=by,
        depth=depth,
        formats={
            row["kind"]: row["n"]
            for row in seen.rows(SQL["inventory_kinds" if totals["opened"] else "inventory_endings"])
        },
        problems=problems,
        examples={
            code: [(r["key"], r["path"], r["detail"]) for r in seen.rows(few, code, EXAMPLES)]
            for code in problems
        },
        cost=cost_of(pages, totals["bytes"], cores, settings.archive),
    )


def _pages(seen: Survey, files: int, depth: Depth, settings: Settings) -> tuple[int, str]:
    """How many pages there are, and how that is known."""
    row = seen.one(SQL["inventory_pages"])
    documents: int = seen.one("select count(*) from listed")[0]
    if depth == "all":
        return row["pages_counted"], "opened"
    if documents and row["documents_told"] == documents:
        return row["pages_told"], "manifest"
    if row["files_counted"]:
        return round(files * row["pages_counted"] / row["files_counted"]), "sample"
    if files > documents:
        return files, "a page a file"
    return round(files * settings.archive.cost_model.pages_per_file), "assumed"
