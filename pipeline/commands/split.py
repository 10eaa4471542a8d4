"""Commands: split (the documents of a scan, no database) and sheets (separator and cover sheets to print)."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.options import Home, Json, database, emit, progress
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.records import OcrPage, Sorting

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scans: PDF, TIFF, PNG, JPEG or JPEG 2000.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom split stack.pdf --json  |  Exit status 2: some file could not be read.")(split)
    app.command(epilog="Example: chartloom sheets --count 20 --out separators.pdf")(sheets)
    app.command(epilog="Example: chartloom train-boundaries --stacks 300 --dry-run")(train_boundaries)


def split(files: Files, as_json: Json = False, home: Home = None) -> None:
    """Show the documents that scans would be cut into, without filing anything."""
    from pipeline.work.start import on_one_core

    on_one_core()
    from pipeline.classify.sorting import sort
    from pipeline.config import load_settings

    settings = load_settings(home)
    failed = False
    with progress("Reading", None) as bar:
        for file in files:
            try:
                pages = []
                for page in pages_of(file, settings):
                    pages.append(page)
                    bar.advance(bar.task_ids[0])
                report(file, sort(pages, settings.classify), as_json=as_json)
            except BadInput as error:
                failed = True
                line = {"file": str(file), "error": str(error), "code": error.code}
                emit(line) if as_json else typer.echo(f"{file}: {error}", err=True)
    if failed:
        raise typer.Exit(2)


def pages_of(file: Path, settings: Settings) -> Iterator[OcrPage]:
    """A file's pages, read on every core, in order; no more pictures lie about than are being read. Raises BadInput."""
    from pipeline.ingest.opening import open_scan
    from pipeline.ocr.reading import read_page
    from pipeline.records import Page
    from pipeline.store.scratch import Scratch

    if not file.is_file():
        raise BadInput(f"{file} does not exist or is no file.", "Check the name.", code="missing")
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="chartloom-split-") as folder, ThreadPoolExecutor(workers) as pool:
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
    typer.echo(f"{file}: {len(sorting.documents)} documents, {len(sorting.blank)} blank, {len(sorting.separators)} sheets")
    for document in sorting.documents:
        pages = ", ".join(map(str, document.pages))
        typer.echo(f"  pages {pages}: {document.type} ({document.type_probability:.0%}), cut {document.probability:.0%}")


def as_record(document: Any) -> dict[str, Any]:
    """A document as the command prints it."""
    return {"pages": list(document.pages), "probability": document.probability, "type": document.type}


def sheets(
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="How many of each sheet.")] = 1,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.pdf", help="Where to write them.")] = Path("sheets.pdf"),
    patient: Annotated[
        list[str] | None, typer.Option("--patient", metavar="MRN", help="A cover sheet for this patient; may be repeated.")
    ] = None,
    batch: Annotated[str | None, typer.Option("--batch", metavar="NAME", help="A cover sheet for a batch.")] = None,
    files: Annotated[int | None, typer.Option("--files", min=0, help="Files expected in the batch.")] = None,
    documents: Annotated[int | None, typer.Option("--documents", min=0, help="Documents expected in the batch.")] = None,
    pages: Annotated[int | None, typer.Option("--pages", min=0, help="Pages expected in the batch, without sheets.")] = None,
) -> None:
    """Print separator sheets, patient cover sheets or a batch cover sheet as a PDF."""
    from pipeline.classify import sheets as drawing

    chosen = [drawing.patient_cover(mrn) for mrn in patient or ()]
    if batch is not None:
        chosen.append(drawing.batch_cover(batch, files, documents, pages))
    elif files is not None or documents is not None or pages is not None:
        raise typer.BadParameter("--files, --documents and --pages go with --batch")
    every = (chosen or [drawing.separator()]) * count
    out.write_bytes(drawing.sheets_pdf(every))
    typer.echo(f"{len(every)} sheets in {out}")


def train_boundaries(
    stacks: Annotated[int, typer.Option("--stacks", min=20, help="How many stacks to make and train on.")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same stacks.")] = 1,
    scans: Annotated[
        Path | None, typer.Option("--scans", metavar="DIR", help="Scans' truth (NAME.json) to train on too.")
    ] = None,
    readings: Annotated[
        Path | None, typer.Option("--readings", metavar="DIR", help="Their readings (NAME.jsonl of chartloom read --json).")
    ] = None,
    reviewers: Annotated[bool, typer.Option("--reviewers", help="Learn from scans that reviewers have settled, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure by folds and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Train the model of where documents start, and use it if it is no worse than the one in use on stacks that it has not seen.

    Learns from made stacks, from scans with their truth and from scans as reviewers have cut them. Exit status: 0 switched or
    measured; 3 the database is away; 10 the model in use is better and stays.
    """
    import json
    from datetime import UTC, datetime

    from pipeline.classify import boundaries, boundaries_samples, boundaries_training

    cases = []
    with progress("Making stacks", stacks) as bar:
        for stack in boundaries_samples.stacks(stacks, seed):
            cases.append(boundaries_training.case_of(stack, made=True))
            bar.advance(bar.task_ids[0])
    found = list(boundaries_training.scans_in(scans, readings or scans)) if scans else []
    settled = _settled(home) if reviewers else []
    cases += [boundaries_training.case_of(stack, made=False) for stack in (*found, *settled)]
    exam = [case for case in cases if boundaries_training.in_exam(case)]
    taught = [case for case in cases if not boundaries_training.in_exam(case)]
    figures = {name: told.line() for name, told in boundaries_training.held_out(taught).items()}
    fitted = boundaries_training.fit(taught)
    new = boundaries_training.errors(fitted, exam)
    old = boundaries_training.errors(boundaries.as_table(), exam)
    switched = new <= old and not dry_run
    emit({"switched": switched, "exam": {"stacks": len(exam), "errors_new": new, "errors_old": old}, "held_out": figures})
    if switched:
        command = f"chartloom train-boundaries --stacks {stacks} --seed {seed}"
        command += (" --scans DIR --readings DIR" if scans else "") + (" --reviewers" if reviewers else "")
        facts = {"made": f"{datetime.now(UTC):%Y-%m-%d}", "command": command, "settled": len(settled), "held_out": figures}
        boundaries.TABLE.write_text(json.dumps(fitted | {"facts": facts}, indent=1) + "\n", encoding="utf-8")
        boundaries.model.cache_clear()
    elif not dry_run:
        raise typer.Exit(NOT_BETTER)


NOT_BETTER = 10  # exit status: the model in use stays


def _settled(home: Path | None) -> list[Any]:
    from pipeline.classify.training.corrections import settled_stacks

    with database(home) as connection:
        return list(settled_stacks(connection))
