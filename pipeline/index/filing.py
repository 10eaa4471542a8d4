"""File a scan: all its pages, documents, fields, review items and decisions in one transaction, or nothing.

The blobs are stored before the transaction begins: a crash leaves an orphan object, never a row that names a
missing one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from psycopg.types.json import Jsonb

from pipeline.errors import Conflict, PageAccountingError
from pipeline.index.machine_result import CandidateJson, candidates_json, machine_result
from pipeline.records import (
    Document,
    Field,
    Filed,
    Filing,
    OcrPage,
    Outcome,
    PageKind,
    Reason,
    Scan,
    Segmentation,
)
from pipeline.store.database import Connection
from pipeline.store.page_json import barcodes_json, reasons_json, storable, unread_json, words_json
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
MACHINE = "machine"
"""The name under which the software's own decisions are recorded."""
NO_DOCUMENTS = Reason(
    code="no_documents", detail="No page of this scan has content: all are blank or separator sheets."
)


def commit(connection: Connection, outcome: Outcome, pdfs: Sequence[str]) -> bool:
    """Commit the outcome of processing a scan.

    Args:
        connection: The database.
        outcome: What processing found.
        pdfs: Object keys of the PDFs of the outcome's filings, in their order.

    Returns:
        False if the scan was closed before; nothing is written then.

    Raises:
        Conflict: A patient was removed in the meantime.
        PageAccountingError: A page would be in two documents.
    """
    scan = outcome.scan
    with translate_constraint_errors(), connection.transaction():
        row = connection.execute(SQL["lock_scan"], [scan.id]).fetchone()
        if row is None or row["status"] != "received":
            return False
        insert_pages(connection, scan, outcome.pages, outcome.segmentation)
        texts = {page.number: page.text for page in outcome.pages}
        for filing, pdf in zip(outcome.filings, pdfs, strict=True):
            insert_filing(connection, scan, filing, pdf, texts)
        if not outcome.filings:
            open_review(connection, scan, None, [NO_DOCUMENTS], [])
        connection.execute(SQL["delete_pending_pages"], [scan.id])
        connection.execute(SQL["finish_scan"], {"id": scan.id, "pages": len(outcome.pages)})
    return True


def add_pending_page(connection: Connection, scan: Scan, page: OcrPage, mrn: str | None = None) -> None:
    """Make a page of a large scan searchable before the scan is filed.

    Args:
        connection: The database.
        scan: The page's scan.
        page: The page.
        mrn: The patient's MRN, if the page is a patient cover sheet.
    """
    params = {"scan": scan.id, "number": page.number, "text": storable(page.text), "mrn": mrn}
    connection.execute(SQL["insert_pending_page"], params)


def insert_pages(
    connection: Connection, scan: Scan, pages: Sequence[OcrPage], segmentation: Segmentation
) -> None:
    """Insert a row for each page, with its kind."""
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["insert_page"],
            (  # created while they are sent: together they would take as much memory as the words of the scan
                {
                    "scan": scan.id,
                    "number": page.number,
                    "kind": page_kind(page, segmentation),
                    "image": page.image,
                    "pdf": page.pdf,
                    "preview": page.preview,
                    "width": page.width,
                    "height": page.height,
                    "rotation": page.rotation,
                    "skew": page.skew,
                    "confidence": page.confidence,
                    "problem": None if page.problem is None else storable(page.problem),
                    "notes": Jsonb(reasons_json(page.notes)),
                    "words": Jsonb(words_json(page.words)),
                    "codes": Jsonb(barcodes_json(page.barcodes)),
                    "unread": Jsonb(unread_json(page.unread)),
                }
                for page in pages
            ),
        )


def page_kind(page: OcrPage, segmentation: Segmentation) -> PageKind:
    """Return the kind that reconciliation counts a page as. A damaged page with words on it has content."""
    if page.problem is not None and not page.words:
        return PageKind.UNREADABLE
    if page.number in segmentation.blank:
        return PageKind.BLANK
    return PageKind.SEPARATOR if page.number in segmentation.separators else PageKind.CONTENT


def insert_filing(connection: Connection, scan: Scan, filing: Filing, pdf: str, texts: dict[int, str]) -> int:
    """Insert a document with the text of its pages, its fields, the software's decision and, if needed, its
    review.

    Returns:
        The document's ID.
    """
    document, filed = filing.document, isinstance(filing, Filed)
    result = machine_result(filing)
    values = {
        "scan": scan.id,
        "pages": list(document.pages),
        "status": result["status"],
        "type": document.type,
        "type_probability": document.type_probability,
        "patient": filing.patient.id if isinstance(filing, Filed) else None,
        "match_probability": filing.probability,
        "date_of_service": date_of_service(document),
        "pdf": pdf,
        "machine_result": Jsonb(result),
        "filed_by": MACHINE if filed else None,
    }
    row = connection.execute(SQL["insert_document"], values).fetchone()
    assert row is not None, "an insert with `returning` gives a row"
    document_id: int = row["id"]
    pages = [
        {"document": document_id, "scan": scan.id, "number": n, "position": i, "text": storable(texts[n])}
        for i, n in enumerate(document.pages, 1)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(SQL["insert_document_page"], pages)
        cursor.executemany(SQL["insert_field"], [field_values(document_id, f) for f in best_fields(document)])
    review = (
        None
        if filed
        else open_review(connection, scan, document_id, filing.reasons, candidates_json(filing.candidates))
    )
    after = {
        "status": result["status"],
        "type": result["type"],
        "patient": result["patient"],
        "pages": result["pages"],
    }
    connection.execute(
        SQL["insert_decision"], {"document": document_id, "review": review, "after": Jsonb(after)}
    )
    return document_id


def open_review(
    connection: Connection,
    scan: Scan,
    document: int | None,
    reasons: Sequence[Reason],
    candidates: list[CandidateJson],
) -> int:
    """Open a review item for a document, or for a scan without documents; return its ID."""
    values = {
        "scan": scan.id,
        "document": document,
        "reasons": Jsonb(reasons_json(reasons)),
        "candidates": Jsonb(candidates),
        "priority": scan.priority,
    }
    row = connection.execute(SQL["open_review"], values).fetchone()
    assert row is not None, "an insert with `returning` gives a row"
    return int(row["id"])


def best_fields(document: Document) -> list[Field]:
    """Return the most confident value of each field; the software's result has all of them."""
    best = (document.field(name) for name in dict.fromkeys(f.name for f in document.fields))
    return [field for field in best if field is not None]


def field_values(document: int, field: Field) -> dict[str, Any]:
    """Return the row of a field."""
    return {
        "document": document,
        "name": field.name,
        "value": storable(field.value),
        "page": field.page,
        "box": list(field.box),
        "confidence": field.confidence,
    }


def date_of_service(document: Document) -> date | None:
    """Return the document's date of service; None if it has none or an impossible one."""
    field = document.field("date_of_service")
    try:
        return date.fromisoformat(field.value) if field else None
    except ValueError:
        return None


@contextmanager
def translate_constraint_errors() -> Iterator[None]:
    """Raise the domain's errors for violated constraints."""
    try:
        yield
    except ForeignKeyViolation as error:
        raise Conflict(
            f"A row that this filing refers to was removed ({error.diag.constraint_name}).",
            "It is retried automatically.",
        ) from error
    except UniqueViolation as error:
        raise PageAccountingError(
            f"A page would be in two documents ({error.diag.constraint_name})."
        ) from error
    except CheckViolation as error:
        raise PageAccountingError(f"A value is out of range ({error.diag.constraint_name}).") from error
