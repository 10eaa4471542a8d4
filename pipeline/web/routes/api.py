"""The same pages for programs: JSON under /api/v1, described by /api/v1/openapi.json, with a token for each
client.

A token acts for its account: the same table of roles, the same claims and revisions, the same audit. No
cookie is read here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from pipeline import __version__
from pipeline.config import document_types
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Visit, Visiting
from pipeline.web.review import review_item, review_queue
from pipeline.web.review.review_queue import Filters
from pipeline.web.routes import api_decisions
from pipeline.web.routes.api_models import (
    PREFIX,
    RESPONSES,
    Document,
    Hit,
    Id,
    Item,
    ItemWithDocument,
    Patient,
    PatientRef,
    Value,
    Words,
)

SQL = statements("pipeline.web.routes")

router = APIRouter(prefix=PREFIX, tags=["api"], responses=RESPONSES)


@router.get("/openapi.json", name="api_openapi", include_in_schema=False)
def openapi() -> dict[str, Any]:
    """The description of these routes."""
    from fastapi.openapi.utils import get_openapi

    routes = [*router.routes, *api_decisions.router.routes]
    found = get_openapi(title="Chartloom", version=__version__, openapi_version="3.1.0", routes=routes)
    found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    return found


@router.get("/queue", name="api_queue")
def queue(
    visit: Visiting,
    reason: Annotated[str | None, Query(max_length=40)] = None,
    type: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Item]:
    """Open items, in the order in which they are given out."""
    visit.record(limit=limit)
    return [
        _item(row)
        for row in review_queue.open_items(visit.connection, Filters(reason=reason, type=type), limit)
    ]


@router.post("/queue/next", name="api_next")
def next_item(visit: Visiting) -> Item | None:
    """Take the next item; null where the queue is empty."""
    minutes = visit.desk.settings.web.lease_minutes
    item = review_queue.claim_next(visit.connection, visit.account.name, Filters(), minutes)
    visit.record(item=item)
    return None if item is None else _item(review_item.item_of(visit.connection, item))


@router.get("/items/{item}", name="api_item")
def item(visit: Visiting, item: Id) -> ItemWithDocument:
    """An item with the document that it is about and the patients whom it may be about (nobody while values
    are typed blind).
    """
    row = review_item.item_of(visit.connection, item)
    visit.record(document=row["document_id"], scan=row["scan_id"], item=item)
    subject = None if row["document_id"] is None else _document(visit, row["document_id"])
    blind = row["document_id"] is not None and bool(review_item.unseen(visit, row["document_id"]))
    return ItemWithDocument(
        **_item(row).model_dump(), candidates=[] if blind else row["candidates"], subject=subject
    )


@router.post("/items/{item}/claim", name="api_claim")
def claim(visit: Visiting, item: Id) -> Item:
    """Take this item, or renew the lease on it."""
    review_queue.claim(visit.connection, item, visit.account.name, visit.desk.settings.web.lease_minutes)
    visit.record(item=item)
    return _item(review_item.item_of(visit.connection, item))


@router.post("/items/{item}/release", name="api_release")
def release(visit: Visiting, item: Id) -> Item:
    """Give the item back."""
    review_queue.release(visit.connection, item, visit.account.name)
    visit.record(item=item)
    return _item(review_item.item_of(visit.connection, item))


@router.get("/patients", name="api_patients")
def patients(visit: Visiting, q: Words) -> list[Patient]:
    """Patients by MRN, name (as typed or misspelt) or birth date."""
    found = review_item.find_patients(visit.connection, q)
    visit.record(words=q, found=len(found))
    return [Patient(**{name: row[name] for name in Patient.model_fields}) for row in found]


@router.get("/patients/{patient}/documents", name="api_chart")
def chart(visit: Visiting, patient: Id) -> list[int]:
    """The ids of the documents filed in a chart, newest first."""
    rows = visit.connection.execute(
        SQL["chart"], {"patient": patient, "type": None, "limit": 500, "skip": 0}
    ).fetchall()
    visit.record(patient=patient)
    return [row["id"] for row in rows]


@router.get("/documents/{document}", name="api_document")
def document(visit: Visiting, document: Id) -> Document:
    """A document and its index fields."""
    found = _document(visit, document)
    visit.record(patient=found.patient, document=document, scan=found.scan)
    return found


@router.get(
    "/documents/{document}/file.pdf",
    name="api_document_pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
def document_pdf(visit: Visiting, document: Id) -> Response:
    """The searchable PDF."""
    row = review_item.document_of(visit.connection, document)
    visit.record(patient=row["patient_id"], document=document, scan=row["scan_id"], how="api")
    return Response(visit.desk.blobs().get(row["pdf"]), media_type="application/pdf")


@router.get("/search", name="api_search")
def search(visit: Visiting, q: Words, type: Annotated[str | None, Query(max_length=60)] = None) -> list[Hit]:
    """Documents by the words on their pages, by MRN, name, day or id."""
    from pipeline.index.search import search as find

    hits = find(visit.connection, q, type=type) if q.strip() else []
    visit.record(words=q, type=type, found=len(hits))
    return [
        Hit(
            document=hit.document,
            status=hit.status,
            type=hit.type,
            patient=PatientRef(id=hit.patient.id, mrn=hit.patient.mrn) if hit.patient else None,
            date_of_service=hit.date_of_service,
            page=hit.page,
            why=hit.why,
        )
        for hit in hits
    ]


def _item(row: dict[str, Any]) -> Item:
    held = row["held_by"] if "held_by" in row else row["claimed_by"] if row["held"] else None
    return Item(
        id=row["id"],
        scan=row["scan_id"],
        document=row["document_id"],
        priority=row["priority"],
        opened_at=row["opened_at"],
        reasons=row["reasons"],
        held_by=held,
    )


def _document(visit: Visit, document: int) -> Document:
    row = review_item.document_of(visit.connection, document)
    kind = document_types().get(row["type"])
    blind = review_item.unseen(visit, document)
    values = [value for value in review_item.values_of(visit.connection, row) if value.name not in blind]
    return Document(
        id=row["id"],
        scan=row["scan_id"],
        pages=row["pages"],
        status=row["status"],
        type=row["type"],
        loinc=kind.loinc if kind else None,
        type_probability=row["type_probability"],
        patient=row["patient_id"],
        date_of_service=row["date_of_service"],
        revision=row["revision"],
        filed_by=row["filed_by"],
        fields=[
            Value(**{name: getattr(value, name) for name in Value.model_fields})
            for value in values
            if value.value
        ],
    )
