"""Command: read. Image cleanup and OCR of files, without a database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, Json, emit, progress, report_rejected_file, require_file
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.ocr.image.cleanup import StepObserver
    from pipeline.ocr.image.pixels import GrayImage
    from pipeline.ocr.read_page import Reading


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom read chart.pdf --json --pdf searchable.pdf")(read)


def read(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Scans: PDF, TIFF, PNG, JPEG or JPEG 2000.")
    ],
    as_json: Json = False,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Write all pages to one searchable PDF/A.")
    ] = None,
    debug: Annotated[
        Path | None,
        typer.Option(
            "--debug",
            metavar="DIR",
            help="Write the image after each step, and a contact sheet of all pages.",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Clean and read scans page by page, without filing anything.

    Exit codes: 0 done; 2 a file could not be read; 4 a program is missing; 5 a setting is wrong.
    """
    from pipeline.config import load_settings

    settings = load_settings(home)
    steps = Steps(debug) if debug else None
    made: list[bytes] = []
    failed = False
    with progress("Reading", None) as advance:
        for file in files:
            try:
                for reading in read_file_pages(file, settings, steps):
                    emit(page_json(file, reading)) if as_json else typer.echo(reading.page.text)
                    if pdf is not None and reading.pdf:
                        made.append(reading.pdf)
                    advance(1)
            except InvalidInput as error:
                failed = True
                report_rejected_file(file, error, as_json=as_json)
    if steps is not None:
        steps.write_sheet()
    if pdf is not None and made:
        from pipeline.ocr.output.searchable_pdf import document_pdf

        pdf.write_bytes(document_pdf(made, title=files[0].stem))
    if failed:
        raise typer.Exit(2)


def read_file_pages(file: Path, settings: Settings, steps: Steps | None = None) -> Iterator[Reading]:
    """Yield the OCR result of each page of a file, using one core. Raises InvalidInput."""
    from pipeline.worker.launcher import limit_to_one_thread

    limit_to_one_thread()
    from pipeline.ingest.parsing.open_scan import open_scan
    from pipeline.ocr.image.cleanup import ignore_step
    from pipeline.ocr.read_page import read_page
    from pipeline.store.scratch import Scratch

    require_file(file)
    with tempfile.TemporaryDirectory(prefix="chartloom-read-") as folder:
        scratch = Scratch(Path(folder))
        for page in open_scan(file, "", scratch, settings.intake):
            watch = steps.watcher(f"{file.stem}-{page.number}") if steps else ignore_step
            yield read_page(page, scratch.path(page.image) if page.image else None, settings.ocr, watch)
            if page.image:
                scratch.remove(page.image)


class Steps:
    """Writes what cleanup does to pages: FOLDER/NAME-N-STEP.png for each step, and at the end
    FOLDER/sheet.png with all pages.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pairs: list[tuple[str, GrayImage, GrayImage]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def watcher(self, name: str) -> StepObserver:
        """Return a function that writes the image of each step of a page, and prints its CPU time."""
        import time

        from PIL import Image

        from pipeline.ocr.image.contact_sheet import shrink_for_sheet

        steps = count()
        last = [time.process_time()]
        before: list[GrayImage] = []

        def watch(step: str, picture: GrayImage) -> None:
            spent = time.process_time() - last[0]
            file = self.folder / f"{name}-{next(steps)}-{step}.png"
            Image.fromarray(picture).save(file)
            typer.echo(f"{file}  {spent * 1000:.0f} ms", err=True)
            if step == "words":
                self.pairs.append((name, before[0], shrink_for_sheet(picture)))
            elif not before:
                before.append(shrink_for_sheet(picture))
            last[0] = time.process_time()

        return watch

    def write_sheet(self) -> None:
        """Write all pages as scanned and as read, side by side."""
        from PIL import Image

        from pipeline.ocr.image.contact_sheet import contact_sheet

        if self.pairs:
            Image.fromarray(contact_sheet(self.pairs)).save(self.folder / "sheet.png")
            typer.echo(str(self.folder / "sheet.png"), err=True)


def page_json(file: Path, reading: Reading) -> dict[str, Any]:
    """Return a page as JSON."""
    page = reading.page
    if page.problem is not None and page.image is None:
        return {"file": str(file), "page": page.number, "error": page.problem, "code": "unreadable_page"}
    return {
        "file": str(file),
        "page": page.number,
        "rotation": page.rotation,
        "skew": page.skew,
        "blank": page.blank,
        "content_kind": page.content_kind,
        "confidence": page.confidence,
        "text": page.text,
        "words": [
            {"text": word.text, "box": list(word.box), "confidence": round(word.confidence, 3)}
            for word in page.words
        ],
        "unread": [
            {"kind": text.kind, "box": list(text.box), "letters": text.letters} for text in page.unread
        ],
    }
