"""Command: reconcile."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import Home, Json, emit, progress

if TYPE_CHECKING:
    from pipeline.ingest.reconciliation import Ledger, PaperRetention

EXAMPLE = "Example: chartloom reconcile --json"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog=EXAMPLE)(reconcile)


def reconcile(
    lives: Annotated[
        int, typer.Option("--files", metavar="N", min=0, help="Also the lives of the N files seen last.")
    ] = 0,
    scan: Annotated[
        int | None, typer.Option("--scan", help="The lives of this scan's files, and nothing else.")
    ] = None,
    paper: Annotated[
        bool,
        typer.Option("--paper", help="What may be shredded: each file, and what its paper must be kept for."),
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every original back from the object store.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Reconcile what came in with what became of it, by file and by page.

    Exit status: 0 it adds up; 1 it does not: each fault names its scan; 3 a service is away.
    """
    from dataclasses import replace

    from pipeline.config import load_settings
    from pipeline.ingest import reconciliation as account
    from pipeline.ingest.batches import close_batches
    from pipeline.runtime.installation import open_installation

    settings = load_settings(home)
    with open_installation(settings, store=verify) as installation, installation.connect() as connection:
        if scan is not None:
            for life in account.file_histories(connection, scan=scan):
                emit(asdict(life))
            return
        close_batches(connection, settings.intake.batch_idle_seconds)
        if paper:
            for sheet in account.paper_retention(connection):
                emit(asdict(sheet)) if as_json else typer.echo(_paper_in_words(sheet))
            return
        found = account.reconcile(connection)
        if verify:
            faults = []
            with progress(
                "Reading originals back", found.files["seen"] - found.files["duplicate"]
            ) as advance:
                for fault in account.verify_originals(connection, installation.blobs()):
                    faults += [fault] if fault else []
                    advance(1)
            found = replace(found, faults=(*found.faults, *faults))
        seen = account.file_histories(connection, limit=lives) if lives else []
    if as_json:
        emit(account.ledger_json(found) | ({"lives": [asdict(life) for life in seen]} if lives else {}))
    else:
        _print(found)
        for life in seen:
            typer.echo(
                f"{life.scan:>8}  {life.seen_at:%Y-%m-%d %H:%M:%S}  {life.status:<12}  {life.pages or '-':>5}  {life.name!r}"
            )
    sys.exit(0 if found.balanced else 1)


KEPT = {
    "in_progress": "keep: it is still being read",
    "quarantined": "keep: it is in quarantine",
    "review": "keep: a person has to look at it",
    "rescan": "keep: a document of it is to be scanned again",
    "pages_missing": "keep: a page of it is missing",
    "batch": "keep: its batch is not settled",
    None: "may go",
}


def _paper_in_words(sheet: PaperRetention) -> str:
    batch = f"  (batch {sheet.batch!r})" if sheet.batch else ""
    return f"{sheet.scan:>8}  {sheet.stored_at:%Y-%m-%d %H:%M}  {sheet.name!r}{batch}  {KEPT[sheet.kept_for]}"


def _print(found: Ledger) -> None:
    from pipeline.commands.ingest_run import batch_in_words

    for what, total, counts in (("Files seen", "seen", found.files), ("Pages in", "in", found.pages)):
        typer.echo(f"{what}: {counts[total]:,}")
        for key, count in counts.items():
            if key != total and count:
                typer.echo(f"  {key.replace('_', ' '):<12} {count:>12,}")
    for batch in found.batches:
        typer.echo(batch_in_words(batch))
    for file in found.waiting:
        typer.echo(
            f"WAITS in the intake folder since {file.seen_at:%Y-%m-%d %H:%M}: {file.path!r}. {file.why}"
        )
    for fault in found.faults:
        where = f"scan {fault.scan} " if fault.scan else ""
        typer.echo(f"FAULT {fault.code}: {where}{fault.detail}")
    typer.echo("It adds up." if found.balanced else "It does NOT add up.")
