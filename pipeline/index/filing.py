"""Filing a scan: one transaction for all its pages, documents, fields, reviews and decisions, or nothing of
it.

The blobs are in the store before the transaction begins: a crash leaves an orphan object, never a row that
names nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from psycopg.types.json import Jsonb

from pipeline.errors import Conflict, PagesDoNotAddUp
from pipeline.index.machine_result import answer_json, candidates_json
from pipeline.records import Document, Field, Filed, Filing, OcrPage, Outcome, PageKind, Reason, Scan, Sorting
from pipeline.store.database import Connection
from pipeline.store.page_json import barcodes_json, reasons_json, storable, words_json
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
MACHINE = "machine"
NO_DOCUMENTS = Reason(
    code="no_documents", detail="No page of this scan has content: all are blank or separator sheets."
)


def commit(connection: Connection, outcome: Outcome, pdfs: Sequence[str]) -> bool:
    """File an outcome; `pdfs` are the objects of its filings' PDFs, in their order. False where the scan was
    closed before.

    Raises Conflict where a patient is gone in the meantime, PagesDoNotAddUp where a page would be in two
    documents."""
    scan = outcome.scan
    with violations_are_errors(), connection.transaction():
        row = connection.execute(SQL["lock_scan"], [scan.id]).fetchone()
        if row is None or row["status"] != "received":
            return False
        insert_pages(connection, scan, outcome.pages, outcome.sorting)
        texts = {page.number: page.text for page in outcome.pages}
        for filing, pdf in zip(outcome.filings, pdfs, strict=True):
            insert_filing(connection, scan, filing, pdf, texts)
        if not outcome.filings:
            open_review(connection, scan, None, [NO_DOCUMENTS], [])
        connection.execute(SQL["pages_have_arrived"], [scan.id])
        connection.execute(SQL["finish_scan"], {"id": scan.id, "pages": len(outcome.pages)})
    return True


def arrive(connection: Connection, scan: Scan, page: OcrPage, mrn: str | None = None) -> None:
    """Let a page of a large scan be found before the scan is filed. `mrn`: the patient's, where it is a
    patient's cover sheet.
    """
    given = {"scan": scan.id, "number": page.number, "text": storable(page.text), "mrn": mrn}
    connection.execute(SQL["arrive"], given)


def insert_pages(connection: Connection, scan: Scan, pages: Sequence[OcrPage], sorting: Sorting) -> None:
    """A row for each page, with what became of it."""
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["insert_page"],
            (  # made as they are sent: together they would take as much memory as the scan's words
                {
                    "scan": scan.id,
                    "number": page.number,
                    "kind": kind_of(page, sorting),
                    "image": page.image,
                    "pdf": page.pdf,
                    "preview": page.preview,
                    "width": page.width,
                    "height": page.height,
                    "rotation": page.rotation,
                    "skew": page.skew,
                    "confidence": page.confidence,
                    "problem": None if page.problem is None else storable(page.problem),
                    "words": Jsonb(words_json(page.words)),
                    "codes": Jsonb(barcodes_json(page.barcodes)),
                }
                for page in pages
            ),
        )


def kind_of(page: OcrPage, sorting: Sorting) -> PageKind:
    """What became of a page, for the ledger. A damaged page that still has words on it has content."""
    if page.problem is not None and not page.words:
        return PageKind.UNREADABLE
    if page.number in sorting.blank:
        return PageKind.BLANK
    return PageKind.SEPARATOR if page.number in sorting.separators else PageKind.CONTENT


def insert_filing(
    connection: Connection, scan: Scan, filing: Filing, pdf: str, texts: dict[int, str]
) -> None:
    """A document with its pages' text, its fields, the machine's decision and, where it doubts, the
    review.
    """
    document, filed = filing.document, isinstance(filing, Filed)
    answer = answer_json(filing)
    values = {
        "scan": scan.id,
        "pages": list(document.pages),
        "status": answer["status"],
        "type": document.type,
        "type_probability": document.type_probability,
        "patient": filing.patient.id if isinstance(filing, Filed) else None,
        "match_probability": filing.probability,
        "date_of_service": date_of_service(document),
        "pdf": pdf,
        "machine": Jsonb(answer),
        "filed_by": MACHINE if filed else None,
    }
    row = connection.execute(SQL["insert_document"], values).fetchone()
    assert row is not None, "an insert with `returning` gives a row"
    key: int = row["id"]
    pages = [
        {"document": key, "scan": scan.id, "number": n, "position": i, "text": storable(texts[n])}
        for i, n in enumerate(document.pages, 1)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(SQL["insert_document_page"], pages)
        cursor.executemany(SQL["insert_field"], [field_values(key, f) for f in best_fields(document)])
    review = (
        None
        if filed
        else open_review(connection, scan, key, filing.reasons, candidates_json(filing.candidates))
    )
    after = {name: answer[name] for name in ("status", "type", "patient", "pages")}
    connection.execute(SQL["insert_decision"], {"document": key, "review": review, "after": Jsonb(after)})


def open_review(
    connection: Connection,
    scan: Scan,
    document: int | None,
    reasons: Sequence[Reason],
    candidates: list[dict[str, Any]],
) -> int:
    """Put a document, or a scan that has none, before a person; the item's id."""
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
    """Of each name the most confident value; all of them stand in the machine's answer."""
    best = (document.field(name) for name in dict.fromkeys(f.name for f in document.fields))
    return [field for field in best if field is not None]


def field_values(document: int, field: Field) -> dict[str, Any]:
    """The row of a field."""
    return {
        "document": document,
        "name": field.name,
        "value": storable(field.value),
        "page": field.page,
        "box": list(field.box),
        "confidence": field.confidence,
    }


def date_of_service(document: Document) -> date | None:
    """The day the document is about; None where it names none or an impossible one."""
    field = document.field("date_of_service")
    try:
        return date.fromisoformat(field.value) if field else None
    except ValueError:
        return None


@contextmanager
def violations_are_errors() -> Iterator[None]:
    """What Postgres refuses, in the words of the domain."""
    try:
        yield
    except ForeignKeyViolation as error:
        raise Conflict(
            f"A row that this filing names is gone ({error.diag.constraint_name}).", "It is tried again."
        ) from error
    except UniqueViolation as error:
        raise PagesDoNotAddUp(f"A page would be in two documents ({error.diag.constraint_name}).") from error
    except CheckViolation as error:
        raise PagesDoNotAddUp(f"A value is out of its range ({error.diag.constraint_name}).") from error
