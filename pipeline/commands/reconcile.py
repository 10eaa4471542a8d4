"""Command: reconcile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import Home, Json, emit, progress

if TYPE_CHECKING:
    from pipeline.ingest.reconciliation import FileHistory, Ledger, PaperRetention
    from pipeline.runtime.installation import Installation
    from pipeline.store.database import Connection

BALANCED, NOT_BALANCED = 0, 1
"""Exit codes."""
RETENTION = {
    "in_progress": "keep: it is still being processed",
    "quarantined": "keep: it is in quarantine",
    "review": "keep: it is in review",
    "rescan": "keep: a document of it must be scanned again",
    "pages_missing": "keep: a page of it is missing",
    "batch": "keep: its batch is not closed",
    None: "may be shredded",
}
"""Whether the paper of a file must be kept, by the reason."""


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom reconcile --json")(reconcile)


def reconcile(
    recent: Annotated[
        int,
        typer.Option("--recent", metavar="N", min=0, help="Also the history of the N most recent files."),
    ] = 0,
    scan: Annotated[
        int | None,
        typer.Option("--scan", metavar="SCAN", help="Only the history of the files of this scan, as JSON."),
    ] = None,
    shreddable: Annotated[
        bool,
        typer.Option(
            "--shreddable",
            help="List which paper may be shredded: each file, and why its paper must be kept.",
        ),
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every original back from the object store.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Compare everything that was ingested with its result, by file and by page.

    Exit codes: 0 the counts are balanced; 1 they are not, and each fault names its scan; 3 a service is
    unavailable.
    """
    from pipeline.config import load_settings
    from pipeline.ingest import reconciliation
    from pipeline.ingest.batches import close_batches
    from pipeline.runtime.installation import open_installation

    settings = load_settings(home)
    with open_installation(settings, store=verify) as installation, installation.connect() as connection:
        if scan is not None:
            for history in reconciliation.file_histories(connection, scan=scan):
                emit(asdict(history))
            return
        close_batches(connection, settings.intake.batch_idle_seconds)
        if shreddable:
            for paper in reconciliation.paper_retention(connection):
                emit(asdict(paper)) if as_json else typer.echo(format_paper(paper))
            return
        ledger = reconciliation.reconcile(connection)
        if verify:
            ledger = _with_verified_originals(ledger, connection, installation)
        histories = reconciliation.file_histories(connection, limit=recent) if recent else []
    if as_json:
        history_json = {"history": [asdict(history) for history in histories]} if recent else {}
        emit(reconciliation.ledger_json(ledger) | history_json)
    else:
        for line in (*format_ledger(ledger), *map(format_history, histories)):
            typer.echo(line)
    sys.exit(BALANCED if ledger.balanced else NOT_BALANCED)


def _with_verified_originals(ledger: Ledger, connection: Connection, installation: Installation) -> Ledger:
    """Return the ledger with a fault for each original that the store does not hold as it was ingested."""
    from pipeline.ingest.reconciliation import verify_originals

    faults = []
    originals = ledger.files["seen"] - ledger.files["duplicate"]
    with progress("Reading originals back", originals) as advance:
        for fault in verify_originals(connection, installation.blobs()):
            faults += [fault] if fault else []
            advance(1)
    return replace(ledger, faults=(*ledger.faults, *faults))


def format_paper(paper: PaperRetention) -> str:
    """Return a file and whether its paper must be kept as one line of text."""
    batch = f"  (batch {paper.batch!r})" if paper.batch else ""
    stored_at = f"{paper.stored_at:%Y-%m-%d %H:%M}"
    return f"{paper.scan:>8}  {stored_at}  {paper.name!r}{batch}  {RETENTION[paper.kept_for]}"


def format_history(history: FileHistory) -> str:
    """Return a file with its status as text, with a line for each note about it."""
    seen_at = f"{history.seen_at:%Y-%m-%d %H:%M:%S}"
    line = f"{history.scan:>8}  {seen_at}  {history.status:<12}  {history.pages or '-':>5}  {history.name!r}"
    return "\n".join([line, *(f"          note {note['code']}: {note['detail']}" for note in history.notes)])


def format_ledger(ledger: Ledger) -> Iterator[str]:
    """Yield the ledger as lines of text."""
    from pipeline.commands.ingest_run import format_batch

    for title, total, counts in (("Files seen", "seen", ledger.files), ("Pages in", "in", ledger.pages)):
        yield f"{title}: {counts[total]:,}"
        for key, count in counts.items():
            if key != total and count:
                yield f"  {key.replace('_', ' '):<12} {count:>12,}"
    if ledger.notes:
        yield "Notes about files: " + ", ".join(f"{code} {count:,}" for code, count in ledger.notes.items())
    yield from map(format_batch, ledger.batches)
    for file in ledger.waiting:
        seen_at = f"{file.seen_at:%Y-%m-%d %H:%M}"
        yield f"WAITING in the intake folder since {seen_at}: {file.path!r}. {file.waiting_reason}"
    for fault in ledger.faults:
        scan = f"scan {fault.scan} " if fault.scan else ""
        yield f"FAULT {fault.code}: {scan}{fault.detail}"
    yield format_total(ledger)


def format_total(ledger: Ledger) -> str:
    """Return the conclusion as one line of text."""
    if ledger.faults:
        return "The counts are NOT balanced."
    if count := len(ledger.incomplete_batches):
        batches = "1 batch is" if count == 1 else f"{count} batches are"
        return f"Every file and page is accounted for, but {batches} NOT balanced."
    return "The counts are balanced."
