"""Charts: finding a patient, reading what is filed, searching the text of all documents."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import NotFound
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Visiting
from pipeline.web.chart_timeline import timeline
from pipeline.web.rendering import page, person, type_name
from pipeline.web.review import review_item

SQL = statements("pipeline.web.routes")

router = APIRouter()

HITS = 50  # what a search shows; more words find fewer
CHART = 100  # documents of a chart on one page; the older ones are a step away, and its types narrow it down
SET = 500  # documents in one PDF
BESIDE = {"kinds": "chart_types", "waiting": "waiting_for_patient", "coming": "coming_for_patient"}

Words = Annotated[str, Query(max_length=200)]
Skipped = Annotated[int, Query(ge=0, le=1_000_000)]


@router.get("/patients", name="patients", response_class=HTMLResponse)
def patients(visit: Visiting, q: Words = "") -> Response:
    """Find a patient by MRN, name (as typed or misspelt) or birth date. A whole MRN leads straight to the
    chart.
    """
    found = visit.ask(lambda connection: review_item.find_patients(connection, q))
    visit.record(words=q, found=len(found))
    if len(found) == 1 and found[0]["mrn"] == q.strip():
        return RedirectResponse(f"/patients/{found[0]['id']}", 303)
    return page(visit, "patients.html", q=q, found=found)


@router.get("/patients.json", name="patients_json")
def patients_json(visit: Visiting, q: Words = "") -> list[dict[str, Any]]:
    """The same for a form that picks a patient."""
    found = visit.ask(lambda connection: review_item.find_patients(connection, q, most=12))
    visit.record(words=q, found=len(found))
    return [
        {
            "id": row["id"],
            "mrn": row["mrn"],
            "name": person(row),
            "dob": row["dob"],
            "sex": row["sex"],
            "city": row["city"],
        }
        for row in found
    ]


@router.get("/patients/{patient}", name="chart", response_class=HTMLResponse)
def chart(
    visit: Visiting, patient: int, type: Annotated[str | None, Query(max_length=60)] = None, skip: Skipped = 0
) -> HTMLResponse:
    """A patient's chart: what is filed, newest first, and what waits for a person and may belong here."""
    given = {"patient": patient, "type": type or None, "limit": CHART + 1, "skip": skip}
    row, documents, beside = visit.ask(
        lambda connection: (
            review_item.patient_of(connection, patient),
            connection.execute(SQL["chart"], given).fetchall(),
            {
                what: connection.execute(SQL[name], {"patient": patient}).fetchall()
                for what, name in BESIDE.items()
            },
        )
    )
    if row is None:
        raise NotFound(f"There is no patient {patient}.", "Search for the name or the MRN.")
    visit.record(patient=patient)
    return page(
        visit,
        "chart.html",
        patient=row,
        sections=timeline(documents[:CHART]),
        more=len(documents) > CHART,
        kinds=beside["kinds"],
        waiting=beside["waiting"],
        coming=beside["coming"],
        type=type or None,
        limit=CHART,
        skip=skip,
    )


@router.get("/patients/{patient}/set.pdf", name="chart_pdf", response_class=Response)
def chart_pdf(
    visit: Visiting, patient: int, document: Annotated[list[int], Query(min_length=1, max_length=SET)]
) -> Response:
    """These documents of the chart as one PDF, in its order, with an entry for each in the outline."""
    from pipeline.ocr.output.searchable_pdf import document_pdf

    given = {"patient": patient, "documents": document}
    rows = visit.ask(lambda connection: connection.execute(SQL["chart_set"], given).fetchall())
    if len(rows) != len(set(document)):
        raise NotFound("One of these documents is not in this chart.", "Load the chart again.")
    for row in rows:
        visit.record(patient=patient, document=row["id"], scan=row["scan_id"], how="set")
    blobs, first = visit.desk.blobs(), 1
    outline: list[tuple[int, str]] = []
    for row in rows:
        outline.append((first, f"{type_name(row['type'])} {row['date_of_service'] or ''}".strip()))
        first += len(row["pages"])
    pdf = document_pdf([blobs.get(row["pdf"]) for row in rows], title="Documents of a chart", outline=outline)
    return Response(
        pdf,
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="chart-{patient}.pdf"'},
    )


@router.get("/search", name="search", response_class=HTMLResponse)
def search(
    visit: Visiting, q: Words = "", type: Annotated[str, Query(max_length=60)] = "", patient: Words = ""
) -> HTMLResponse:
    """Find documents by what is written on their pages."""
    from pipeline.index import search as index

    hits: list[index.Hit] = []
    coming: list[index.Arriving] = []
    message = ""
    try:
        if q.strip():
            narrowed = {"patient": patient or None, "type": type or None}
            hits = visit.ask(lambda connection: index.search(connection, q, **narrowed, limit=HITS))
        if q.strip() and not patient and not type:  # of a page that is still being read, neither is known
            coming = visit.ask(lambda connection: index.arriving(connection, q, limit=HITS))
    except NotFound as error:
        message = str(error)
    visit.record(words=q, type=type, mrn=patient, found=len(hits), coming=len(coming))
    return page(
        visit,
        "search.html",
        q=q,
        type=type,
        patient=patient,
        hits=hits,
        coming=coming,
        limit=HITS,
        message=message,
    )
