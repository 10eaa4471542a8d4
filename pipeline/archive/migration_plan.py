"""`archive plan`: report what a migration would find and cost, without changing anything."""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.archive.crosswalk import Crosswalk
from pipeline.archive.inventory import Inventory, take_inventory
from pipeline.archive.manifest import Manifest
from pipeline.archive.throttle import schedule_share
from pipeline.config import ArchiveSettings, Settings
from pipeline.errors import InvalidInput
from pipeline.ingest.parsing.open_scan import inspect
from pipeline.matching.person import normalize_number
from pipeline.store.blobs import sha256_of
from pipeline.store.database import Connection
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
Depth: TypeAlias = Literal["none", "sample", "all"]
MAX_EXAMPLES = 5  # of each kind of problem, shown to a person; the CSV has all of them
QUERY_ROWS = 5_000  # record numbers or hashes in one query
SAMPLE_SEED = 1  # planning twice opens the same files
SECONDS_PER_HOUR, SECONDS_PER_DAY = 3_600, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of a migration.

    Attributes:
        cpu_hours: Of one core.
        days: On `cores` cores within the schedule and worker share of the settings.
        store_bytes: In the object store.
        database_bytes: In Postgres.
    """

    cores: int
    cpu_hours: float
    days: float
    store_bytes: int
    database_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of a migration.

    Attributes:
        pages_by: How the pages were counted: opened, manifest, sample, a page a file, or assumed.
        opened: How many files were opened.
        problems: The number of problems of each code.
        examples: The first problems of each code, as (row, path, detail).
    """

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
    crosswalk: Crosswalk,
    settings: Settings,
    connection: Connection | None,
    *,
    depth: Depth,
    cores: int,
    out: Path | None = None,
    report: Callable[[int], None] = lambda _count: None,
) -> Plan:
    """Examine everything that a migration would import.

    Args:
        manifest: The manifest of the archive.
        crosswalk: The local record numbers.
        settings: The settings of the installation.
        connection: For queries on the patient index and on stored hashes; None skips both.
        depth: How many files are opened.
        cores: The number of CPU cores, for the cost.
        out: The folder in which every problem is written as CSV.
        report: Called with the number of documents or files that were examined since the last call.

    Raises:
        InvalidInput: The manifest cannot be read.
        ServiceUnavailable: The database is unavailable.
    """
    documents = manifest.documents(settings.archive)
    with take_inventory(manifest, documents, crosswalk, report) as inventory:
        if connection is not None:
            _find_unknown_patients(inventory, connection)
        _open_files(inventory, manifest, settings, depth, report)
        if depth == "all":
            _find_duplicates(inventory, connection)
        if out is not None:
            _write_problems(inventory, out)
        return _plan(inventory, settings, depth, cores, patients_asked=connection is not None)


def _find_unknown_patients(inventory: Inventory, connection: Connection) -> None:
    """Add a problem to each document whose record number is not in the patient index."""
    mrns = (row["mrn"] for row in inventory.rows("select distinct mrn from listed where mrn is not null"))
    unknown: list[str] = []
    while chunk := list(islice(mrns, QUERY_ROWS)):
        params = {"mrns": chunk, "plain": [normalize_number(mrn) or mrn for mrn in chunk]}
        unknown += [row["mrn"] for row in connection.execute(SQL["unknown_mrns"], params)]
    inventory.insert("unknown", ((mrn,) for mrn in unknown))
    inventory.run("inventory_unknown_patients")


def _open_files(
    inventory: Inventory, manifest: Manifest, settings: Settings, depth: Depth, report: Callable[[int], None]
) -> None:
    """Open the files that are not empty: how many pages they have, or why intake would reject them."""
    inventory.run("inventory_empty_files")
    with tempfile.TemporaryDirectory(prefix="chartloom-plan-") as folder:
        scratch = Scratch(Path(folder))
        for path, spelled in _files_to_open(inventory, depth, settings.archive.sample_files):
            opened = _open_file(manifest.root / spelled, scratch, settings, with_hash=depth == "all")
            inventory.insert("opened", [(path, *opened)])
            report(1)
    inventory.run("inventory_unreadable")
    inventory.run("inventory_page_counts")


