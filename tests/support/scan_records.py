"""What the tests of filing, searching and working share: scans, outcomes of processing, and small printed
pages.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFont

from pipeline.records import (
    Candidate,
    Document,
    Field,
    Filed,
    Filing,
    NeedsReview,
    OcrPage,
    Outcome,
    PatientRef,
    Priority,
    Reason,
    Scan,
    Segmentation,
    Word,
)
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store.scans import load_scan
from pipeline.worker.job_queue import enqueue_scan

TIMEOUT_SECONDS = 60.0
BLOB = "0" * 64
NO_PATIENT_NAMED = Reason(code="no_patient_named", detail="No patient is named.")


def a_scan(
    connection: Connection, data: bytes = b"scan", blobs: Blobs | None = None, **columns: object
) -> Scan:
    """Insert a received scan. Its bytes are put into the store if one is given."""
    sha256 = blobs.put(data) if blobs else hashlib.sha256(data).hexdigest()
    values = {
        "name": "a.tif",
        "media_type": "image/tiff",
        "priority": Priority.LIVE,
        "pages_in": None,
        **columns,
    }
    row = connection.execute(
        "insert into scan (sha256, name, media_type, size, priority, pages_in)"
        " values (%(sha256)s, %(name)s, %(media_type)s, %(size)s, %(priority)s, %(pages_in)s) returning id",
        {"sha256": sha256, "size": len(data), **values},
    ).fetchone()
    assert row is not None
    return load_scan(connection, row["id"])


def a_patient(connection: Connection, mrn: str, given: str, family: str) -> PatientRef:
    """Insert a patient into the patient index."""
    row = connection.execute(
        "insert into patient (mrn, given, family) values (%s, %s, %s) returning id", [mrn, given, family]
    ).fetchone()
    assert row is not None
    return PatientRef(id=row["id"], mrn=mrn)


def a_page(number: int, text: str = "", **attributes: object) -> OcrPage:
    """Return a page that was read; its words are in one row."""
    words = tuple(
        Word(text=w, box=(50 * i, 0, 50 * i + 40, 20), confidence=0.9) for i, w in enumerate(text.split())
    )
    values = {
        "image": BLOB,
        "width": 850,
        "height": 1100,
        "confidence": 0.9,
        "pdf": BLOB,
        "preview": BLOB,
        **attributes,
    }
    return OcrPage(number=number, text=text, words=words, **values)  # type: ignore[arg-type]


def a_document(pages: Sequence[int], type: str = "progress_note", **fields: str) -> Document:
    """Return a document of these pages with its fields on the first."""
    found = tuple(
        Field(name=n, value=v, page=pages[0], box=(0, 0, 40, 20), confidence=0.8) for n, v in fields.items()
    )
    return Document(pages=tuple(pages), type=type, type_probability=0.97, fields=found)


def filed(document: Document, patient: PatientRef) -> Filed:
    """Return a filing that needs no review."""
    candidate = Candidate(patient=patient, probability=0.9999, weight=20.0)
    return Filed(document=document, patient=patient, probability=0.9999, candidates=(candidate,), reasons=())


def needs_review(document: Document, *reasons: Reason) -> NeedsReview:
    """Return a filing that needs review."""
    return NeedsReview(
        document=document, probability=None, candidates=(), reasons=reasons or (NO_PATIENT_NAMED,)
    )


def an_outcome(scan: Scan, texts: Sequence[str], *filings: Filing) -> Outcome:
    """Return the outcome of a scan whose pages have these texts; pages that are in no document are blank."""
    used = {number for filing in filings for number in filing.document.pages}
    pages = tuple(a_page(number, text) for number, text in enumerate(texts, 1))
    blank = tuple(page.number for page in pages if page.number not in used)
    segmentation = Segmentation(documents=tuple(filing.document for filing in filings), blank=blank)
    return Outcome(scan=scan, pages=pages, segmentation=segmentation, filings=filings)


def submitted_scan(connection: Connection, blobs: Blobs, *pages: str) -> Scan:
    """Insert a scan of pages with these texts, with its job in the queue."""
    scan = a_scan(connection, printed(*pages), blobs, pages_in=len(pages))
    enqueue_scan(connection, scan.id, Priority.LIVE)
    return scan


def until(done: Callable[[], object]) -> None:
    """Wait until it is done."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not done():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)


def printed(*pages: str) -> bytes:
    """Return a TIFF with a page for each text, printed large enough to be read at 100 dpi."""
    images = []
    for text in pages:
        image = Image.new("1", (600, 300), 1)
        ImageDraw.Draw(image).multiline_text(
            (30, 30), text, font=ImageFont.load_default(28), fill=0, spacing=12
        )
        images.append(image)
    out = io.BytesIO()
    images[0].save(out, "TIFF", save_all=True, append_images=images[1:], compression="group4", dpi=(100, 100))
    return out.getvalue()
