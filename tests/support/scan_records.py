"""What the tests of filing, searching and working share: scans, outcomes made by hand, small pages with print
on them.
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

SECONDS = 60.0  # a test that waits longer has failed
BLOB = "0" * 64
WHY = Reason(code="no_patient_named", detail="Nobody is named.")


def a_scan(
    connection: Connection, data: bytes = b"scan", blobs: Blobs | None = None, **given: object
) -> Scan:
    """A scan that was received, its bytes in the store where one is given."""
    sha256 = blobs.put(data) if blobs else hashlib.sha256(data).hexdigest()
    values = {
        "name": "a.tif",
        "media_type": "image/tiff",
        "priority": Priority.LIVE,
        "pages_in": None,
        **given,
    }
    row = connection.execute(
        "insert into scan (sha256, name, media_type, size, priority, pages_in)"
        " values (%(sha256)s, %(name)s, %(media_type)s, %(size)s, %(priority)s, %(pages_in)s) returning id",
        {"sha256": sha256, "size": len(data), **values},
    ).fetchone()
    assert row is not None
    return load_scan(connection, row["id"])


def a_patient(connection: Connection, mrn: str, given: str, family: str) -> PatientRef:
    """A patient of the index."""
    row = connection.execute(
        "insert into patient (mrn, given, family) values (%s, %s, %s) returning id", [mrn, given, family]
    ).fetchone()
    assert row is not None
    return PatientRef(id=row["id"], mrn=mrn)


def a_page(number: int, text: str = "", **given: object) -> OcrPage:
    """A page that was read; its words stand in a row."""
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
        **given,
    }
    return OcrPage(number=number, text=text, words=words, **values)  # type: ignore[arg-type]


def a_document(pages: Sequence[int], type: str = "progress_note", **fields: str) -> Document:
    """A document of these pages with fields on the first."""
    found = tuple(
        Field(name=n, value=v, page=pages[0], box=(0, 0, 40, 20), confidence=0.8) for n, v in fields.items()
    )
    return Document(pages=tuple(pages), type=type, type_probability=0.97, fields=found)


def filed(document: Document, patient: PatientRef) -> Filed:
    """A filing that needs nobody."""
    who = Candidate(patient=patient, probability=0.9999, weight=20.0)
    return Filed(document=document, patient=patient, probability=0.9999, candidates=(who,), reasons=())


def doubted(document: Document, *reasons: Reason) -> NeedsReview:
    """A filing that a person must make."""
    return NeedsReview(document=document, probability=None, candidates=(), reasons=reasons or (WHY,))


def an_outcome(scan: Scan, texts: Sequence[str], *filings: Filing) -> Outcome:
    """What processing made of a scan whose pages bear these texts; pages of no document are blank."""
    used = {number for filing in filings for number in filing.document.pages}
    pages = tuple(a_page(number, text) for number, text in enumerate(texts, 1))
    blank = tuple(page.number for page in pages if page.number not in used)
    sorting = Segmentation(documents=tuple(filing.document for filing in filings), blank=blank)
    return Outcome(scan=scan, pages=pages, segmentation=sorting, filings=filings)


def handed_in(connection: Connection, blobs: Blobs, *pages: str) -> Scan:
    """A scan of pages with these texts, with its job in the queue."""
    scan = a_scan(connection, printed(*pages), blobs, pages_in=len(pages))
    enqueue_scan(connection, scan.id, Priority.LIVE)
    return scan


def until(done: Callable[[], object]) -> None:
    """Wait for it."""
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def printed(*pages: str) -> bytes:
    """A TIFF with a page for each text, printed large enough to be read at 100 dpi."""
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
