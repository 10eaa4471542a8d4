"""Command: doctor."""

from __future__ import annotations

import typer

from pipeline.commands.common import Home, Json, emit
from pipeline.config import load_settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom doctor --home ./try")(doctor)


def doctor(home: Home = None, json: Json = False) -> None:
    """Look at everything that an installation needs; say for each whether it is well, and what to do where it
    is not.

    Services that are not running are started for the look. Exit status: 0 all is well, else that of the first
    failure: 3 a service is away; 4 a program is missing; 5 the settings, the disk or a port are wrong."""
    from dataclasses import asdict

    from pipeline.runtime.doctor import examine

    exit_code = 0
    for finding in examine(load_settings(home)):
        exit_code = exit_code or finding.exit_code
        if json:
            emit(asdict(finding))
        else:
            typer.echo(
                f"{'ok    ' if finding.ok else 'FAILED'} {finding.check}: {finding.detail} {finding.remedy}".rstrip()
            )
    raise typer.Exit(exit_code)
