"""What `chartloom ingest` does: find the files, ingest each, and with --wait report each result.

A folder and a ZIP are batches, as they are in the intake folder. The files of a ZIP are reported together, in
the line of the ZIP.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import typer

from pipeline.commands.common import emit, progress, report_outage
from pipeline.config import Settings, load_settings
from pipeline.errors import NotFound
from pipeline.index.scan_result import closed_scans, scan_result
from pipeline.ingest.batches import Batch, batches, close_batches
from pipeline.ingest.completeness import is_temporary_name
from pipeline.ingest.intake_source import Origin, origin_of, printable
from pipeline.ingest.parsing.file_types import SIGNATURE_BYTES, media_type_of
from pipeline.ingest.registration import FileStillChanging, Registration, register
from pipeline.ingest.zip_batches import ArchiveMember, archive_members
from pipeline.runtime.installation import open_installation
from pipeline.store.blobs import Blobs
from pipeline.worker.client import RetryingConnection, TemporaryWorkers
from pipeline.worker.job_queue import enqueue_scan

IMAGE_SUFFIXES = ".tif .tiff .png .jpg .jpeg .jp2 .j2k .bmp .gif .webp .avif .pbm .pgm .ppm .pnm"
SUFFIXES = frozenset((".pdf", ".zip", *IMAGE_SUFFIXES.split()))
"""A file in a folder is ingested if its name or its content is of a supported type: a damaged file may have
only the name.
"""
POLL_SECONDS = 0.25
"""How often finished scans are looked up while there is nothing else to do."""
ALL_INGESTED, SOME_REJECTED = 0, 2
"""Exit codes."""
WORST_FIRST = ("received", "review", "quarantined", "filed")
"""The order in which a status of one file becomes the status of its ZIP."""


def find_files(
    paths: Sequence[Path], skip: Callable[[Path, str], None] = lambda *_: None
) -> Iterator[tuple[Path, Origin]]:
    """Yield the named files, and the supported files in the named folders, sorted, with their intake source.

    Call `skip` with each other file in the folders, and the reason.

    A folder has the meaning that it would have in the intake folder: most are a batch.

    Raises:
        NotFound: A path does not exist.
    """
    for path in paths:
        if path.is_dir():
            folder = path.resolve().name
            for file in sorted(each for each in path.rglob("*") if each.is_symlink() or not each.is_dir()):
                inside = file.relative_to(path)
                if reason := skip_reason(file, inside):
                    skip(file, reason)
                else:
                    yield file, origin_of(PurePath(folder, inside) if folder else inside)
        elif os.path.lexists(path):
            yield path, Origin()
        else:
            raise NotFound(f"There is no file or folder {path}.", "Check the path.")


def skip_reason(file: Path, inside: PurePath) -> str | None:
    """Return why a file in a folder is not ingested; None if it is.

    Args:
        file: The file.
        inside: Its path below the folder.
    """
    if file.is_symlink():
        return "It is a symbolic link. Submit the file that it points to."
    if not file.is_file():
        return "It is not a regular file."
    if named := next((part for part in inside.parts if is_temporary_name(part)), None):
        what = f"{printable(named)!r} is the name of a hidden, temporary or system file."
        return f"{what} Rename it, or submit it by name."
    if file.suffix.lower() in SUFFIXES:
        return None
    try:
        with file.open("rb") as stream:
            head = stream.read(SIGNATURE_BYTES)
    except OSError as error:
        return f"It cannot be read: {error.strerror}."
    if media_type_of(head) is None:
        return "It is not a PDF, a ZIP file or an image of a supported type. Print it to PDF and submit that."
    return None


@dataclass
class IngestedFile:
    """A file and the scans registered from it: one, or those of a ZIP with their paths in it."""

    file: Path
    registrations: list[tuple[str | None, Registration]] = field(default_factory=list)

    @property
    def scans(self) -> set[int]:
        return {registration.scan for _, registration in self.registrations}


@dataclass
class IngestRun:
    """One run of the command: what was ingested and which results are not known yet."""

    connection: RetryingConnection
    blobs: Blobs
    settings: Settings
    report: Callable[[dict[str, Any]], None]
    waiting: list[IngestedFile] = field(default_factory=list)
    any_rejected: bool = False
    batches: set[int] = field(default_factory=set)
    """The batches of all ingested files."""

    def ingest(self, file: Path, origin: Origin) -> None:
        """Ingest one file. A file that cannot be copied is left in place and reported at once."""
        ingested = IngestedFile(file)
        intake = self.settings.intake
        try:
            with archive_members(
                file, self.settings.intake_scratch, intake.max_bytes, follow=True
            ) as members:
                for member in members:
                    ingested.registrations.append((member.path_in_zip, self._register(member, file, origin)))
        except (OSError, FileStillChanging) as error:
            self.any_rejected = True
            why = error.strerror if isinstance(error, OSError) else "it is being written to"
            reason = f"The file could not be copied: {why}. It was left in place; submit it again."
            self.report(
                {"file": str(file), "scan": None, "status": "quarantined", "reason": reason, "documents": []}
            )
        if ingested.registrations:
            self.waiting.append(ingested)
            self.batches |= {each.batch for _, each in ingested.registrations if each.batch is not None}

    def _register(self, member: ArchiveMember, file: Path, origin: Origin) -> Registration:
        if member.path_in_zip is not None:
            origin = replace(origin, batch=printable(file.name))
        name = printable(PurePath(member.path_in_zip or file).name)
        return self.connection.run(
            lambda c: register(
                member.file,
                c,
                self.blobs,
                self.settings,
                enqueue=enqueue_scan,
                origin=origin,
                name=name,
                rejection=member.rejection,
            )
        )

    def report_finished(self) -> None:
        """Report the files whose scans are all finished."""
        scans = {scan for ingested in self.waiting for scan in ingested.scans}
        finished = set(self.connection.run(lambda c: closed_scans(c, scans))) if scans else set()
        self.report_files([ingested for ingested in self.waiting if ingested.scans <= finished])

    def report_files(self, files: Iterable[IngestedFile]) -> None:
        """Report the current results of these files, and wait for them no longer."""
        for ingested in list(files):
            self.waiting.remove(ingested)
            results = [self._result(ingested.file, *each) for each in ingested.registrations]
            self.any_rejected |= any(result["status"] == "quarantined" for result in results)
            is_zip = ingested.registrations[0][0] is not None
            self.report(zip_result(ingested.file, results) if is_zip else results[0])

    def _result(self, file: Path, inside: str | None, registration: Registration) -> dict[str, Any]:
        result = {
            "file": str(file) if inside is None else printable(inside),
            **self.connection.run(lambda c: scan_result(c, registration.scan)),
        }
        if registration.duplicate:
            result |= {"status": "duplicate", "reason": f"The same bytes as {registration.first_name}."}
        return result

    def close_batches(self) -> list[Batch]:
        """Close and return the batches of the ingested files: all their files have arrived."""
        self.connection.run(lambda c: close_batches(c, 0.0, self.batches))
        return [batch for batch in self.connection.run(batches) if batch.id in self.batches]


def zip_result(file: Path, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a ZIP: its documents, its worst status, and under `files` those of its files."""
    statuses = {result["status"] for result in results}
    status = next((status for status in WORST_FIRST if status in statuses), "duplicate")
    if status == "quarantined" and statuses != {"quarantined"}:
        status = "review"
    rejected = [result for result in results if result["status"] == "quarantined"]
    reason = None
    if rejected:
        first = rejected[0]["reason"]
        reason = f"{len(rejected)} of its {len(results)} files could not be ingested: {first}"
    return {
        "file": str(file),
        "scan": None,
        "status": status,
        "reason": reason,
        "documents": [document for result in results for document in result["documents"]],
        "files": results,
    }


