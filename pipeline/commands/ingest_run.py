"""What `chartloom ingest` does: find the files, take each in, and with --wait report what became of it as
soon as it is known.

A folder and a ZIP are batches, as they are in the intake folder. The files of a ZIP are reported together, in
the ZIP's line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path, PurePath
from typing import Any, TypeVar

import psycopg
import typer

from pipeline.commands.common import emit, progress
from pipeline.config import Settings, load_settings
from pipeline.errors import NotFound, ServiceUnavailable
from pipeline.index.scan_result import closed, outcome_json
from pipeline.ingest.batches import Batch, batches, close_batches
from pipeline.ingest.completeness import is_temporary_name
from pipeline.ingest.intake_source import Origin, origin_of, printable
from pipeline.ingest.parsing.file_types import SIGNATURE_BYTES, media_type_of
from pipeline.ingest.registration import Registration, FileStillChanging, register
from pipeline.ingest.zip_batches import ArchiveMember, archive_members
from pipeline.runtime.installation import Installation, open_installation
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, database_unavailable
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.launcher import child_workers
from pipeline.worker.status import live_workers

PICTURES = ".tif .tiff .png .jpg .jpeg .jp2 .j2k .bmp .gif .webp .avif .pbm .pgm .ppm .pnm"
ENDINGS = frozenset((".pdf", ".zip", *PICTURES.split()))
"""Of a folder's files those are taken too that are named like a kind we take, whatever their bytes: they may
be damaged.
"""
LOOK_SECONDS = 0.25  # how often finished scans are looked for while nothing else is to be done
MUSTER_SECONDS = 5.0  # how often it is seen whether somebody still works
AGAIN_SECONDS = 0.5  # between tries while a service is away
TAKEN, SOME_REFUSED = 0, 2
AWAY = (ServiceUnavailable, psycopg.OperationalError, psycopg.InterfaceError)
T = TypeVar("T")


def files_of(paths: Sequence[Path]) -> Iterator[tuple[Path, Origin]]:
    """The files named, and those below the folders named that are of a kind we take, sorted, with what their
    folder says of them.

    A folder that is named means what it would mean in the intake folder: most are a batch. Raises NotFound.
    """
    for path in paths:
        if path.is_dir():
            name = path.resolve().name
            below = sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
            for file in below:
                inside = file.relative_to(path)
                if not passing(inside) and looks_like_ours(file):
                    yield file, origin_of(PurePath(name, inside) if name else inside)
        elif os.path.lexists(path):
            yield path, Origin()
        else:
            raise NotFound(f"There is no file or folder {path}.", "Check the path.")


def passing(inside: PurePath) -> bool:
    """Is it, or a folder on the way to it, hidden, a lock, or of the system?"""
    return any(is_temporary_name(part) for part in inside.parts)


def looks_like_ours(file: Path) -> bool:
    """Is it of a kind we take, by its bytes or at least by its name?"""
    if file.suffix.lower() in ENDINGS:
        return True
    try:
        with file.open("rb") as stream:
            return media_type_of(stream.read(SIGNATURE_BYTES)) is not None
    except OSError:
        return False


class Line:
    """A connection that is opened again where it was lost, and patience with services that are away."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._connection = installation.connect()
        settings = installation.settings
        self._patience = max(settings.database.connect_timeout_seconds, settings.storage.connect_timeout_seconds)

    def ask(self, action: Callable[[Connection], T]) -> T:
        """Do something with the connection; where a service is away, again until it is back. Raises
        ServiceUnavailable in the end.
        """
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
                    raise (
                        error if isinstance(error, ServiceUnavailable) else database_unavailable(self._patience, error)
                    ) from error
                time.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass
class Handed:
    """A file that was handed in and what it held: one scan, or those of a ZIP by their paths in it."""

    file: Path
    taken: list[tuple[str | None, Registration]] = field(default_factory=list)

    @property
    def scans(self) -> set[int]:
        return {taken.scan for _, taken in self.taken}


