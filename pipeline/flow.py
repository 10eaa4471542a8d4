"""The whole story of a scan.

open     its pages, one by one; a page that cannot be opened is a page with a problem, never an exception
read     each page: cleaned, read by OCR, made a searchable PDF (a reading is cached, so a retry is cheap)
sort     the pages into documents with a type and index fields
match    each document to the patients it may be about
decide   whether the evidence suffices to file it alone, or a person must look

Nothing here writes to the database: what comes back is committed afterwards, all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pipeline.errors import PageAccountingError
from pipeline.records import Candidate, Document, Filing, OcrPage, Outcome, Page, Scan, Segmentation


class Stages(Protocol):
    """The five stages, as `process` needs them."""

    def open(self, scan: Scan) -> Iterable[Page]: ...
    def read(self, page: Page) -> OcrPage: ...
    def sort(self, pages: Sequence[OcrPage]) -> Segmentation: ...
    def match(self, document: Document) -> Sequence[Candidate]: ...
    def decide(self, document: Document, candidates: Sequence[Candidate]) -> Filing: ...


def process(scan: Scan, stages: Stages) -> Outcome:
    """Read a scan's pages, sort them into documents, decide on each.

    Raises PageAccountingError if sorting lost a page or used one twice.
    """
    pages = tuple(stages.read(page) for page in stages.open(scan))
    sorting = account_for(pages, stages.sort(pages))
    filings = tuple(stages.decide(document, stages.match(document)) for document in sorting.documents)
    return Outcome(scan=scan, pages=pages, segmentation=sorting, filings=filings)


def account_for(pages: Sequence[OcrPage], sorting: Segmentation) -> Segmentation:
    """The sorting unchanged, if every page stands in it exactly once."""
    sorted_pages = [n for document in sorting.documents for n in document.pages]
    told = sorted([*sorted_pages, *sorting.blank, *sorting.separators])
    if told != sorted(page.number for page in pages):
        raise PageAccountingError(f"Of {len(pages)} pages, sorting accounts for {told}.")
    return sorting
