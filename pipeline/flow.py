"""The whole flow of a scan, in the order in which it happens.

fan out    the pages of a large scan to many workers, which read them into the OCR cache
open       its pages, one by one; a page that cannot be opened is a page with a problem, never an exception
read       each page: clean it, recognize its text, make it a searchable PDF
segment    the pages into documents, each with a type and index fields
match      each document to the patients whom it may be about
decide     whether the evidence suffices to file the document automatically, or a person must review it
build PDF  of each document from the PDFs of its pages
commit     everything in one transaction, or nothing

Every step may run again: before `commit`, only caches and objects named by their content are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pipeline.errors import PageAccountingError
from pipeline.records import Candidate, Document, Filing, OcrPage, Outcome, Page, Scan, Segmentation


class Stages(Protocol):
    """The stages that decide what becomes of a scan, as `process` needs them."""

    def open(self, scan: Scan) -> Iterable[Page]: ...
    def read(self, page: Page) -> OcrPage: ...
    def segment(self, pages: Sequence[OcrPage]) -> Segmentation: ...
    def match(self, document: Document) -> Sequence[Candidate]: ...
    def decide(self, document: Document, candidates: Sequence[Candidate]) -> Filing: ...


class FilingStages(Stages, Protocol):
    """All stages: those of `process`, fan-out to page ranges, document PDFs and the commit."""

    def fan_out(self, scan: Scan) -> bool: ...
    def open_range(self, pages: range) -> Iterable[Page]: ...
    def publish(self, page: OcrPage) -> None: ...
    def close_range(self, pages: range, opened: Sequence[Page]) -> None: ...
    def build_pdf(self, document: Document, pages: Mapping[int, OcrPage]) -> str: ...
    def commit(self, outcome: Outcome, pdfs: Sequence[str]) -> None: ...


def file_scan(scan: Scan, stages: FilingStages) -> None:
    """Process a scan and commit the outcome. Fan a large scan out first; its last range runs this again."""
    if stages.fan_out(scan):
        return
    outcome = process(scan, stages)
    pages = {page.number: page for page in outcome.pages}
    pdfs = [stages.build_pdf(filing.document, pages) for filing in outcome.filings]
    stages.commit(outcome, pdfs)


def read_range(pages: range, stages: FilingStages) -> None:
    """Read a range of a large scan's pages into the OCR cache, and make them searchable at once."""
    opened = []
    for page in stages.open_range(pages):
        stages.publish(stages.read(page))
        opened.append(page)
    stages.close_range(pages, opened)


def process(scan: Scan, stages: Stages) -> Outcome:
    """Read a scan's pages, segment them into documents, and decide on each document.

    Raises:
        PageAccountingError: segmentation lost a page or used one twice.
    """
    pages = tuple(stages.read(page) for page in stages.open(scan))
    segmentation = stages.segment(pages)
    check_page_accounting(pages, segmentation)
    filings = tuple(stages.decide(document, stages.match(document)) for document in segmentation.documents)
    return Outcome(scan=scan, pages=pages, segmentation=segmentation, filings=filings)


def check_page_accounting(pages: Sequence[OcrPage], segmentation: Segmentation) -> None:
    """Raise PageAccountingError unless every page is in the segmentation exactly once."""
    document_pages = [number for document in segmentation.documents for number in document.pages]
    accounted = sorted([*document_pages, *segmentation.blank, *segmentation.separators])
    if accounted != sorted(page.number for page in pages):
        raise PageAccountingError(f"Of {len(pages)} pages, segmentation accounts for {accounted}.")
