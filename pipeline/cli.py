"""The command line. Each group of commands is a file of pipeline/commands; heavy imports happen inside the
commands.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import typer

from pipeline import __version__
from pipeline.errors import ChartloomError

COLLECT_AFTER = 50_000
"""New objects after which Python looks for cycles. It looks after 700 otherwise: some hundred times, and in
vain, while modules are imported, which is an eighth of the CPU of a start."""

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
    gc.set_threshold(COLLECT_AFTER)
    beside = str(
        Path(sys.executable).parent
    )  # the programs installed with us are found however we were called
    os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    register()
    try:
        app()
    except ChartloomError as error:
        typer.echo(f"chartloom: {error}", err=True)
        sys.exit(error.exit_code)
