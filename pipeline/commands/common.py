"""What the commands share: options that many take, the database, JSON lines, progress for people and plain
lines for programs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
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
        callback=_use_home,
        help="Folder of the embedded installation. [default: ~/.chartloom]",
    ),
]
By: TypeAlias = Annotated[
    str | None, typer.Option("--by", help="Who does it. [default: the user of this computer]")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def emit(line: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own, at once: a program may be waiting for it."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def must_exist(file: Path) -> None:
    """Raises InvalidInput where it is no file."""
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist or is no file.", "Check the name.", code="missing")


def tell_refused(file: Path, error: InvalidInput, *, as_json: bool) -> None:
    """Tell of a file that could not be read; the command goes on with the next."""
    emit({"file": str(file), "error": str(error), "code": error.code}) if as_json else typer.echo(
        f"{file}: {error}", err=True
    )


@contextmanager
def database(home: Path | None) -> Iterator[Connection]:
    """The installation's database, for a command that needs no object store. Raises ConfigurationError and
    ServiceUnavailable.
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
    """A progress bar on standard error where a person watches; nothing where not. Tell what it gives how many
    more are done.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not watched(), transient=True) as bar:
        yield partial(bar.advance, bar.add_task(title, total=total))


def watched() -> bool:
    """Does a person watch standard error?"""
    return Console(stderr=True).is_terminal
