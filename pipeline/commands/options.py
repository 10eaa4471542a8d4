"""What the commands share: options that many take, the database, JSON lines, progress for people and plain lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from pipeline.store.database import Connection

Home: TypeAlias = Annotated[
    Path | None,
    typer.Option("--home", envvar="CHARTLOOM_HOME", help="Folder of the embedded installation. [default: ~/.chartloom]"),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def emit(line: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own, at once: a program may be waiting for it."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


@contextmanager
def database(home: Path | None) -> Iterator[Connection]:
    """The installation's database, for a command that needs no object store. Raises BadSettings and ServiceAway."""
    from pipeline.config import load_settings
    from pipeline.services.installation import open_installation

    with open_installation(load_settings(home), store=False) as installation, installation.connect() as connection:
        yield connection


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Progress]:
    """A progress bar on standard error where a person watches; nothing where not. Its one task has the id 0."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        bar.add_task(title, total=total)
        yield bar
