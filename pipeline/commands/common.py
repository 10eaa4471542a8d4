"""What the commands share: options, the database connection, JSON lines, and progress bars on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.errors import InvalidInput
from pipeline.resources import set_home_folder

if TYPE_CHECKING:
    from pipeline.store.database import Connection


def _use_home(home: Path | None) -> Path | None:
    """Make the folder of --home the home of this process: its trained models are read and written."""
    if home is not None:
        set_home_folder(home)
    return home


Home: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="CHARTLOOM_HOME",
        metavar="DIR",
        callback=_use_home,
        help="Folder of the installation. [default: ~/.chartloom]",
    ),
]
By: TypeAlias = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Name for the audit log. [default: the user of this computer]"),
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


def emit(line: dict[str, Any]) -> None:
    """Print a JSON object as one line, and flush: a program may be waiting for it."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def require_file(file: Path) -> None:
    """Raise InvalidInput if the path is not a file."""
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist or is not a file.", "Check the name.", code="missing")


def report_rejected_file(file: Path, error: InvalidInput, *, as_json: bool) -> None:
    """Report a file that could not be read; the command continues with the next file."""
    if as_json:
        emit({"file": str(file), "error": str(error), "code": error.code})
    else:
        typer.echo(f"{file}: {error}", err=True)


def report_outage(message: str) -> None:
    """Report on standard error that a service is unavailable and will be tried again."""
    typer.echo(f"chartloom: {message}", err=True)


def current_user() -> str:
    """Return the user and the machine that run this command, for the audit log."""
    return f"{getuser()}@{gethostname()}"


@contextmanager
def database(home: Path | None) -> Iterator[Connection]:
    """Connect to the installation's database, for a command that needs no object store.

    Raises:
        ConfigurationError: A setting is wrong.
        ServiceUnavailable: The database does not answer.
    """
    from pipeline.config import load_settings
    from pipeline.runtime.installation import open_installation

    with (
        open_installation(load_settings(home), store=False) as installation,
        installation.connect() as connection,
    ):
        yield connection


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[float], None]]:
    """Show a progress bar if standard error is a terminal.

    Yields:
        A function to call with the number of further steps that are done.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), disable=not is_interactive(), transient=True
    ) as bar:
        yield partial(bar.advance, bar.add_task(title, total=total))


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal whether to go on; with `yes` (--yes), do not ask.

    Raises:
        InvalidInput: Standard input is not a terminal, so no one can answer.
        typer.Abort: The answer is no.
    """
    if yes:
        return
    if not has_terminal():
        raise InvalidInput(
            f"{question} No one can answer, because standard input is not a terminal.",
            "If it is right, add --yes.",
            "not_confirmed",
        )
    typer.confirm(question, abort=True, err=True)


def has_terminal() -> bool:
    """Return whether standard input is a terminal."""
    return sys.stdin.isatty()


def is_interactive() -> bool:
    """Return whether standard error is a terminal."""
    return Console(stderr=True).is_terminal
