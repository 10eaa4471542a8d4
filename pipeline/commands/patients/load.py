"""What `patients load` does: choose the reader by the file's form, load with progress, report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from pipeline.commands.common import emit, progress
from pipeline.config import load_settings
from pipeline.errors import InvalidInput, NotFound
from pipeline.patients.adt import process_message
from pipeline.patients.bulk_load import MAX_LISTED_ROWS, LoadResult, read_csv, store_patients
from pipeline.patients.fhir_import import read_fhir
from pipeline.patients.hl7v2 import split_messages
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection

FORMATS = {".csv": "csv", ".json": "fhir", ".ndjson": "fhir", ".hl7": "hl7"}


def load_patients(file: Path, form: str | None, *, as_json: bool, home: Path | None) -> int:
    """Load the file; the exit status."""
    if not file.exists():
        raise NotFound(f"{file} does not exist.")
    form = form or FORMATS.get(file.suffix.lower(), "csv")
    report = LoadResult()
    with (
        open_installation(load_settings(home), store=False) as installation,
        installation.connect() as connection,
        progress("Loading", None) as advance,
    ):
        if form == "hl7":
            take_messages(connection, file, installation.settings.matching.assigning_authority, report, advance)
        else:
            rows = read_fhir(file) if form == "fhir" else read_csv(file, report)
            store_patients(connection, rows, report, source=form, advance=advance)
    tell(file, report, as_json=as_json)
    return InvalidInput.exit_code if report.refused else 0


def take_messages(
    connection: Connection, file: Path, home_facility: str, report: LoadResult, advance: Callable[[float], None]
) -> None:
    """Take the messages of a file one by one; a refused one is kept in the index's table of messages as
    well.
    """
    for number, body in enumerate(split_messages(file), 1):
        taken = process_message(connection, body, home_facility)
        report.read += 1
        report.changed += taken.status == "applied"
        if taken.problem:
            report.refused.append((f"message {number}", taken.problem))
        advance(1)


def tell(file: Path, report: LoadResult, *, as_json: bool) -> None:
    """What was loaded, refused and left out."""
    if as_json:
        refused = [{"place": place, "reason": reason} for place, reason in report.refused]
        counts = {
            "read": report.read,
            "added": report.added,
            "changed": report.changed,
            "unread_values": len(report.doubtful),
        }
        emit(
            {"file": str(file), **counts, "refused": refused, "unknown_columns": list(report.unknown_columns)}
        )
        return
    typer.echo(f"{file}: {report.read} read, {report.added} added, {report.changed} brought up to date")
    if report.unknown_columns:
        typer.echo(f"  columns not used: {', '.join(report.unknown_columns)}", err=True)
    for what, places in (("refused", report.refused), ("value left out", report.doubtful)):
        for place, reason in places[:MAX_LISTED_ROWS]:
            typer.echo(f"  {place} {what}: {reason}", err=True)
        if len(places) > MAX_LISTED_ROWS:
            typer.echo(f"  and {len(places) - MAX_LISTED_ROWS} more {what}", err=True)
