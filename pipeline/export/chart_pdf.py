"""A chart as one PDF: a table of contents, then the documents by date, with bookmarks.

Documents are first joined into parts, each in a file, so that at most DOCUMENTS_PER_PART of them are open at
a time, however long the chart is."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from pikepdf import OutlineItem, Pdf, make_page_destination

from pipeline.delivery.delivery_item import DeliveryItem, Organization
from pipeline.letters import Letter

DOCUMENTS_PER_PART = 100
COLUMNS = ("Date", "Document", "Pages", "On page")
RELATIVE_WIDTHS = (15, 60, 11, 14)
LINK_SCHEME = "chart-document:"
"""Links in the table of contents name a document by its position until its page is known."""


class ChartPdfWriter:
    """Writes a PDF for each patient. `fetch` writes the stored object with a SHA-256 to a file."""

    def __init__(self, folder: Path, fetch: Callable[[str, Path], None], organization: Organization) -> None:
        self._folder = folder
        self._fetch = fetch
        self._organization = organization

    def write_chart(self, items: list[DeliveryItem]) -> None:
        """Write one patient's chart."""
        with TemporaryDirectory(dir=self._folder) as scratch:
            parts = [
                self._join(items[i : i + DOCUMENTS_PER_PART], Path(scratch) / f"{i}.pdf")
                for i in range(0, len(items), DOCUMENTS_PER_PART)
            ]
            with Pdf.new() as chart, ExitStack() as opened:
                page_counts = []
                for part, counts in parts:
                    chart.pages.extend(opened.enter_context(Pdf.open(part)).pages)
                    page_counts += counts
                add_contents(chart, items, page_counts, self._organization)
                complete = Path(scratch) / "chart.pdf"
                chart.save(complete)
                complete.rename(self._folder / f"{safe_file_name(items[0].patient.mrn)}.pdf")

    def close(self, failed: Sequence[object]) -> None:
        """Do nothing: each chart is complete."""

    def _join(self, items: Sequence[DeliveryItem], part_file: Path) -> tuple[Path, list[int]]:
        """Join documents into a file; return it with the actual number of pages of each document."""
        counts = []
        with Pdf.new() as part, ExitStack() as opened:
            for i, item in enumerate(items):
                file = part_file.with_name(f"{part_file.stem}-{i}.pdf")
                self._fetch(item.pdf, file)
                pages = opened.enter_context(Pdf.open(file)).pages
                part.pages.extend(pages)
                counts.append(len(pages))
            part.save(part_file)
        for i in range(len(items)):
            part_file.with_name(f"{part_file.stem}-{i}.pdf").unlink()
        return part_file, counts


def add_contents(
    chart: Pdf, items: Sequence[DeliveryItem], page_counts: Sequence[int], organization: Organization
) -> None:
    """Insert the table of contents in front, with links, and add the bookmarks."""
    first_pages = [0, *accumulate(page_counts)][:-1]  # without the contents
    contents_pages, length = 1, 0
    while contents_pages != length:  # the table's length may depend on the page numbers in it
        length = contents_pages
        contents = contents_pdf(items, page_counts, [length + page for page in first_pages], organization)
        with Pdf.open(io.BytesIO(contents)) as pdf:
            contents_pages = len(pdf.pages)
    first_pages = [length + page for page in first_pages]
    with Pdf.open(io.BytesIO(contents)) as pdf:
        for number, page in enumerate(pdf.pages):
            chart.pages.insert(number, page)
    for page in chart.pages[:length]:
        for annotation in page.get("/Annots", []):
            position = str(annotation.A.URI).removeprefix(LINK_SCHEME)
            annotation.Dest = make_page_destination(chart, first_pages[int(position)])
            del annotation.A
    with chart.open_outline() as outline:
        for item, first_page in zip(items, first_pages, strict=True):
            outline.root.append(OutlineItem(item.title, first_page))
    chart.docinfo["/Title"] = f"Chart {items[0].patient.mrn}"


def contents_pdf(
    items: Sequence[DeliveryItem],
    page_counts: Sequence[int],
    first_pages: Sequence[int],
    organization: Organization,
) -> bytes:
    """Return the table of contents as a PDF, with a row for each document.

    Args:
        first_pages: for each document the position of its first page in the chart, from 0.
    """
    patient = items[0].patient
    given = " ".join(filter(None, (patient.given, patient.middle)))
    name = ", ".join(filter(None, (patient.family, given)))
    time = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    letter = Letter(name or "Chart")
    counts = f"{len(items)} documents, {sum(page_counts)} pages"
    letter.paragraph(f"MRN {patient.mrn}, born {patient.dob or 'unknown'}, {counts}")
    letter.paragraph(f"{organization.name}, {time}")
    rows = [
        (
            str(item.date_of_service or "no date"),
            ", ".join(filter(None, (item.type.name, item.author))),
            count,
            first_page + 1,
        )
        for item, count, first_page in zip(items, page_counts, first_pages, strict=True)
    ]
    letter.table(COLUMNS, rows, RELATIVE_WIDTHS, [f"{LINK_SCHEME}{i}" for i in range(len(items))])
    return letter.pdf()


def safe_file_name(name: str) -> str:
    """Return the name with every character replaced that a file name may not have everywhere."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".") or "chart"
