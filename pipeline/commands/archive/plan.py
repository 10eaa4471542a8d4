"""What `chartloom archive plan` does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import typer

from pipeline.archive.crosswalk import open_crosswalk
from pipeline.archive.manifest import Manifest
from pipeline.archive.manifest_mapping import load_mapping
from pipeline.archive.migration_plan import Depth, Plan, plan
from pipeline.commands.common import emit, progress
from pipeline.config import load_settings
from pipeline.runtime.installation import open_installation

GB = 1e9
PAGE_COUNT_SOURCES = {
    "opened": "counted in every file",
    "manifest": "as the manifest states",
    "sample": "estimated from the mean of a sample",
    "a page a file": "one page per file",
    "assumed": "assumed: archive.cost_model.pages_per_file",
}
LIMITS_OF_INSPECTION = {
    "none": "No file was opened: damaged, encrypted and duplicate files and wrong page counts are not known.",
    "sample": "A sample of files was opened: bad files and wrong page counts are known only for the sample, "
    "duplicates are not known.",
    "all": "Every file was opened. What only OCR finds (blank pages, a page that names another patient) is "
    "not known.",
}


def plan_migration(
    file: Path,
    mapping: str,
    root: Path | None,
    links: Path | None,
    *,
    inspect: Depth,
    cores: int,
    out: Path | None,
    index: bool,
    as_json: bool,
    home: Path | None,
) -> None:
    """Plan a migration and print the plan."""
    settings = load_settings(home)
    manifest = Manifest.at(file, root, load_mapping(mapping))
    with ExitStack() as stack:
        connection = None
        if index:
            installation = stack.enter_context(open_installation(settings, store=False))
            connection = stack.enter_context(installation.connect())
        numbers = stack.enter_context(open_crosswalk(links))
        advance = stack.enter_context(progress("Reading the manifest", None))
        migration_plan = plan(
            manifest,
            numbers,
            settings,
            connection,
            depth=inspect,
            cores=cores,
            out=out,
            report=advance,
        )
    emit(asdict(migration_plan)) if as_json else typer.echo(format_plan(migration_plan))


def format_plan(plan: Plan) -> str:
    """Return the plan as text."""
    return "\n".join([*_format_totals(plan), *_format_problems(plan), LIMITS_OF_INSPECTION[plan.depth]])


def _format_totals(plan: Plan) -> list[str]:
    cost = plan.cost
    formats = ", ".join(f"{name} {count:,}" for name, count in plan.formats.items()) or "none"
    gigabytes = f"{plan.bytes / GB:,.1f} GB"
    return [
        f"documents   {plan.documents:,} in {plan.batches:,} batches",
        f"files       {plan.files:,} of {plan.files_named:,} exist, {gigabytes}; {plan.opened:,} opened",
        f"formats     {formats}",
        f"pages       {plan.pages:,} ({PAGE_COUNT_SOURCES[plan.pages_by]})",
        f"patients    {plan.patients:,}{'' if plan.patients_asked else ' (not looked up)'}",
        f"OCR         {cost.cpu_hours:,.1f} CPU hours: {cost.days:,.1f} days on {cost.cores} cores with the "
        "schedule and worker share of the settings",
        f"storage     {cost.store_bytes / GB:,.1f} GB in the object store, "
        f"{cost.database_bytes / GB:,.1f} GB in Postgres",
    ]


def _format_problems(plan: Plan) -> list[str]:
    lines = [f"problems    {sum(plan.problems.values()):,}"]
    for code, count in plan.problems.items():
        lines.append(f"  {code.replace('_', ' '):16} {count:>10,}")
        lines += [
            f"      {' '.join(dict.fromkeys(filter(None, example)))}" for example in plan.examples[code]
        ]
    return lines
