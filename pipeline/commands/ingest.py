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
        list[Path], typer.Argument(metavar="PATH...", help="Files, or folders with everything in them.")
    ],
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until every file is filed, in review or quarantined.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Ingest files directly.

    With --wait, workers are started for the duration, unless some are already running for this installation.

    Exit codes: 0 all were ingested; 2 a file was quarantined; 3 a service is unavailable; 4 a program is
    missing; 7 a path does not exist.
    """
    from pipeline.commands.ingest_run import ingest_files

    sys.exit(ingest_files(paths, wait=wait, as_json=as_json, home=home))
