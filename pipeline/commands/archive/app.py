"""Commands: archive plan, run, verify, report, sample, sign."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.commands.common import Home, Json

group = typer.Typer(help="Import a legacy archive, and prove that every page arrived.", no_args_is_help=True)

ManifestFile = Annotated[
    Path, typer.Argument(metavar="MANIFEST", help="The index file of the archive, or a folder tree.")
]
MappingName = Annotated[
    str,
    typer.Option(
        "--mapping",
        metavar="NAME|FILE",
        help="The meaning of its columns: csv, old-index, tree, or a .toml file.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root", metavar="DIR", help="What its paths are relative to. [default: the folder of MANIFEST]"
    ),
]
CrosswalkFile = Annotated[
    Path | None,
    typer.Option(
        "--crosswalk",
        metavar="FILE",
        help="links.csv of `patients link OLD NEW`: legacy MRNs to MRNs of this index.",
    ),
]
MigrationName = Annotated[
    str, typer.Argument(metavar="NAME", help="The name that the migration got at its first run.")
]
OnlyBatch = Annotated[str | None, typer.Option("--batch", metavar="NAME", help="Only this batch.")]
Inspection = Literal["none", "sample", "all"]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(group, name="archive")


@group.command(
    epilog="Example: chartloom archive plan /archive/index.csv --mapping csv --cores 64 --out plan/"
)
def plan(
    manifest: ManifestFile,
    mapping: MappingName = "csv",
    root: Root = None,
    crosswalk: CrosswalkFile = None,
    inspect: Annotated[
        Inspection, typer.Option("--inspect", help="Which files to open and check.")
    ] = "sample",
    cores: Annotated[
        int, typer.Option("--cores", metavar="N", min=1, help="Cores that the estimate assumes.")
    ] = 16,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write every problem to problems.csv in this folder."),
    ] = None,
    index: Annotated[
        bool, typer.Option("--index/--no-index", help="Look the patients up in the patient index.")
    ] = True,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Check everything that a migration would import, and change nothing: counts, problems, CPU hours,
    storage and days.

    Exit codes: 0 done; 2 the manifest cannot be read; 3 a service is unavailable; 5 the mapping is wrong; 7 a
    file does not exist.
    """
    from pipeline.commands.archive.plan import plan_migration

    plan_migration(
        manifest,
        mapping,
        root,
        crosswalk,
        inspect=inspect,
        cores=cores,
        out=out,
        index=index,
        as_json=as_json,
        home=home,
    )


@group.command(epilog="Example: chartloom archive run north-campus /archive/index.csv --mapping csv")
def run(
    name: MigrationName,
    manifest: ManifestFile,
    mapping: MappingName = "csv",
    root: Root = None,
    crosswalk: CrosswalkFile = None,
    batch: Annotated[
        str | None,
        typer.Option("--batch", metavar="NAME", help="Only this batch. Several can run at the same time."),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Import the archive at the lowest priority, and wait until all of it is processed. After an
    interruption the same command resumes.

    Exit codes: 0 everything was imported; 2 some documents were not (the report lists them); 3 a service is
    unavailable; 6 it is already running; 7 a file does not exist.
    """
    from pipeline.commands.archive.run import run_migration

    sys.exit(run_migration(name, manifest, mapping, root, crosswalk, batch=batch, as_json=as_json, home=home))


@group.command(epilog="Example: chartloom archive verify north-campus")
def verify(
    name: MigrationName,
    batch: OnlyBatch = None,
    again: Annotated[bool, typer.Option("--again", help="Verify again what was verified before.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Compare every source file and page with what is stored, using only the sources and the store.

    Exit codes: 0 everything is verified or exempt for a stated reason; 1 something is missing or different; 2
    the manifest has changed; 3 a service is unavailable; 7 there is no such migration.
    """
    from pipeline.commands.archive.verify import verify_migration

    sys.exit(verify_migration(name, batch=batch, again=again, as_json=as_json, home=home))


@group.command(epilog="Example: chartloom archive report north-campus --out report/")
def report(
    name: MigrationName,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")] = Path(
        "report"
    ),
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Write the result of every file and page as PDF and CSV, with every exception and what may be destroyed.

    Exit codes: 0 the counts are balanced; 1 they are not, or no run has finished; 3 a service is unavailable;
    7 there is no such migration.
    """
    from pipeline.commands.archive.verify import report_migration

    sys.exit(report_migration(name, out, as_json=as_json, home=home))


@group.command(
    epilog="Example: chartloom archive sample north-campus --confidence 0.95 --max-error-rate 0.01"
)
def sample(
    name: MigrationName,
    batch: OnlyBatch = None,
    confidence: Annotated[
        float, typer.Option("--confidence", metavar="P", help="The confidence level.")
    ] = 0.95,
    max_error_rate: Annotated[
        float,
        typer.Option(
            "--max-error-rate", metavar="P", help="The share of wrongly filed documents to rule out."
        ),
    ] = 0.01,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", help="Draw the same sample again. [default: random]"),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Put a random sample of filed documents into the review queue, to measure how often filing is wrong.

    Exit codes: 0 done; 2 nothing is filed yet; 3 a service is unavailable; 7 there is no such migration or
    batch.
    """
    from pipeline.commands.archive.verify import sample_migration

    sample_migration(
        name,
        batch=batch,
        confidence=confidence,
        max_error_rate=max_error_rate,
        seed=seed,
        as_json=as_json,
        home=home,
    )


@group.command(epilog='Example: chartloom archive sign north-campus "box 17" --by ruth')
def sign(
    name: MigrationName,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="The name of the batch.")],
    by: Annotated[
        str,
        typer.Option("--by", metavar="ACCOUNT", help="The account of a supervisor or privacy officer."),
    ],
    home: Home = None,
) -> None:
    """Sign off a verified batch: only then may its sources be destroyed. The signature is recorded in the
    audit log.

    Exit codes: 0 done; 1 the batch is not verified; 2 that account may not sign; 3 a service is unavailable;
    7 there is no such batch.
    """
    from pipeline.commands.archive.verify import sign_migration

    sign_migration(name, batch, by, home=home)
