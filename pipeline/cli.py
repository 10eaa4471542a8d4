"""The command line. Each group of commands is a file of pipeline/commands; heavy imports happen inside the commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from pipeline import __version__
from pipeline.errors import ChartloomError

app = typer.Typer(
    name="chartloom",
    help="Turns a hospital's paper charts into a findable electronic record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """What stands before any command."""
    if version:
        typer.echo(f"chartloom {__version__}")
        raise typer.Exit


def register() -> None:
    """Add the commands of every group."""
    from pipeline.commands import GROUPS

    for group in GROUPS:
        group(app)


def main() -> None:
    """The entry point: an error that a person can fix is one sentence and its own exit code."""
    beside = str(Path(sys.executable).parent)  # the programs installed with us are found however we were called
    os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    register()
    try:
        app()
    except ChartloomError as error:
        typer.echo(f"chartloom: {error}", err=True)
        sys.exit(error.exit_code)
