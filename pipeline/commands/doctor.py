"""Command: doctor."""

from __future__ import annotations

import typer

from pipeline.commands.common import Home, Json, emit
from pipeline.config import load_settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom doctor --home ./try")(doctor)


def doctor(as_json: Json = False, home: Home = None) -> None:
    """Check everything that an installation needs, and say how to repair what fails.

    Services that are not running are started for the check.

    Exit codes: 0 everything is in order; otherwise the code of the first failure: 3 a service is unavailable;
    4 a program is missing; 5 the settings, the disk or a port is wrong.
    """
    from dataclasses import asdict

    from pipeline.runtime.doctor import run_checks

    exit_code = 0
    for finding in run_checks(load_settings(home)):
        exit_code = exit_code or finding.exit_code
        if as_json:
            emit(asdict(finding))
        else:
            result = "warn  " if finding.warning else "ok    " if finding.ok else "FAILED"
            typer.echo(f"{result} {finding.check}: {finding.detail} {finding.remedy}".rstrip())
    raise typer.Exit(exit_code)
