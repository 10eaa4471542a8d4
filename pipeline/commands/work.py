"""Command: work."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipeline.commands.common import Home

EXAMPLE = (
    "Example: CHARTLOOM_DATABASE__DSN=postgresql://... CHARTLOOM_STORAGE__ENDPOINT=store:9000 "
    "chartloom work --workers 4"
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog=EXAMPLE)(work)


def work(
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, help="Worker processes. [default: worker.processes]"),
    ] = None,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
    home: Home = None,
) -> None:
    """Run workers until stopped. On another machine they need only the DSN of the database and the endpoint
    of the store.

    Exit codes: 0 stopped; 3 a service is unavailable; 4 a program is missing; 5 a setting is wrong.
    """
    from pipeline.config import load_settings
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.launcher import run_workers

    with open_installation(load_settings(home)) as installation:
        run_workers(installation.settings, workers, until=sys.stdin.fileno() if until_eof else None)
