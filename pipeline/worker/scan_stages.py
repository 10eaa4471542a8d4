"""The stages of flow.py as a worker runs them: on one scan, with the database, the object store and the
settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pikepdf import PdfError

from pipeline.classify.barcode_rules import sheet_meaning
from pipeline.classify.file_issues import add_file_issues
from pipeline.classify.legacy_index import apply_legacy_metadata, legacy_metadata
from pipeline.classify.segmentation import segment_pages
from pipeline.config import Settings, document_types
from pipeline.flow import FilingStages
from pipeline.index import filing
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.matching import decide
from pipeline.matching.legacy_index_evidence import apply_legacy_evidence
from pipeline.ocr.engine_key import engine_key
from pipeline.ocr.output.searchable_pdf import document_file
from pipeline.patients.candidates import mrn_holders
from pipeline.patients.document_candidates import find_document_candidates
from pipeline.records import Candidate, Document, Filing, OcrPage, Outcome, Page, Scan, Segmentation
from pipeline.store import ocr_cache
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store.scans import page_count, waiting_scan
from pipeline.store.scratch import Scratch
from pipeline.worker import page_ranges
from pipeline.worker.backpressure import release_memory
from pipeline.worker.duplicates import review_duplicates
from pipeline.worker.page_isolation import isolation_settings, read_isolated, read_with_timeout
from pipeline.worker.stage_seconds import StageSeconds, measured


@dataclass
class ScanStages(FilingStages):
    """The stages of one scan."""

    scan: Scan
    connection: Connection
    blobs: Blobs
    settings: Settings
    scratch: Scratch
    """Lasts as long as the work on the scan."""
    fetch_original: Callable[[str], Path]
    """Returns the local file of an original, given its SHA-256."""
    check_abort: Callable[[], None]
    """Raises if the worker is asked to stop."""
    isolated: bool = False
    """A worker has died over this scan: each page is read in a process of its own."""
    cache_keys: dict[int, str] = field(default_factory=dict)
    """OCR cache keys that the ranges of this scan have recorded, by page number."""
    stage_seconds: StageSeconds = field(default_factory=StageSeconds)
    process: int = 0
    """The row of `stage_seconds` that this worker process writes to."""

    def fan_out(self, scan: Scan) -> bool:
        """Dispatch the page ranges of a large scan; return False if the scan is to be processed now."""
        pages = page_count(self.connection, scan.id)
        return pages is not None and page_ranges.dispatch_ranges(self.connection, scan, pages)

    def open(self, scan: Scan) -> Iterator[Page]:
        """Yield the scan's pages: as its ranges have recorded them, else from its original.

        Raises:
            InvalidInput: the original cannot be opened.
        """
        recorded = page_ranges.range_pages(self.connection, scan)
        self.cache_keys.update((page.number, key) for page, key in recorded)
        return self._until_aborted([page for page, _ in recorded] or self._open_original())

    def open_range(self, pages: range) -> Iterator[Page]:
        """Yield these pages of the original. Raises InvalidInput."""
        return self._until_aborted(self._open_original(pages))

    def _until_aborted(self, pages: Iterable[Page]) -> Iterator[Page]:
        remaining = iter(pages)
        while True:
            self.check_abort()
            with self.stage_seconds.measure("open", self.process):
                page = next(remaining, None)
            if page is None:
                return
            yield page

    def _open_original(self, pages: range | None = None) -> Iterator[Page]:
        file = self.fetch_original(self.scan.sha256)
        return open_scan(file, self.scan.sha256, self.scratch, self.settings.intake, pages)

    @measured
    def read(self, page: Page) -> OcrPage:
        """Return a page's OCR result: from the cache, else read, stored and cached."""
        key = self.cache_keys.get(page.number) or ocr_cache.page_key(page)
        engine, isolated_engine = self._engine_keys()
        cached_engines = [] if page.problem else [*dict.fromkeys((engine, isolated_engine))]
        for cached_engine in cached_engines:
            cached = ocr_cache.get(self.connection, key, cached_engine, page.number)
            if cached is not None:
                return replace(cached, notes=page.notes)
        read = self.read_uncached(page)
        if read.problem is None:
            ocr_cache.put(self.connection, key, isolated_engine if self.isolated else engine, read)
        return replace(read, notes=page.notes)

    def _engine_keys(self) -> tuple[str, str]:
        """Return the keys of the engines as a page is usually read, and as an isolated page is read."""
        settings = self.settings.ocr
        return engine_key(settings), engine_key(isolation_settings(settings))

    def read_uncached(self, page: Page) -> OcrPage:
        """Read a page; its PDF and preview are in the store when this returns."""
        if page.image is not None and not self.scratch.path(page.image).exists():
            page = next(iter(self._open_original(range(page.number, page.number + 1))))
        image_file = None if page.image is None else self.scratch.path(page.image)
        read = read_isolated if self.isolated else read_with_timeout
        reading = read(page, image_file, self.settings.ocr)
        release_memory()
        if page.image is not None:
            self.scratch.remove(page.image)
        self.scratch.put(reading.pdf)
        pdf, preview = self.blobs.put(reading.pdf), self.blobs.put(reading.preview)
        return replace(reading.page, pdf=pdf, preview=preview)

    def publish(self, page: OcrPage) -> None:
        """Make a page of a large scan searchable before the scan is filed."""
        sheet = sheet_meaning(page)
        filing.add_pending_page(self.connection, self.scan, page, mrn=sheet.mrn if sheet else None)

    def close_range(self, pages: range, opened: Sequence[Page]) -> None:
        """Record how a range's pages were opened; closing the last range enqueues the scan again."""
        keyed = [(page, ocr_cache.page_key(page)) for page in opened]
        page_ranges.close_range(self.connection, self.scan, pages[0], keyed)

    @measured
    def segment(self, pages: Sequence[OcrPage]) -> Segmentation:
        """Segment the pages into documents, with what a legacy index states about the scan and what is
        unusual about its file.
        """
        settings, legacy = self.settings, legacy_metadata(self.scan)
        is_single = legacy is not None and legacy.single_document
        segmentation = segment_pages(pages, settings.classify, single_document=is_single)
        if legacy is not None:
            segmentation = apply_legacy_metadata(
                segmentation, legacy, len(pages), settings.archive, settings.classify.type_threshold
            )
        # A longer version of the file may have arrived since the work on the scan began.
        current = waiting_scan(self.connection, self.scan.id) or self.scan
        return add_file_issues(segmentation, current.notes)

    @measured
    def match(self, document: Document) -> Sequence[Candidate]:
        """Return the patients whom the document may be about."""
        return find_document_candidates(self.connection, document, self.settings)

    @measured
    def decide(self, document: Document, candidates: Sequence[Candidate]) -> Filing:
        """Decide whether the document is filed automatically or needs review."""
        decision = decide(document, candidates, self.settings)
        legacy = self.scan.legacy_metadata
        if legacy is None or legacy.mrn is None:
            return decision
        holders = mrn_holders(self.connection, legacy.mrn)
        return apply_legacy_evidence(decision, legacy, holders, self.settings.archive.mrn_accuracy)

    @measured
    def build_pdf(self, document: Document, pages: Mapping[int, OcrPage]) -> str:
        """Build a document's PDF from those of its pages, store it, and return its SHA-256."""
        keys = [key for number in document.pages if (key := pages[number].pdf)]
        file = self.scratch.folder / "document.pdf"
        document_type = document_types()[document.type]
        subject = f"Scan {self.scan.id}, pages {document.pages[0]} to {document.pages[-1]}"
        keywords = [f"LOINC {document_type.loinc}"] if document_type.loinc else []
        page_files = [self._page_pdf(key) for key in keys]
        try:
            document_file(
                page_files,
                file,
                title=document_type.name,
                subject=subject,
                keywords=keywords,
                source=self.scan.sha256,
            )
        except PdfError:
            self.scratch.check_free_space()  # a full disk truncates the file without another error
            raise
        sha256 = self.blobs.put_generated(file)
        for key in keys:
            self.scratch.remove(key)
        return sha256

    def _page_pdf(self, key: str) -> Path:
        """Return a page's PDF: in scratch if it was just made, else fetched from the store."""
        file = self.scratch.path(key)
        if not file.exists():
            self.blobs.fetch(key, file)
        return file

    @measured
    def commit(self, outcome: Outcome, pdfs: Sequence[str]) -> None:
        """File the outcome in one transaction. A scan that is already closed stays as it is.

        A document that is a near-duplicate of one in the same chart goes to review instead.
        """
        with self.connection.transaction():
            filing.commit(self.connection, review_duplicates(self.connection, outcome, self.blobs.get), pdfs)
