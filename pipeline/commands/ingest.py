"""Command: ingest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.common import Home, Json


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom ingest scans/ --wait --json")(ingest)


def ingest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, or folders with all that lies below them.")
    ],
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until every file is filed, in review or quarantined.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Hand in files directly.

    With --wait, workers are started for the time it takes, unless some are running for this installation
    already. Exit status: 0 all taken; 2 some file was quarantined; 3 a service is away; 4 a program is
    missing; 7 a path does not exist."""
    from pipeline.commands.ingest_run import hand_in

    sys.exit(hand_in(paths, wait=wait, as_json=as_json, home=home))
