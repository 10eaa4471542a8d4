"""Command: export."""

from __future__ import annotations

import getpass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.common import By, Home, Json, emit, progress


class Format(StrEnum):
    """The formats of an export."""

    FHIR = "fhir"
    PDF = "pdf"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom export --patient 10012345 --to ./10012345 --format pdf")(export)


def export(
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="A folder that does not exist or is empty.")
    ],
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="MRN", help="The whole chart of this patient.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", metavar="DATE", help="Everything filed since then.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="FHIR bulk NDJSON with PDFs, or one PDF per patient.")
    ] = Format.FHIR,
    by: By = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Export a whole chart, or everything filed since a date. Exports are recorded in the audit log.

    The folder appears only when it is complete. A chart that cannot be exported does not stop the others and
    is named.

    Exit codes: 0 done; 2 a chart or the folder cannot be used, or the options are not valid; 3 a service is
    unavailable; 7 there is no such patient, or nothing to export.
    """
    from dataclasses import asdict

    from pipeline.config import load_settings
    from pipeline.errors import InvalidInput
    from pipeline.export.chart_export import export as export_charts
    from pipeline.runtime.installation import open_installation

    if (patient is None) == (since is None):
        raise typer.BadParameter("Give either --patient or --since.")
    with (
        open_installation(load_settings(home)) as installation,
        installation.connect() as connection,
        progress("Exporting", None) as advance,
    ):
        summary = export_charts(
            connection,
            installation.blobs(),
            installation.settings.delivery,
            to.resolve(),
            actor=by or getpass.getuser(),
            output_format=form.value,
            mrn=patient,
            since=since,
            advance=advance,
        )
    if as_json:
        emit(asdict(summary) | {"to": str(to)})
    else:
        typer.echo(
            f"{to}: {summary.patients} patients, {summary.documents} documents, {summary.pages} pages."
        )
    for chart in summary.failed:
        typer.echo(f"Not exported: the chart of {chart.mrn}. {chart.reason}", err=True)
    if summary.failed:
        raise typer.Exit(InvalidInput.exit_code)
