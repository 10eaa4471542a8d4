"""The command line. Each group of commands is a module of pipeline/commands. Heavy imports are inside the
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

GC_THRESHOLD_OBJECTS = 50_000
"""New objects after which Python collects cycles. The default of 700 triggers about a hundred useless
collections during import, which take an eighth of the CPU time of a start.
"""

app = typer.Typer(
    name="chartloom",
    help="Turn a hospital's paper charts into a searchable electronic record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """Handle the options before a command."""
    if version:
        typer.echo(f"chartloom {__version__}")
        raise typer.Exit


def register() -> None:
    """Add the commands of every group."""
    from pipeline.commands import GROUPS

    for group in GROUPS:
        group(app)


def main() -> None:
    """Run the command line. An error that a person can fix is printed as one sentence, with its exit code."""
    gc.set_threshold(GC_THRESHOLD_OBJECTS)
    # Programs of the same environment must be found, even if its folder is not in PATH.
    scripts = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    register()
    try:
        app()
    except ChartloomError as error:
        typer.echo(f"chartloom: {error}", err=True)
        sys.exit(error.exit_code)
