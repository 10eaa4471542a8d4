"""Command: up."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.common import Home
from pipeline.config import load_settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom up --demo --home ./try")(up)


def up(
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Put sample charts into the intake folder and show how they are processed."
        ),
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="[default: web.port]")
    ] = None,
    home: Home = None,
) -> None:
    """Run everything on this machine until Ctrl-C: database, object store, watcher, workers, web application.

    A part that exits is started again.

    Exit codes: 0 stopped; 3 a service does not start; 5 a setting is wrong; 6 it is already running.
    """
    from rich.console import Console

    from pipeline.runtime import up as running
    from pipeline.runtime.demo import Demo

    settings = load_settings(home)
    console = Console(soft_wrap=True, highlight=False)
    on_started = Demo(settings, _report, console) if demo else None
    running.up(settings, port=port, demo=demo, report=_report, on_started=on_started)


def _report(line: str) -> None:
    typer.echo(f"chartloom: {line}")