@dataclass
class HandIn:
    """One run of the command: what has been taken in and what is still waited for."""

    line: Line
    blobs: Blobs
    settings: Settings
    report: Callable[[dict[str, Any]], None]
    waiting: list[Handed] = field(default_factory=list)
    refused: bool = False
    batches: set[int] = field(default_factory=set)
    """Those that anything handed in belongs to."""

    def take(self, file: Path, origin: Origin) -> None:
        """Take one file in. One that cannot even be copied stays where it is and is reported at once."""
        handed = Handed(file)
        intake = self.settings.intake
        try:
            with archive_members(file, self.settings.intake_scratch, intake.max_bytes, follow=True) as found:
                for piece in found:
                    handed.taken.append((piece.inside, self._register(piece, file, origin)))
        except (OSError, FileStillChanging) as error:
            self.refused = True
            why = error.strerror if isinstance(error, OSError) else "it is being written to"
            reason = f"The file could not be copied: {why}. It stays where it is; hand it in again."
            self.report(
                {"file": str(file), "scan": None, "status": "quarantined", "reason": reason, "documents": []}
            )
        if handed.taken:
            self.waiting.append(handed)
            self.batches |= {taken.batch for _, taken in handed.taken if taken.batch is not None}

    def _register(self, piece: ArchiveMember, file: Path, origin: Origin) -> Registration:
        if piece.inside is not None:
            origin = replace(origin, batch=printable(file.name))
        name = printable(PurePath(piece.inside or file).name)
        return self.line.ask(
            lambda c: register(
                piece.file,
                c,
                self.blobs,
                self.settings,
                enqueue=enqueue_scan,
                origin=origin,
                name=name,
                refused=piece.refused,
            )
        )

    def tell_closed(self) -> None:
        """Report the files of which everything has been closed, and wait for them no longer."""
        scans = {scan for handed in self.waiting for scan in handed.scans}
        done = set(self.line.ask(lambda c: closed(c, scans))) if scans else set()
        self.tell([handed for handed in self.waiting if handed.scans <= done])

    def tell(self, some: Iterable[Handed]) -> None:
        """Report these as they stand and wait for them no longer."""
        for handed in list(some):
            self.waiting.remove(handed)
            lines = [self._line(handed.file, inside, taken) for inside, taken in handed.taken]
            self.refused |= any(line["status"] == "quarantined" for line in lines)
            self.report(lines[0] if handed.taken[0][0] is None else together(handed.file, lines))

    def _line(self, file: Path, inside: str | None, taken: Registration) -> dict[str, Any]:
        outcome = self.line.ask(lambda c: outcome_json(c, taken.scan))
        first = (
            {"status": "duplicate", "reason": f"The same bytes as {taken.first_name}."}
            if taken.duplicate
            else {}
        )
        return {"file": str(file) if inside is None else printable(inside), **outcome, **first}

    def close_batches(self) -> list[Batch]:
        """Add up the batches that were handed in: all of them is here."""
        self.line.ask(lambda c: close_batches(c, 0.0, self.batches))
        return [batch for batch in self.line.ask(batches) if batch.id in self.batches]


def together(file: Path, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The line of a ZIP: all of its documents, its worst status, and under `files` the lines of the files in
    it.
    """
    found = [line["status"] for line in lines]
    status = next(
        (status for status in ("received", "review", "quarantined", "filed") if status in found), "duplicate"
    )
    if status == "quarantined" and set(found) != {"quarantined"}:
        status = "review"
    refused = [line for line in lines if line["status"] == "quarantined"]
    reason = (
        f"{len(refused)} of its {len(lines)} files could not be taken: {refused[0]['reason']}"
        if refused
        else None
    )
    documents = [document for line in lines for document in line["documents"]]
    return {
        "file": str(file),
        "scan": None,
        "status": status,
        "reason": reason,
        "documents": documents,
        "files": lines,
    }


class Crew:
    """Sees to it that somebody works: the workers of `up` or of other machines, else our own, for as long as
    we wait.
    """

    def __init__(self, settings: Settings, line: Line, stack: ExitStack) -> None:
        self._settings = settings
        self._line = line
        self._stack = stack
        self._own: BaseProcess | None = None
        self._next = 0.0
        self.muster()

    def muster(self) -> None:
        """Start workers of our own where none is at work. Raises ServiceUnavailable where our own could not stay."""
        if self._own is not None:
            if self._own.exitcode is not None:
                raise ServiceUnavailable(
                    "The workers ended before the files were done.", "What they said stands above."
                )
            return
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + MUSTER_SECONDS
            if not self._line.ask(lambda c: live_workers(c, self._settings.worker.stalled_worker_seconds)):
                self._own = self._stack.enter_context(child_workers(self._settings))


def hand_in(paths: Sequence[Path], *, wait: bool, as_json: bool, home: Path | None) -> int:
    """The command; its exit status."""
    files = list(files_of(paths))
    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(load_settings(home)))
        line = stack.enter_context(closing(Line(installation)))
        crew = Crew(installation.settings, line, stack) if wait else None
        advance = stack.enter_context(progress("Taking in", len(files)))

        def report(outcome: dict[str, Any]) -> None:
            emit(outcome) if as_json else typer.echo(in_words(outcome))
            advance(1)

        run = HandIn(line, installation.blobs(), installation.settings, report)
        for file, origin in files:
            run.take(file, origin)
            run.tell_closed() if wait else run.tell(run.waiting)
            if crew:
                crew.muster()
        while run.waiting and crew:
            time.sleep(LOOK_SECONDS)
            run.tell_closed()
            crew.muster()
        for batch in run.close_batches() if wait and run.batches else []:
            typer.echo(batch_in_words(batch), err=as_json)
    return SOME_REFUSED if run.refused else TAKEN


def in_words(line: dict[str, Any]) -> str:
    """A line for a person."""
    documents = len(line["documents"])
    counted = f"{documents} document{'s' * (documents != 1)}"
    return f"{line['status']:12} {line['file']}  {line['reason'] or counted}"


def batch_in_words(batch: Batch) -> str:
    """A batch with its totals, for a person."""
    words = {
        "open": "open",
        "closed": "adds up",
        "closed_manually": "settled by a person, though it did not add up",
    }
    state = words.get(batch.state) or f"DOES NOT ADD UP, keep its paper: {'; '.join(batch.differences)}"
    return f"Batch {batch.name!r}: {batch.files} files, {batch.documents} documents, {batch.pages} pages; {state}"
