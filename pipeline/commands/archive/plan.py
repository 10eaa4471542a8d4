"""What `migrate plan` does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import typer

from pipeline.archive.crosswalk import crosswalk
from pipeline.archive.manifest import Manifest
from pipeline.archive.manifest_mapping import load_mapping
from pipeline.archive.migration_plan import Depth, Plan, plan
from pipeline.commands.common import emit, progress
from pipeline.config import load_settings
from pipeline.errors import InvalidInput
from pipeline.runtime.installation import open_installation

GB = 1e9
KNOWN = {
    "opened": "counted in every file",
    "manifest": "as the manifest says",
    "sample": "by the mean of a sample",
    "a page a file": "a page for each file",
    "assumed": "assumed: archive.cost_model.pages_per_file",
}
DEPTHS = {
    "none": "No file was opened: damaged, encrypted and doubled files and wrong page counts are not known.",
    "sample": "A sample of files was opened: bad files and wrong page counts are known of those alone, doubled ones not.",
    "all": "Every file was opened. What only reading tells (blank pages, a page that names another patient) is not known.",
}


def plan_migration(
    file: Path,
    mapping: str,
    root: Path | None,
    links: Path | None,
    *,
    opened: str,
    cores: int,
    out: Path | None,
    index: bool,
    as_json: bool,
    home: Path | None,
) -> None:
    """Plan, and tell it."""
    depth = next((known for known in get_args(Depth) if known == opened), None)
    if depth is None:
        raise InvalidInput(f"--open {opened}?", f"Choose one of {', '.join(get_args(Depth))}.", "bad_option")
    settings = load_settings(home)
    manifest = Manifest.at(file, root, load_mapping(mapping))
    with ExitStack() as stack:
        connection = None
        if index:
            installation = stack.enter_context(open_installation(settings, store=False))
            connection = stack.enter_context(installation.connect())
        numbers = stack.enter_context(crosswalk(links))
        advance = stack.enter_context(progress("Reading the manifest", None))
        found = plan(
            manifest, numbers, settings, connection, depth=depth, cores=cores, out=out,
            tell=lambda _what, n: advance(n),
        )  # fmt: skip
    emit(asdict(found)) if as_json else typer.echo(in_words(found))


def in_words(found: Plan) -> str:
    """The plan for a person."""
    cost = found.cost
    lines = [
        f"documents   {found.documents:,} in {found.batches:,} batches",
        f"files       {found.files:,} there of {found.files_named:,} named, {found.bytes / GB:,.1f} GB; {found.opened:,} opened",
        f"formats     {', '.join(f'{kind} {n:,}' for kind, n in found.formats.items()) or 'none'}",
        f"pages       {found.pages:,} ({KNOWN[found.pages_by]})",
        f"patients    {found.patients:,}{'' if found.patients_asked else ' (the patient index was not asked)'}",
        f"reading     {cost.cpu_hours:,.1f} CPU hours: {cost.days:,.1f} days on {cost.cores} cores in the hours and share set",
        f"storage     {cost.store_bytes / GB:,.1f} GB of the object store, {cost.database_bytes / GB:,.1f} GB of Postgres",
        f"problems    {sum(found.problems.values()):,}",
    ]
    for code, count in found.problems.items():
        lines.append(f"  {code.replace('_', ' '):16} {count:>10,}")
        lines += [
            f"      {' '.join(dict.fromkeys(part for part in example if part))}"
            for example in found.examples[code]
        ]
    return "\n".join([*lines, DEPTHS[found.depth]])
