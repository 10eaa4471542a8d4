"""Commands: ingest, work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import Home, Json

INGEST_EXAMPLE = "Example: chartloom ingest scans/ --wait --json"
WORK_EXAMPLE = (
    "Example: CHARTLOOM_DATABASE__DSN=postgresql://... CHARTLOOM_STORAGE__ENDPOINT=store:9000 chartloom work --workers 4"
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog=INGEST_EXAMPLE)(ingest)
    app.command(epilog=WORK_EXAMPLE)(work)


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders with all that lies below them.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every file is filed, in review or quarantined.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Hand in files directly.

    With --wait, workers are started for the time it takes, unless some are running for this installation already. Exit
    status: 0 all taken; 2 some file was quarantined; 3 a service is away; 4 a program is missing; 7 a path does not exist.
    """
    from pipeline.commands.handing_in import hand_in

    sys.exit(hand_in(paths, wait=wait, as_json=as_json, home=home))


def work(
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="How many. [default: one for each core]")] = None,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
    home: Home = None,
) -> None:
    """Run workers until stopped; on another machine they need only the database's DSN and the store's endpoint.

    Exit status: 0 stopped; 3 a service is away; 4 a program is missing.
    """
    from pipeline.config import load_settings
    from pipeline.services.installation import open_installation
    from pipeline.work.start import run_workers

    with open_installation(load_settings(home)) as installation:
        run_workers(installation.settings, workers, until=sys.stdin.fileno() if until_eof else None)