def ingest_files(paths: Sequence[Path], *, wait: bool, as_json: bool, home: Path | None) -> int:
    """Ingest files and folders, and return the exit code of the command."""
    skipped: list[dict[str, Any]] = []

    def skip(file: Path, reason: str) -> None:
        skipped.append(
            {"file": str(file), "scan": None, "status": "skipped", "reason": reason, "documents": []}
        )

    files = list(find_files(paths, skip))
    for result in skipped:
        emit(result) if as_json else typer.echo(format_result(result))
    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(load_settings(home)))
        settings = installation.settings
        connection = stack.enter_context(
            closing(RetryingConnection(installation.connect, settings, report_outage))
        )
        workers = TemporaryWorkers(settings, connection, stack) if wait else None
        advance = stack.enter_context(progress("Ingesting", len(files)))

        def report(result: dict[str, Any]) -> None:
            emit(result) if as_json else typer.echo(format_result(result))
            advance(1)

        run = IngestRun(connection, installation.blobs(), settings, report)
        for file, origin in files:
            run.ingest(file, origin)
            run.report_finished() if workers else run.report_files(run.waiting)
            if workers:
                workers.ensure()
        while run.waiting and workers:
            time.sleep(POLL_SECONDS)
            run.report_finished()
            workers.ensure()
        for batch in run.close_batches() if wait and run.batches else []:
            typer.echo(format_batch(batch), err=as_json)
    return SOME_REJECTED if run.any_rejected else ALL_INGESTED


def format_result(result: dict[str, Any]) -> str:
    """Return the result of a file as one line of text."""
    documents = len(result["documents"])
    counted = f"{documents} document{'s' * (documents != 1)}"
    return f"{result['status']:12} {result['file']}  {result['reason'] or counted}"


def format_batch(batch: Batch) -> str:
    """Return a batch with its totals as one line of text."""
    differences = "; ".join(batch.differences)
    match batch.state:
        case "open":
            state = "open"
        case "closed_manually":
            state = "closed by a person, although it is not balanced"
        case "closed" if not differences:
            state = "balanced"
        case "closed":
            state = f"closed, but NOT BALANCED since then: {differences}"
        case _:
            state = f"NOT BALANCED, keep its paper: {differences}"
    counts = f"{batch.files} files, {batch.documents} documents, {batch.pages} pages"
    return f"Batch {batch.name!r}: {counts}; {state}"
