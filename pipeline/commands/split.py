"""Command: split (the documents of a scan, no database)."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, Json, emit, must_exist, progress, tell_refused
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.records import OcrPage, Sorting

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Scans: PDF, TIFF, PNG, JPEG or JPEG 2000.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        epilog="Example: chartloom split stack.pdf --json  |  Exit status 2: some file could not be read."
    )(split)


def split(files: Files, as_json: Json = False, home: Home = None) -> None:
    """Show the documents that scans would be cut into, without filing anything."""
    from pipeline.worker.launcher import on_one_core

    on_one_core()
    from pipeline.classify.segmentation import sort
    from pipeline.config import load_settings

    settings = load_settings(home)
    failed = False
    with progress("Reading", None) as advance:
        for file in files:
            try:
                pages = []
                for page in pages_of(file, settings):
                    pages.append(page)
                    advance(1)
                report(file, sort(pages, settings.classify), as_json=as_json)
            except BadInput as error:
                failed = True
                tell_refused(file, error, as_json=as_json)
    if failed:
        raise typer.Exit(2)


def pages_of(file: Path, settings: Settings) -> Iterator[OcrPage]:
    """A file's pages, read on every core, in order; no more pictures lie about than are being read. Raises
    BadInput.
    """
    from pipeline.ingest.parsing.open_scan import open_scan
    from pipeline.ocr.read_page import read_page
    from pipeline.records import Page
    from pipeline.store.scratch import Scratch

    must_exist(file)
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


def report(file: Path, sorting: Sorting, *, as_json: bool) -> None:
    """One line a file for programs; one line a document for people."""
    if as_json:
        emit({"file": str(file), "documents": [as_record(document) for document in sorting.documents]})
        return
    typer.echo(
        f"{file}: {len(sorting.documents)} documents, {len(sorting.blank)} blank, {len(sorting.separators)} sheets"
    )
    for document in sorting.documents:
        pages = ", ".join(map(str, document.pages))
        typer.echo(
            f"  pages {pages}: {document.type} ({document.type_probability:.0%}), cut {document.probability:.0%}"
        )


def as_record(document: Any) -> dict[str, Any]:
    """A document as the command prints it."""
    return {"pages": list(document.pages), "probability": document.probability, "type": document.type}
