"""Charts: finding a patient, reading the filed documents, and searching the text of all documents."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import NotFound
from pipeline.index.query_text import MAX_QUERY_CHARS
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.chart_timeline import group_documents
from pipeline.web.rendering import person_name, render_page, type_name
from pipeline.web.review import review_item
from pipeline.web.review.review_item import Row

SQL = statements("pipeline.web.routes")

router = APIRouter()

MAX_HITS = 50  # a search with more words finds fewer documents
MAX_PATIENT_SUGGESTIONS = 12
DOCUMENTS_PER_PAGE = 100  # of a chart; its types narrow it down
MAX_DOCUMENTS_PER_PDF = 500

Words = Annotated[str, Query(max_length=MAX_QUERY_CHARS)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
DocumentIds = Annotated[list[int], Query(min_length=1, max_length=MAX_DOCUMENTS_PER_PDF)]


@router.get("/patients", name="patients", response_class=HTMLResponse)
def patients(context: Context, q: Words = "") -> Response:
    """Find patients by MRN, name or date of birth. A complete MRN opens the chart directly."""
    rows = _find_patients(context, q, review_item.MAX_PATIENTS_FOUND)
    if len(rows) == 1 and rows[0]["mrn"] == q.strip():
        return RedirectResponse(f"/patients/{rows[0]['id']}", 303)
    return render_page(context, "patients.html", q=q, patients=rows)


@router.get("/patients.json", name="patients_json")
def patients_json(context: Context, q: Words = "") -> list[dict[str, Any]]:
    """Find patients for a form that chooses one. `born` is the date of birth as it is shown."""
    return [
        {
            "id": row["id"],
            "mrn": row["mrn"],
            "name": person_name(row),
            "dob": row["dob"],
            "born": context.app.dates.format_date(row["dob"]),
            "sex": row["sex"],
            "city": row["city"],
        }
        for row in _find_patients(context, q, MAX_PATIENT_SUGGESTIONS)
    ]


def _find_patients(context: RequestContext, q: str, limit: int) -> list[Row]:
    query = context.app.dates.dates_to_iso(q)
    rows = context.run_query(lambda connection: review_item.find_patients(connection, query, limit))
    context.record(query=q, results=len(rows))
    return rows


@router.get("/patients/{patient}", name="chart", response_class=HTMLResponse)
def chart(
    context: Context,
    patient: int,
    type: Annotated[str | None, Query(max_length=60)] = None,
    offset: Offset = 0,
) -> HTMLResponse:
    """Show a patient's chart: the filed documents, newest first, and those in review or still being read that
    may belong to it.
    """

    def load(connection: Connection) -> dict[str, Any]:
        params = {
            "patient": patient,
            "type": type or None,
            "limit": DOCUMENTS_PER_PAGE + 1,
            "offset": offset,
        }
        return {
            "patient": review_item.load_patient(connection, patient),
            "documents": connection.execute(SQL["chart"], params).fetchall(),
            "types_in_chart": connection.execute(SQL["chart_types"], params).fetchall(),
            "in_review": connection.execute(SQL["in_review_for_patient"], params).fetchall(),
            "pending": connection.execute(SQL["pending_for_patient"], params).fetchall(),
        }

    data = context.run_query(load)
    if data["patient"] is None:
        raise NotFound(f"There is no patient {patient}.", "Search for the name or the MRN.")
    context.record(patient=patient)
    documents = data.pop("documents")
    return render_page(
        context,
        "chart.html",
        **data,
        sections=group_documents(documents[:DOCUMENTS_PER_PAGE]),
        has_more=len(documents) > DOCUMENTS_PER_PAGE,
        type=type or None,
        limit=DOCUMENTS_PER_PAGE,
        offset=offset,
    )


@router.get("/patients/{patient}/selection.pdf", name="chart_pdf", response_class=Response)
def chart_pdf(context: Context, patient: int, document: DocumentIds) -> Response:
    """Return the selected documents as one PDF, in the order of the chart, with a bookmark for each."""
    from pipeline.ocr.output.searchable_pdf import document_pdf

    params = {"patient": patient, "documents": document}
    rows = context.run_query(lambda connection: connection.execute(SQL["chart_set"], params).fetchall())
    if len(rows) != len(set(document)):
        raise NotFound(
            "One of these documents is no longer in this chart.", "Reload the chart and select again."
        )
    for row in rows:
        context.record(patient=patient, document=row["id"], scan=row["scan_id"], how="selection")
    outline: list[tuple[int, str]] = []
    first_page = 1
    for row in rows:
        date_of_service = context.app.dates.format_date(row["date_of_service"])
        outline.append((first_page, f"{type_name(row['type'])} {date_of_service}".strip()))
        first_page += len(row["pages"])
    blobs = context.app.blobs()
    pdf = document_pdf([blobs.get(row["pdf"]) for row in rows], title="Documents of a chart", outline=outline)
    return Response(
        pdf,
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="chart-{patient}.pdf"'},
    )


@router.get("/search", name="search", response_class=HTMLResponse)
def search(
    context: Context, q: Words = "", type: Annotated[str, Query(max_length=60)] = "", patient: Words = ""
) -> HTMLResponse:
    """Find documents by the words on their pages."""
    from pipeline.index import search as index

    hits: list[index.Hit] = []
    pending: list[index.PendingHit] = []
    message = ""
    query = context.app.dates.dates_to_iso(q)
    try:
        if query:
            filters = {"patient": patient or None, "type": type or None}
            hits = context.run_query(
                lambda connection: index.search(connection, query, **filters, limit=MAX_HITS)
            )
        if query and not patient and not type:  # both are unknown for a page that is still being read
            pending = context.run_query(
                lambda connection: index.search_pending(connection, query, limit=MAX_HITS)
            )
    except NotFound as error:
        message = str(error)
    context.record(query=q, type=type, mrn=patient, results=len(hits), pending=len(pending))
    return render_page(
        context,
        "search.html",
        q=q,
        type=type,
        patient=patient,
        hits=hits,
        pending=pending,
        limit=MAX_HITS,
        message=message,
    )
