"""Command: separator-sheets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "separator-sheets", epilog="Example: chartloom separator-sheets --count 25 --out separators.pdf"
    )(separator_sheets)


def separator_sheets(
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=500, help="Copies of each sheet.")
    ] = 1,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PDF to write.")] = Path(
        "sheets.pdf"
    ),
    patient: Annotated[
        list[str] | None,
        typer.Option("--patient", metavar="MRN", help="A cover sheet for this patient. May be repeated."),
    ] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="NAME", help="A cover sheet for a batch.")
    ] = None,
    files: Annotated[
        int | None, typer.Option("--files", metavar="N", min=0, help="Files expected in the batch.")
    ] = None,
    documents: Annotated[
        int | None, typer.Option("--documents", metavar="N", min=0, help="Documents expected in the batch.")
    ] = None,
    pages: Annotated[
        int | None,
        typer.Option(
            "--pages", metavar="N", min=0, help="Pages expected in the batch, without separator sheets."
        ),
    ] = None,
) -> None:
    """Write separator sheets, patient cover sheets or a batch cover sheet to a PDF.

    Exit codes: 0 done; 2 the options are not valid.
    """
    from pipeline.classify import separator_sheets as drawing

    chosen = [drawing.patient_cover_sheet(mrn) for mrn in patient or ()]
    if batch is not None:
        chosen.append(drawing.batch_cover_sheet(batch, files, documents, pages))
    elif files is not None or documents is not None or pages is not None:
        raise typer.BadParameter("--files, --documents and --pages need --batch.")
    every = (chosen or [drawing.separator_sheet()]) * count
    out.write_bytes(drawing.render_sheets_pdf(every))
    typer.echo(f"{len(every)} sheets in {out}")
