"""Commands: synthesize charts and archive (fictitious data for trials, tests and training)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

group = typer.Typer(
    help="Write fictitious charts or a legacy archive, to try Chartloom with.", no_args_is_help=True
)

Seed = Annotated[int, typer.Option("--seed", metavar="N", help="The same seed writes the same files.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group.command(epilog="Example: chartloom synthesize charts trial/ --charts 20")(charts)
    group.command(epilog="Example: chartloom synthesize archive trial/ --kind csv --documents 20")(archive)
    app.add_typer(group, name="synthesize")


def charts(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into.")],
    count: Annotated[int, typer.Option("--charts", metavar="N", min=1, help="Number of scans.")] = 20,
    people: Annotated[
        int, typer.Option("--patients", metavar="N", min=1, help="Number of patients in patients.csv.")
    ] = 200,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only this document type. May be repeated."),
    ] = None,
    seed: Seed = 7,
) -> None:
    """Write scans of fictitious charts, the ground truth of each (NAME.json) and patients.csv.

    Exit codes: 0 done; 2 there is no such document type.
    """
    from pipeline.config import document_types
    from pipeline.errors import InvalidInput
    from pipeline.synthetic.write import write_charts

    unknown = sorted(set(types or ()) - set(document_types()))
    if unknown:
        raise InvalidInput(
            f"There is no document type {unknown[0]}.", "See docs/reference/document-types.md."
        )
    files = write_charts(out, seed, count, separator=draw_separator, people=people, types=tuple(types or ()))
    typer.echo(f"{len(files)} scans and patients.csv in {out}")


def archive(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into.")],
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="csv, old-index or tree.")] = "csv",
    documents: Annotated[
        int, typer.Option("--documents", metavar="N", min=1, help="Number of documents without faults.")
    ] = 20,
    faults: Annotated[
        int, typer.Option("--faults", metavar="N", min=0, help="Number of faults of each kind.")
    ] = 1,
    recur: Annotated[
        int | None,
        typer.Option("--recur", metavar="N", help="Repeat the pages after N documents, in other files."),
    ] = None,
    seed: Seed = 1,
) -> None:
    """Write a legacy archive with its index, its patients and known faults (planted.json).

    Exit codes: 0 done; 2 there is no such kind.
    """
    from pipeline.errors import InvalidInput
    from pipeline.synthetic.legacy_archive import make_archive
    from pipeline.synthetic.legacy_files import Kind

    if kind not in get_args(Kind):
        raise InvalidInput(f"There is no archive kind {kind}.", "Choose csv, old-index or tree.")
    made = make_archive(out, cast("Kind", kind), documents, seed, faults=faults, recur=recur)
    typer.echo(f"{made.documents} documents, {len(made.planted)} faults; manifest {made.manifest}")


@cache
def draw_separator(dpi: int) -> NDArray[np.uint8]:
    """Draw the separator sheet as `chartloom separator-sheets` prints it.

    Args:
        dpi: Resolution in dots per inch.

    Returns:
        Gray values, shape (height, width).
    """
    import numpy as np
    from pdf2image import convert_from_bytes

    from pipeline.classify.separator_sheets import render_sheets_pdf, separator_sheet
    from pipeline.synthetic.draw import UNITS_PER_INCH
    from pipeline.synthetic.page import HEIGHT, WIDTH

    sheet = convert_from_bytes(render_sheets_pdf([separator_sheet()]), dpi=dpi, grayscale=True)[0]
    size_px = (round(WIDTH * dpi / UNITS_PER_INCH), round(HEIGHT * dpi / UNITS_PER_INCH))
    return np.asarray(sheet.resize(size_px), dtype=np.uint8)
