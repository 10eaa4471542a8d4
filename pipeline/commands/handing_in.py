"""What `chartloom ingest` does: find the files, take each in, and with --wait report what became of it as soon as it is known."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import typer
from rich.progress import TaskID

from pipeline.commands.options import emit, progress
from pipeline.config import Settings, load_settings
from pipeline.errors import NotFound, ServiceAway
from pipeline.index.outcome import closed, outcome_json
from pipeline.ingest.kinds import HEAD, kind_of
from pipeline.ingest.register import Registered, StillChanging, register
from pipeline.services.installation import Installation, open_installation
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, database_away
from pipeline.work.queue import enqueue_scan
from pipeline.work.start import workers_beside
from pipeline.work.status import live_workers

PICTURES = ".tif .tiff .png .jpg .jpeg .jp2 .j2k .bmp .gif .webp .avif .pbm .pgm .ppm .pnm"
ENDINGS = frozenset((".pdf", ".zip", *PICTURES.split()))
"""Of a folder's files those are taken too that are named like a kind we take, whatever their bytes: they may be damaged."""
LOOK_SECONDS = 0.25  # how often finished scans are looked for while nothing else is to be done
MUSTER_SECONDS = 5.0  # how often it is seen whether somebody still works
AGAIN_SECONDS = 0.5  # between tries while a service is away
TAKEN, SOME_REFUSED = 0, 2
AWAY = (ServiceAway, psycopg.OperationalError, psycopg.InterfaceError)
T = TypeVar("T")


def files_of(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those below the folders named that are of a kind we take, sorted. Raises NotFound."""
    for path in paths:
        if path.is_dir():
            below = sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
            yield from (file for file in below if not hidden(file, path) and looks_like_ours(file))
        elif os.path.lexists(path):
            yield path
        else:
            raise NotFound(f"There is no file or folder {path}.", "Check the path.")


def hidden(file: Path, top: Path) -> bool:
    """Is it, or a folder on the way to it, hidden?"""
    return any(part.startswith(".") for part in file.relative_to(top).parts)


def looks_like_ours(file: Path) -> bool:
    """Is it of a kind we take, by its bytes or at least by its name?"""
    if file.suffix.lower() in ENDINGS:
        return True
    try:
        with file.open("rb") as stream:
            return kind_of(stream.read(HEAD)) is not None
    except OSError:
        return False


class Line:
    """A connection that is opened again where it was lost, and patience with services that are away."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._connection = installation.connect()
        settings = installation.settings
        self._patience = max(settings.database.wait_seconds, settings.storage.wait_seconds)

    def ask(self, action: Callable[[Connection], T]) -> T:
        """Do something with the connection; where a service is away, again until it is back. Raises ServiceAway in the end."""
        end: float | None = None
        while True:
            try:
                if self._connection.closed:
                    self._connection = self._installation.connect()
                return action(self._connection)
            except AWAY as error:
                if end is None:
                    end = time.monotonic() + self._patience
                    typer.echo(f"chartloom: {error} Trying again for {self._patience:.0f} s.", err=True)
                if time.monotonic() >= end:
                    raise error if isinstance(error, ServiceAway) else database_away(self._patience, error) from error
                time.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass
class HandIn:
    """One run of the command: what has been taken in and what is still waited for."""

    line: Line
    blobs: Blobs
    settings: Settings
    report: Callable[[dict[str, Any]], None]
    waiting: dict[int, list[tuple[Path, Registered]]] = field(default_factory=dict)
    """The files of each scan that is not closed yet."""
    refused: bool = False

    def take(self, file: Path) -> None:
        """Take one file in. One that cannot even be copied stays where it is and is reported at once."""
        try:
            taken = self.line.ask(lambda c: register(file, c, self.blobs, self.settings, enqueue=enqueue_scan))
        except (OSError, StillChanging) as error:
            self.refused = True
            why = error.strerror if isinstance(error, OSError) else "it is being written to"
            reason = f"The file could not be copied: {why}. It stays where it is; hand it in again."
            self.report({"file": str(file), "scan": None, "status": "quarantined", "reason": reason, "documents": []})
        else:
            self.waiting.setdefault(taken.scan, []).append((file, taken))

    def tell(self, scans: Iterable[int]) -> None:
        """Report the files of these scans and wait for them no longer."""
        for scan in scans:
            outcome = self.line.ask(lambda c, scan=scan: outcome_json(c, scan))  # type: ignore[misc]
            for file, taken in self.waiting.pop(scan):
                self.refused |= outcome["status"] == "quarantined"
                first = {"status": "duplicate", "reason": f"The same bytes as {taken.first_name}."} if taken.duplicate else {}
                self.report({"file": str(file), **outcome, **first})

    def tell_closed(self) -> None:
        """Report what has been closed since."""
        self.tell(self.line.ask(lambda c: closed(c, self.waiting)))


class Crew:
    """Sees to it that somebody works: the workers of `up` or of other machines, else our own, for as long as we wait."""

    def __init__(self, settings: Settings, line: Line, stack: ExitStack) -> None:
        self._settings = settings
        self._line = line
        self._stack = stack
        self._own: subprocess.Popen[bytes] | None = None
        self._next = 0.0
        self.muster()

    def muster(self) -> None:
        """Start workers of our own where none is at work. Raises ServiceAway where our own could not stay."""
        if self._own is not None:
            if self._own.poll() is not None:
                raise ServiceAway("The workers ended before the files were done.", "What they said stands above.")
            return
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + MUSTER_SECONDS
            if not self._line.ask(lambda c: live_workers(c, self._settings.work.takeover_seconds)):
                self._own = self._stack.enter_context(workers_beside(self._settings))


def hand_in(paths: Sequence[Path], *, wait: bool, as_json: bool, home: Path | None) -> int:
    """The command; its exit status."""
    files = list(files_of(paths))
    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(load_settings(home)))
        line = stack.enter_context(closing(Line(installation)))
        crew = Crew(installation.settings, line, stack) if wait else None
        bar = stack.enter_context(progress("Taking in", len(files)))

        def report(outcome: dict[str, Any]) -> None:
            emit(outcome) if as_json else typer.echo(in_words(outcome))
            bar.advance(TaskID(0))

        run = HandIn(line, installation.blobs(), installation.settings, report)
        for file in files:
            run.take(file)
            run.tell_closed() if wait else run.tell(list(run.waiting))
            if crew:
                crew.muster()
        while run.waiting and crew:
            time.sleep(LOOK_SECONDS)
            run.tell_closed()
            crew.muster()
    return SOME_REFUSED if run.refused else TAKEN


def in_words(line: dict[str, Any]) -> str:
    """A line for a person."""
    documents = len(line["documents"])
    counted = f"{documents} document{'s' * (documents != 1)}"
    return f"{line['status']:12} {line['file']}  {line['reason'] or counted}"
