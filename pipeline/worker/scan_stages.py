"""The stages of flow.py put together for a worker: each with the connection, store and settings it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pikepdf import PdfError

from pipeline.classify.legacy_index import legacy_metadata, apply_legacy_metadata
from pipeline.classify.segmentation import segment_pages
from pipeline.config import Settings, document_types
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.matching import decide, person_from_document
from pipeline.matching.legacy_index_evidence import apply_legacy_evidence
from pipeline.ocr.output.searchable_pdf import document_file
from pipeline.ocr.read_page import engine_key
from pipeline.patients.candidates import find_candidates, mrn_holders
from pipeline.records import Candidate, Document, Filing, OcrPage, Page, Scan, Segmentation
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store import ocr_cache
from pipeline.store.scratch import Scratch
from pipeline.worker import page_ranges
from pipeline.worker.backpressure import release_memory
from pipeline.worker.page_isolation import read_isolated, read_with_timeout


@dataclass
class ScanStages:
    """Everything that work on one scan needs. `scratch` lasts as long as that work; `original` fetches what a
    SHA-256 names and says where it lies; `pause` raises where the work shall stop."""

    scan: Scan
    connection: Connection
    blobs: Blobs
    settings: Settings
    scratch: Scratch
    original: Callable[[str], Path]
    pause: Callable[[], None]
    careful: bool = False
    """A worker has died over this scan: each page is read in a process apart."""
    keys: dict[int, str] = field(default_factory=dict)
    """The keys of readings that a range of this scan has left, by page."""

    def open(self, scan: Scan) -> Iterator[Page]:
        """The scan's pages: as its ranges have left them, else from its original. Raises InvalidInput."""
        known = page_ranges.range_pages(self.connection, scan)
        self.keys.update((page.number, key) for page, key in known)
        for page in [page for page, _ in known] or self.open_original():
            self.pause()
            yield page

    def open_original(self, pages: range | None = None) -> Iterator[Page]:
        """Pages of the original, which is fetched from the store. Raises InvalidInput."""
        return open_scan(
            self.original(self.scan.sha256), self.scan.sha256, self.scratch, self.settings.intake, pages
        )

    def read(self, page: Page) -> OcrPage:
        """A page's reading: from the cache, else made, stored and remembered."""
        key = self.keys.get(page.number) or ocr_cache.page_key(page)
        engine = engine_key(self.settings.ocr)
        known = None if page.problem else ocr_cache.get(self.connection, key, engine, page.number)
        if known is not None:
            return known
        read = self.read_anew(page)
        if read.problem is None:
            ocr_cache.put(self.connection, key, engine, read)
        return read

    def read_anew(self, page: Page) -> OcrPage:
        """Read a page; its PDF and preview are in the store when this returns."""
        if page.image is not None and not self.scratch.path(page.image).exists():
            page = next(iter(self.open_original(range(page.number, page.number + 1))))
        pixels = None if page.image is None else self.scratch.path(page.image)
        made = (read_isolated if self.careful else read_with_timeout)(page, pixels, self.settings.ocr)
        release_memory()
        if page.image is not None:
            self.scratch.drop(page.image)
        self.scratch.put(made.pdf)
        return replace(made.page, pdf=self.blobs.put(made.pdf), preview=self.blobs.put(made.preview))

    def sort(self, pages: Sequence[OcrPage]) -> Segmentation:
        """The pages cut into documents."""
        given = legacy_metadata(self.scan)
        if given is None:
            return segment_pages(pages, self.settings.classify)
        sorting = segment_pages(pages, self.settings.classify, whole=given.single_document)
        return apply_legacy_metadata(
            sorting, given, len(pages), self.settings.archive, self.settings.classify.type_threshold
        )

    def match(self, document: Document) -> Sequence[Candidate]:
        """The patients whom the document may be about."""
        return find_candidates(self.connection, person_from_document(document), self.settings.matching)

    def decide(self, document: Document, found: Sequence[Candidate]) -> Filing:
        """Filed on its own, or before a person."""
        filing = decide(document, found, self.settings)
        given = self.scan.legacy_metadata
        if given is None or given.mrn is None:
            return filing
        return apply_legacy_evidence(filing, given, mrn_holders(self.connection, given.mrn), self.settings.archive.mrn_accuracy)

    def document_pdf(self, document: Document, pages: dict[int, OcrPage]) -> str:
        """Make a document's PDF of its pages' and store it; its SHA-256."""
        keys = [key for number in document.pages if (key := pages[number].pdf)]
        made = self.scratch.folder / "document.pdf"
        kind = document_types()[document.type]
        about = f"Scan {self.scan.id}, pages {document.pages[0]} to {document.pages[-1]}"
        codes = [f"LOINC {kind.loinc}"] if kind.loinc else []
        files = [self.page_file(key) for key in keys]
        try:
            document_file(
                files, made, title=kind.name, subject=about, keywords=codes, source=self.scan.sha256
            )
        except PdfError:
            self.scratch.check_room()  # what did not fit on the disk is cut short without a word
            raise
        stored = self.blobs.put_made(made)
        for key in keys:
            self.scratch.drop(key)
        return stored

    def page_file(self, key: str) -> Path:
        """A page's PDF: in scratch where it was just made, else fetched from the store."""
        file = self.scratch.path(key)
        if not file.exists():
            self.blobs.fetch(key, file)
        return file
