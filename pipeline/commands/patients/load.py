"""What `chartloom patients load` does: choose the reader by the format, load with progress, report."""

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
from pipeline.patients.hl7_text import split_messages
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection

FORMATS = {".csv": "csv", ".json": "fhir", ".ndjson": "fhir", ".hl7": "hl7"}


def load_patients(file: Path, file_format: str | None, *, as_json: bool, home: Path | None) -> int:
    """Load the file and return the exit code of the command."""
    if not file.exists():
        raise NotFound(f"{file} does not exist.")
    file_format = file_format or FORMATS.get(file.suffix.lower(), "csv")
    report = LoadResult()
    with (
        open_installation(load_settings(home), store=False) as installation,
        installation.connect() as connection,
        progress("Loading", None) as advance,
    ):
        if file_format == "hl7":
            load_messages(
                connection, file, installation.settings.matching.assigning_authority, report, advance
            )
        else:
            rows = read_fhir(file, report) if file_format == "fhir" else read_csv(file, report)
            store_patients(connection, rows, report, source=file_format, advance=advance)
    print_report(file, report, as_json=as_json)
    return InvalidInput.exit_code if report.rejected else 0


def load_messages(
    connection: Connection,
    file: Path,
    assigning_authority: str,
    report: LoadResult,
    advance: Callable[[float], None],
) -> None:
    """Apply the messages of a file one by one. A rejected message is also kept in the table of messages."""
    for number, body in enumerate(split_messages(file), 1):
        result = process_message(connection, body, assigning_authority)
        report.read += 1
        report.changed += result.status == "applied"
        if result.problem:
            report.rejected.append((f"message {number}", result.problem))
        advance(1)


def print_report(file: Path, report: LoadResult, *, as_json: bool) -> None:
    """Print what was loaded, rejected and left out."""
    if as_json:
        rejected = [{"place": place, "reason": reason} for place, reason in report.rejected]
        counts = {
            "read": report.read,
            "added": report.added,
            "changed": report.changed,
            "unparsed_values": len(report.unparsed),
        }
        unknown = list(report.unknown_columns)
        emit({"file": str(file), **counts, "rejected": rejected, "unknown_columns": unknown})
        return
    typer.echo(f"{file}: {report.read} read, {report.added} added, {report.changed} updated")
    if report.unknown_columns:
        typer.echo(f"  columns not used: {', '.join(report.unknown_columns)}", err=True)
    for what, places in (("rejected", report.rejected), ("value left out", report.unparsed)):
        for place, reason in places[:MAX_LISTED_ROWS]:
            typer.echo(f"  {place} {what}: {reason}", err=True)
        if len(places) > MAX_LISTED_ROWS:
            typer.echo(f"  and {len(places) - MAX_LISTED_ROWS} more {what}", err=True)
