"""The two jobs of the queue: process a scan; read a range of a large scan's pages. Both may run again at any
time.
"""

from __future__ import annotations

from pipeline.classify.barcode_rules import sheet_meaning
from pipeline.flow import process
from pipeline.index.filing import arrive, commit
from pipeline.store.ocr_cache import reading_key
from pipeline.store.scans import page_count
from pipeline.worker import page_ranges
from pipeline.worker.scan_stages import Workshop


def process_scan(shop: Workshop) -> None:
    """File a scan; or, where it is large and its pages are not read yet, hand them out."""
    pages = page_count(shop.connection, shop.scan.id)
    if pages is not None and page_ranges.hand_out(shop.connection, shop.scan, pages):
        return
    outcome = process(shop.scan, shop)
    read = {page.number: page for page in outcome.pages}
    pdfs = [shop.document_pdf(filing.document, read) for filing in outcome.filings]
    commit(shop.connection, outcome, pdfs)


def read_range(shop: Workshop, pages: range) -> None:
    """Read some pages of a large scan into the cache; whoever closes the last range enqueues the scan."""
    opened = []
    for page in shop.open_original(pages):
        shop.pause()
        read = shop.read(page)
        sheet = sheet_meaning(read)
        arrive(shop.connection, shop.scan, read, mrn=sheet.mrn if sheet else None)
        opened.append((page, reading_key(page)))
    page_ranges.finish(shop.connection, shop.scan, pages[0], opened)
