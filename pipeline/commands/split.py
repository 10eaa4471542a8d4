"""Command: split. The documents in a scan, without a database."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, Json, emit, progress, report_rejected_file, require_file
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.records import Document, OcrPage, Segmentation

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Scans: PDF, TIFF, PNG, JPEG or JPEG 2000.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom split stack.pdf --json")(split)


def split(files: Files, as_json: Json = False, home: Home = None) -> None:
    """Show the documents that scans would be split into, without filing anything.

    Exit codes: 0 done; 2 a file could not be read; 4 a program is missing; 5 a setting is wrong.
    """
    from pipeline.worker.launcher import limit_to_one_thread

    limit_to_one_thread()
    from pipeline.classify.segmentation import segment_pages
    from pipeline.config import load_settings

    settings = load_settings(home)
    failed = False
    with progress("Reading", None) as advance:
        for file in files:
            try:
                pages = []
                for page in read_pages(file, settings):
                    pages.append(page)
                    advance(1)
                print_segmentation(file, segment_pages(pages, settings.classify), as_json=as_json)
            except InvalidInput as error:
                failed = True
                report_rejected_file(file, error, as_json=as_json)
    if failed:
        raise typer.Exit(2)


def read_pages(file: Path, settings: Settings) -> Iterator[OcrPage]:
    """Yield the pages of a file in order. They are read on all cores, and only the images of pages that are
    being read are kept on disk. Raises InvalidInput.
    """
    from pipeline.ingest.parsing.open_scan import open_scan
    from pipeline.ocr.read_page import read_page
    from pipeline.records import Page
    from pipeline.store.scratch import Scratch

    require_file(file)
    workers = os.cpu_count() or 1
    with (
        tempfile.TemporaryDirectory(prefix="chartloom-split-") as folder,
        ThreadPoolExecutor(workers) as pool,
    ):
        scratch = Scratch(Path(folder))

        def read(page: Page) -> OcrPage:
            return read_page(page, scratch.path(page.image) if page.image else None, settings.ocr).page

        waiting: deque[Future[OcrPage]] = deque()
        for page in open_scan(file, "", scratch, settings.intake):
            waiting.append(pool.submit(read, page))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def print_segmentation(file: Path, segmentation: Segmentation, *, as_json: bool) -> None:
    """Print one JSON line for the file, or one line of text for each document."""
    if as_json:
        emit(
            {"file": str(file), "documents": [document_json(document) for document in segmentation.documents]}
        )
        return
    counts = f"{len(segmentation.blank)} blank pages, {len(segmentation.separators)} separator sheets"
    typer.echo(f"{file}: {len(segmentation.documents)} documents, {counts}")
    for document in segmentation.documents:
        pages = ", ".join(map(str, document.pages))
        type_ = f"{document.type} ({document.type_probability:.0%})"
        typer.echo(f"  pages {pages}: {type_}, split {document.probability:.0%}")


def document_json(document: Document) -> dict[str, Any]:
    """Return a document as JSON."""
    return {"pages": list(document.pages), "probability": document.probability, "type": document.type}
