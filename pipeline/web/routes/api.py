"""The JSON API under /api/v1: the queue, items, patients, documents and search.

/api/v1/openapi.json describes it. A client sends a token, which acts for its account under the same
permissions, claims, revisions and audit as the pages. Cookies are ignored."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from pipeline import __version__
from pipeline.config import document_types
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.review import review_item, review_queue
from pipeline.web.review.review_item import ReviewItem
from pipeline.web.review.review_queue import Filters, QueueItem
from pipeline.web.routes import api_decisions
from pipeline.web.routes.api_models import (
    PREFIX,
    RESPONSES,
    Candidate,
    Document,
    Hit,
    Id,
    Item,
    ItemWithDocument,
    Patient,
    PatientRef,
    Reason,
    Value,
    Words,
)

SQL = statements("pipeline.web.routes")

router = APIRouter(prefix=PREFIX, tags=["api"], responses=RESPONSES)

MAX_CHART_DOCUMENTS = 500


@router.get("/openapi.json", name="api_openapi", include_in_schema=False)
def openapi() -> dict[str, Any]:
    """Return the OpenAPI description of the JSON API."""
    from fastapi.openapi.utils import get_openapi

    routes = [*router.routes, *api_decisions.router.routes]
    description = get_openapi(title="Chartloom", version=__version__, openapi_version="3.1.0", routes=routes)
    description["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    description["security"] = [{"token": []}]
    return description


@router.get("/queue", name="api_queue")
def queue(
    context: Context,
    reason: Annotated[str | None, Query(max_length=40)] = None,
    type: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Item]:
    """Return open items, in the order in which they are assigned."""
    context.record(limit=limit)
    rows = review_queue.open_items(context.connection, _filters(context, reason, type), limit)
    return [_item_model(row) for row in rows]


@router.post("/queue/next", name="api_next")
def next_item(context: Context) -> Item | None:
    """Claim the next item; null if no item is free."""
    minutes = context.app.settings.web.claim_lease_minutes
    item = review_queue.claim_next(context.connection, context.account.name, _filters(context), minutes)
    context.record(item=item)
    return None if item is None else _item_model(review_item.load_item(context.connection, item))


@router.get("/items/{item}", name="api_item")
def item(context: Context, item: Id) -> ItemWithDocument:
    """Return an item with its document and its candidates (none while values are typed blind)."""
    row = review_item.load_item(context.connection, item)
    context.record(document=row.document_id, scan=row.scan_id, item=item)
    subject = None if row.document_id is None else _document_model(context, row.document_id)
    blind = row.document_id is not None and bool(review_item.hidden_fields(context, row.document_id))
    candidates = [] if blind else [Candidate.model_validate(candidate) for candidate in row.candidates]
    return ItemWithDocument(**_item_model(row).model_dump(), candidates=candidates, subject=subject)


@router.post("/items/{item}/claim", name="api_claim")
def claim(context: Context, item: Id) -> Item:
    """Claim this item, or renew the claim."""
    minutes = context.app.settings.web.claim_lease_minutes
    review_queue.claim(context.connection, item, context.account.name, minutes)
    context.record(item=item)
    return _item_model(review_item.load_item(context.connection, item))


@router.post("/items/{item}/release", name="api_release")
def release(context: Context, item: Id) -> Item:
    """Release the item."""
    review_queue.release(context.connection, item, context.account.name)
    context.record(item=item)
    return _item_model(review_item.load_item(context.connection, item))


@router.get("/patients", name="api_patients")
def patients(context: Context, q: Words) -> list[Patient]:
    """Return patients by MRN, name (spelling variants are found) or date of birth."""
    rows = review_item.find_patients(context.connection, q)
    context.record(query=q, results=len(rows))
    return [Patient(**{name: row[name] for name in Patient.model_fields}) for row in rows]


@router.get("/patients/{patient}/documents", name="api_chart")
def chart(context: Context, patient: Id) -> list[int]:
    """Return the ids of the documents filed in a chart, newest first."""
    params = {"patient": patient, "type": None, "limit": MAX_CHART_DOCUMENTS, "offset": 0}
    rows = context.connection.execute(SQL["chart"], params).fetchall()
    context.record(patient=patient)
    return [row["id"] for row in rows]


@router.get("/documents/{document}", name="api_document")
def document(context: Context, document: Id) -> Document:
    """Return a document and its index fields."""
    model = _document_model(context, document)
    context.record(patient=model.patient, document=document, scan=model.scan)
    return model


@router.get(
    "/documents/{document}/file.pdf",
    name="api_document_pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
def document_pdf(context: Context, document: Id) -> Response:
    """Return the searchable PDF."""
    row = review_item.load_visible_document(context, document)
    context.record(patient=row.patient_id, document=document, scan=row.scan_id, how="api")
    return Response(context.app.blobs().get(row.pdf), media_type="application/pdf")


@router.get("/search", name="api_search")
def search(context: Context, q: Words, type: Annotated[str | None, Query(max_length=60)] = None) -> list[Hit]:
    """Return documents by the words on their pages, by MRN, name, date or id."""
    from pipeline.index.search import search as find

    hits = find(context.connection, q, type=type) if q.strip() else []
    context.record(query=q, type=type, results=len(hits))
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


def _filters(context: RequestContext, reason: str | None = None, type: str | None = None) -> Filters:
    """Return the wanted items, only those of the token's source and department."""
    token = context.token
    return Filters(
        reason=reason,
        type=type,
        source=token.source if token else None,
        department=token.department if token else None,
    )


def _item_model(row: QueueItem | ReviewItem) -> Item:
    return Item(
        id=row.id,
        scan=row.scan_id,
        document=row.document_id,
        priority=row.priority,
        opened_at=row.opened_at,
        reasons=[Reason(**reason) for reason in row.reasons],
        held_by=row.held_by,
    )


def _document_model(context: RequestContext, document: int) -> Document:
    row = review_item.load_visible_document(context, document)
    document_type = document_types().get(row.type)
    hidden = review_item.hidden_fields(context, document)
    values = [
        value
        for value in review_item.field_values(context.connection, row)
        if value.value and value.name not in hidden
    ]
    return Document(
        id=row.id,
        scan=row.scan_id,
        pages=row.pages,
        status=row.status,
        type=row.type,
        loinc=document_type.loinc if document_type else None,
        type_probability=row.type_probability,
        patient=row.patient_id,
        date_of_service=row.date_of_service,
        revision=row.revision,
        filed_by=row.filed_by,
        fields=[Value(**{name: getattr(value, name) for name in Value.model_fields}) for value in values],
    )
