"""Commands: migrate plan, run, verify, report, sample, sign."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.common import Home, Json

group = typer.Typer(help="Move an old archive in, and prove that every page arrived.", no_args_is_help=True)

ManifestFile = Annotated[
    Path, typer.Argument(metavar="MANIFEST", help="The index file; for a tree, the folder itself.")
]
MappingName = Annotated[
    str,
    typer.Option(
        "--mapping", metavar="NAME|FILE", help="What it means: csv, old-index, tree, or a .toml file."
    ),
]
Root = Annotated[
    Path | None, typer.Option("--root", help="Where its paths start. [default: the manifest's folder]")
]
CrosswalkFile = Annotated[
    Path | None,
    typer.Option(
        "--crosswalk", metavar="LINKS", help="links.csv of `patients link OLD NEW`: old MRN to ours."
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The migration's name, given at its first run.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(group, name="migrate")


@group.command(
    epilog="Example: chartloom migrate plan /archive/index.csv --mapping csv --cores 64 --out plan/"
)
def plan(
    manifest: ManifestFile,
    mapping: MappingName = "csv",
    root: Root = None,
    crosswalk: CrosswalkFile = None,
    opened: Annotated[
        str, typer.Option("--open", help="Open none, a sample or all of the files.")
    ] = "sample",
    cores: Annotated[int, typer.Option("--cores", min=1, help="Cores that will read.")] = 16,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write every problem to problems.csv in this folder.")
    ] = None,
    index: Annotated[bool, typer.Option("--index/--no-index", help="Ask the patient index too.")] = True,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Look at everything a migration would take in, and touch nothing: counts, problems, hours, storage,
    days.

    Exit status: 0; 2 the manifest cannot be read; 3 a service is away; 5 the mapping is wrong; 7 a file does
    not exist."""
    from pipeline.commands.archive.plan import plan_migration

    plan_migration(
        manifest,
        mapping,
        root,
        crosswalk,
        opened=opened,
        cores=cores,
        out=out,
        index=index,
        as_json=as_json,
        home=home,
    )


@group.command(epilog="Example: chartloom migrate run north-campus /archive/index.csv --mapping csv")
def run(
    name: Name,
    manifest: ManifestFile,
    mapping: MappingName = "csv",
    root: Root = None,
    crosswalk: CrosswalkFile = None,
    batch: Annotated[
        str | None, typer.Option("--batch", help="Only this batch; several may run side by side.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take the archive in behind all other work, and wait until it is read. Killed, it goes on where it
    stopped.

    Exit status: 0 everything listed was taken; 2 some was not (the report names it); 3 a service is away; 6
    it is running already; 7 a file does not exist."""
    from pipeline.commands.archive.run import run_migration

    sys.exit(run_migration(name, manifest, mapping, root, crosswalk, batch=batch, as_json=as_json, home=home))


@group.command(epilog="Example: chartloom migrate verify north-campus")
def verify(
    name: Name,
    batch: Annotated[str | None, typer.Option("--batch", help="Only this batch.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what was proved before.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Compare every source file and page with what is stored, from the sources and the store alone.

    Exit status: 0 all is proved but what has a named reason not to be; 1 something is lost or is not as it
    should be; 2 the manifest has changed; 3 a service is away; 7 there is no such migration."""
    from pipeline.commands.archive.verify import verify_migration

    sys.exit(verify_migration(name, batch=batch, again=again, as_json=as_json, home=home))


@group.command(epilog="Example: chartloom migrate report north-campus --out report/")
def report(
    name: Name,
    out: Annotated[Path, typer.Option("--out", help="The folder to write into.")] = Path("report"),
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Write what became of every file and page, as PDF and CSV, with every exception and what may be
    destroyed.

    Exit status: 0 it adds up; 1 it does not, or no run has come to its end; 3 a service is away; 7 there is
    no such migration."""
    from pipeline.commands.archive.verify import report_migration

    sys.exit(report_migration(name, out, as_json=as_json, home=home))


@group.command(epilog="Example: chartloom migrate sample north-campus --confidence 0.95 --limit 0.01")
def sample(
    name: Name,
    batch: Annotated[str | None, typer.Option("--batch", help="Only of this batch.")] = None,
    confidence: Annotated[float, typer.Option("--confidence", help="How sure to be.")] = 0.95,
    limit: Annotated[float, typer.Option("--limit", help="The share of wrong documents to be below.")] = 0.01,
    seed: Annotated[
        int | None, typer.Option("--seed", help="To draw the same again. [default: at random]")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Draw filed documents at random into the review queue, to measure how often filing goes wrong.

    Exit status: 0; 2 nothing is filed yet; 3 a service is away; 7 there is no such migration or batch.
    """
    from pipeline.commands.archive.verify import sample_migration

    sample_migration(
        name, batch=batch, confidence=confidence, limit=limit, seed=seed, as_json=as_json, home=home
    )


@group.command(epilog='Example: chartloom migrate sign north-campus "box 17" --by ruth')
def sign(
    name: Name,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="The batch's name.")],
    by: Annotated[str, typer.Option("--by", help="The account of a supervisor or privacy officer.")],
    home: Home = None,
) -> None:
    """Sign for a batch that verified: only then may its sources be destroyed. It is written in the audit.

    Exit status: 0; 1 the batch has not verified; 2 that person may not sign; 3 a service is away; 7 there is
    no such batch."""
    from pipeline.commands.archive.verify import sign_migration

    sign_migration(name, batch, by, home=home)
