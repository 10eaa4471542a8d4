"""Commands: export."""

from __future__ import annotations

import getpass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.common import By, Home, Json, emit, progress


class Format(StrEnum):
    """How charts are written."""

    FHIR = "fhir"
    PDF = "pdf"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom export --patient 10012345 --to ./10012345 --format pdf")(export)


def export(
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="A folder that is not there yet, or is empty.")
    ],
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="MRN", help="This patient's whole chart.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", metavar="DATE", help="Everything filed since.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="FHIR bulk NDJSON with PDFs, or one PDF for each patient.")
    ] = Format.FHIR,
    by: By = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take a chart out whole, or everything filed since a date. Who took what is written in the audit.

    The folder appears when everything is in it, or not at all. Exit status: 0 taken out; 2 the folder is in
    use; 3 a service is away; 7 there is no such patient, or nothing to take out."""
    from dataclasses import asdict

    from pipeline.config import load_settings
    from pipeline.export.chart_export import export as take_out
    from pipeline.runtime.installation import open_installation

    if (patient is None) == (since is None):
        raise typer.BadParameter("Give --patient or --since.")
    with open_installation(load_settings(home)) as installation, installation.connect() as connection:
        deliveries = installation.settings.delivery
        with progress("Taking out", None) as advance:
            done = take_out(
                connection, installation.blobs(), deliveries, to.resolve(), actor=by or getpass.getuser(), output_format=form.value,
                mrn=patient, since=since, advance=advance,
            )  # fmt: skip
    if as_json:
        emit(asdict(done) | {"to": str(to)})
    else:
        typer.echo(f"{to}: {done.patients} patients, {done.documents} documents, {done.pages} pages.")