def _files_to_open(inventory: Inventory, depth: Depth, sample_files: int) -> Iterator[tuple[str, str]]:
    """Yield the files to open, as (case-folded path, path as spelled)."""
    if depth == "none":
        return
    total: int = inventory.one("select count(*) from there")[0]
    numbers = range(1, total + 1)
    is_sampled = depth == "sample" and total > sample_files
    for n in sorted(random.Random(SAMPLE_SEED).sample(numbers, sample_files)) if is_sampled else numbers:
        path, spelled, size = inventory.one("select path, spelt, size from there where rowid = ?", n)
        if size:
            yield path, spelled


def _open_file(
    file: Path, scratch: Scratch, settings: Settings, *, with_hash: bool
) -> tuple[str | None, int | None, str | None, str | None]:
    """Return (media type, pages, rejection, SHA-256) of a file."""
    sha256 = None
    try:
        sha256 = sha256_of(file) if with_hash else None
        info = inspect(file, scratch, settings.intake)
    except InvalidInput as error:
        return None, None, error.code, sha256
    except OSError as error:
        return None, None, error.strerror or "not readable", sha256
    return info.media_type, info.pages, None, sha256


def _find_duplicates(inventory: Inventory, connection: Connection | None) -> None:
    """Add a problem to each file with the bytes of an earlier file or of a stored scan."""
    inventory.run("inventory_duplicates")
    hashes = inventory.rows("select sha256, path from opened where sha256 is not null")
    duplicates: list[tuple[str, str, str, str]] = []
    while connection is not None and (
        chunk := {row["sha256"]: row["path"] for row in islice(hashes, QUERY_ROWS)}
    ):
        rows = connection.execute(SQL["known_hashes"], {"hashes": list(chunk)})
        duplicates += [
            ("", chunk[row["sha256"]], "duplicate", f"already stored as scan {row['id']}") for row in rows
        ]
    inventory.insert("problem", duplicates)


def _write_problems(inventory: Inventory, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "problems.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", "path", "code", "detail"))
        writer.writerows(inventory.rows("select key, path, code, detail from problem order by code, rowid"))


def _plan(
    inventory: Inventory, settings: Settings, depth: Depth, cores: int, *, patients_asked: bool
) -> Plan:
    problems = {
        row["code"]: row["n"]
        for row in inventory.rows("select code, count(*) as n from problem group by code order by code")
    }
    examples = "select key, path, detail from problem where code = ? order by rowid limit ?"
    totals = dict(inventory.one(SQL["inventory_totals"]))
    pages, pages_by = _count_pages(inventory, totals["files"], depth, settings)
    formats = SQL["inventory_file_types" if totals["opened"] else "inventory_extensions"]
    return Plan(
        **totals,
        patients_asked=patients_asked,
        pages=pages,
        pages_by=pages_by,
        depth=depth,
        formats={row["kind"]: row["n"] for row in inventory.rows(formats)},
        problems=problems,
        examples={
            code: [
                (row["key"], row["path"], row["detail"])
                for row in inventory.rows(examples, code, MAX_EXAMPLES)
            ]
            for code in problems
        },
        cost=estimate_cost(pages, totals["bytes"], cores, settings.archive),
    )


def _count_pages(inventory: Inventory, files: int, depth: Depth, settings: Settings) -> tuple[int, str]:
    """Return the number of pages, and how they were counted."""
    counts = inventory.one(SQL["inventory_pages"])
    documents: int = inventory.one("select count(*) from listed")[0]
    if depth == "all":
        return counts["pages_counted"], "opened"
    if documents and counts["documents_stated"] == documents:
        return counts["pages_stated"], "manifest"
    if counts["files_counted"]:
        return round(files * counts["pages_counted"] / counts["files_counted"]), "sample"
    if files > documents:
        return files, "a page a file"
    return round(files * settings.archive.cost_model.pages_per_file), "assumed"


def estimate_cost(pages: int, original_bytes: int, cores: int, settings: ArchiveSettings) -> Cost:
    """Return the cost of migrating pages, from the measured figures of a page in [archive.cost_model]."""
    model = settings.cost_model
    cpu_seconds = pages * model.cpu_seconds
    busy_cores = max(1.0, cores * settings.max_worker_share) * schedule_share(settings.schedule)
    return Cost(
        cores=cores,
        cpu_hours=cpu_seconds / SECONDS_PER_HOUR,
        days=cpu_seconds / busy_cores / SECONDS_PER_DAY,
        store_bytes=round(original_bytes + pages * model.page_bytes),
        database_bytes=round(pages * model.database_bytes),
    )
