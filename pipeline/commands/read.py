"""Command: read. Cleanup and OCR of files, no database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, Json, emit, must_exist, progress, tell_refused
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.ocr.image.cleanup import Watch
    from pipeline.ocr.image.pixels import Grey
    from pipeline.ocr.read_page import Reading


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        epilog="Example: chartloom read chart.pdf --json --pdf searchable.pdf  |  Exit status 2: some file could not be read."
    )(read)


def read(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Scans: PDF, TIFF, PNG, JPEG or JPEG 2000.")
    ],
    as_json: Json = False,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="OUT", help="Write all pages as one searchable PDF/A.")
    ] = None,
    debug: Annotated[
        Path | None,
        typer.Option(
            "--debug", metavar="DIR", help="Write each step as a picture here, and a sheet of all pages."
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Clean and read scans, page by page, without filing anything."""
    from pipeline.config import load_settings

    settings = load_settings(home)
    steps = Steps(debug) if debug else None
    made: list[bytes] = []
    failed = False
    with progress("Reading", None) as advance:
        for file in files:
            try:
                for reading in readings(file, settings, steps):
                    emit(as_line(file, reading)) if as_json else typer.echo(reading.page.text)
                    if pdf is not None and reading.pdf:
                        made.append(reading.pdf)
                    advance(1)
            except BadInput as error:
                failed = True
                tell_refused(file, error, as_json=as_json)
    if steps is not None:
        steps.write_sheet()
    if pdf is not None and made:
        from pipeline.ocr.output.searchable_pdf import document_pdf

        pdf.write_bytes(document_pdf(made, title=files[0].stem))
    if failed:
        raise typer.Exit(2)


def readings(file: Path, settings: Settings, steps: Steps | None = None) -> Iterator[Reading]:
    """The reading of each page of a file, on one core. Raises BadInput."""
    from pipeline.worker.launcher import on_one_core

    on_one_core()
    from pipeline.ingest.parsing.open_scan import open_scan
    from pipeline.ocr.image.cleanup import unwatched
    from pipeline.ocr.read_page import read_page
    from pipeline.store.scratch import Scratch

    must_exist(file)
    with tempfile.TemporaryDirectory(prefix="chartloom-read-") as folder:
        scratch = Scratch(Path(folder))
        for page in open_scan(file, "", scratch, settings.intake):
            watch = steps.watcher(f"{file.stem}-{page.number}") if steps else unwatched
            yield read_page(page, scratch.path(page.image) if page.image else None, settings.ocr, watch)
            if page.image:
                scratch.drop(page.image)


class Steps:
    """Writes what cleanup does to pages: FOLDER/NAME-N-STEP.png for each step, at the end FOLDER/sheet.png of
    all pages.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pairs: list[tuple[str, Grey, Grey]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def watcher(self, name: str) -> Watch:
        """Is told each step of the page of this name; says on standard error how long it took."""
        import time

        from PIL import Image

        from pipeline.ocr.image.contact_sheet import small

        steps = count()
        last = [time.process_time()]
        before: list[Grey] = []

        def watch(step: str, picture: Grey) -> None:
            spent = time.process_time() - last[0]
            file = self.folder / f"{name}-{next(steps)}-{step}.png"
            Image.fromarray(picture).save(file)
            typer.echo(f"{file}  {spent * 1000:.0f} ms", err=True)
            if step == "words":
                self.pairs.append((name, before[0], small(picture)))
            elif not before:
                before.append(small(picture))
            last[0] = time.process_time()

        return watch

    def write_sheet(self) -> None:
        """All pages as they came and as they were read, side by side."""
        from PIL import Image

        from pipeline.ocr.image.contact_sheet import contact_sheet

        if self.pairs:
            Image.fromarray(contact_sheet(self.pairs)).save(self.folder / "sheet.png")
            typer.echo(str(self.folder / "sheet.png"), err=True)


def as_line(file: Path, reading: Reading) -> dict[str, Any]:
    """The page as the command prints it."""
    page = reading.page
    if page.problem is not None and page.image is None:
        return {"file": str(file), "page": page.number, "error": page.problem, "code": "unreadable_page"}
    return {
        "file": str(file),
        "page": page.number,
        "rotation": page.rotation,
        "skew": page.skew,
        "blank": page.blank,
        "bears": page.bears,
        "confidence": page.confidence,
        "text": page.text,
        "words": [
            {"text": word.text, "box": list(word.box), "confidence": round(word.confidence, 3)}
            for word in page.words
        ],
    }
