"""What `patients load` does: choose the reader by the file's form, load with progress, report."""

from __future__ import annotations

from pathlib import Path

import typer

from pipeline.commands.options import emit, progress
from pipeline.config import load_settings
from pipeline.errors import BadInput, NotFound
from pipeline.match.loading import SHOWN, Load, csv_rows, load_rows
from pipeline.services.installation import open_installation

FORMATS = {".csv": "csv", ".json": "fhir", ".ndjson": "fhir", ".hl7": "hl7"}


def load_patients(file: Path, form: str | None, *, as_json: bool, home: Path | None) -> int:
    """Load the file; the exit status."""
    if not file.exists():
        raise NotFound(f"{file} does not exist.")
    form = form or FORMATS.get(file.suffix.lower(), "csv")
    report = Load()
    with open_installation(load_settings(home), store=False) as installation, installation.connect() as connection:
        rows = csv_rows(file, report)
        with progress("patients", None) as bar:
            load_rows(connection, rows, report, source=form, advance=lambda n: bar.advance(bar.task_ids[0], n))
    tell(file, report, as_json=as_json)
    return BadInput.exit_code if report.refused else 0


def tell(file: Path, report: Load, *, as_json: bool) -> None:
    """What was loaded, refused and left out."""
    if as_json:
        refused = [{"line": place, "reason": reason} for place, reason in report.refused]
        counts = {"read": report.read, "added": report.added, "changed": report.changed, "unread_values": len(report.doubtful)}
        emit({"file": str(file), **counts, "refused": refused, "unknown_columns": list(report.unknown_columns)})
        return
    typer.echo(f"{file}: {report.read} read, {report.added} added, {report.changed} brought up to date")
    if report.unknown_columns:
        typer.echo(f"  columns not used: {', '.join(report.unknown_columns)}", err=True)
    for what, places in (("refused", report.refused), ("value left out", report.doubtful)):
        for place, reason in places[:SHOWN]:
            typer.echo(f"  line {place} {what}: {reason}", err=True)
        if len(places) > SHOWN:
            typer.echo(f"  and {len(places) - SHOWN} more {what}", err=True)
