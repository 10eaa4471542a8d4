"""A document: its pages on the screen, its searchable PDF, its history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import NotFound
from pipeline.index import document_actions
from pipeline.index.document_actions import Sight
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Visiting
from pipeline.web.rendering import page
from pipeline.web.review import review_item
from pipeline.web.review.zonal_ocr import read_within, words_within
from pipeline.web.search_highlights import Hit, hits_on

SQL = statements("pipeline.web.routes")

router = APIRouter()

KINDS = ((b"\xff\xd8", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"))
KEPT_SECONDS = (
    900  # a page's picture stays in the browser for as long as an idle session; signing out clears it
)


@router.get("/documents/{document}", name="document", response_class=HTMLResponse)
def document(visit: Visiting, document: int, q: Annotated[str, Query(max_length=200)] = "") -> HTMLResponse:
    """A document's pages, values and history; the words of `q` are marked on the pages."""
    connection = visit.connection
    row = review_item.document_of(connection, document)
    pages = review_item.pages_of(connection, document=document)
    visit.record(patient=row["patient_id"], document=document, scan=row["scan_id"])
    unseen = review_item.unseen(visit, document)
    hits: dict[int, list[Hit]] = {}
    for entry in pages if q.strip() else []:
        words = connection.execute(
            SQL["words_of_page"], {"scan": row["scan_id"], "number": entry["number"]}
        ).fetchone()
        hits[entry["number"]] = hits_on(words["words"] if words else [], q)
    return page(
        visit,
        "document.html",
        document=row,
        pages=pages,
        patient=review_item.patient_of(connection, row["patient_id"]),
        values=[
            value
            for value in review_item.values_of(connection, row)
            if value.name not in unseen and (value.value or value.machine)
        ],
        history=connection.execute(SQL["decisions_of_document"], {"id": document}).fetchall(),
        beside=connection.execute(
            SQL["beside_in_chart"], {"patient": row["patient_id"], "document": document}
        ).fetchone(),
        open_item=review_item.open_item_of(connection, document),
        q=q,
        hits=hits,
    )


@router.get("/documents/{document}/file.pdf", name="document_pdf", response_class=Response)
def document_pdf(visit: Visiting, document: int, print: bool = False) -> Response:
    """The searchable PDF: to keep, or (`print`) to open and print."""
    row = review_item.document_of(visit.connection, document)
    visit.record(
        patient=row["patient_id"],
        document=document,
        scan=row["scan_id"],
        how="print" if print else "download",
    )
    name = f"document-{document}.pdf"  # a file's name travels: it says nothing about the patient
    how = "inline" if print else "attachment"
    headers = {
        "Content-Disposition": f'{how}; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(visit.desk.blobs().get(row["pdf"]), media_type="application/pdf", headers=headers)


@router.get("/scans/{scan}/pages/{number}/preview", name="page_preview", response_class=Response)
def page_preview(request: Request, visit: Visiting, scan: int, number: int) -> Response:
    """The picture of a page for the screen."""
    row = visit.connection.execute(SQL["page"], {"scan": scan, "number": number}).fetchone()
    if row is None or row["preview"] is None:
        raise NotFound(f"There is no picture of page {number}.")
    visit.record(patient=row["patient_id"], document=row["document_id"], scan=scan, page=number)
    headers = {"ETag": f'"{row["preview"]}"', "Cache-Control": f"private, max-age={KEPT_SECONDS}"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    data = visit.desk.blobs().get(row["preview"])
    kind = next((kind for magic, kind in KINDS if data.startswith(magic)), "application/octet-stream")
    return Response(data, media_type=kind, headers=headers)


@router.get("/scans/{scan}/pages/{number}/text", name="page_text")
def page_text(visit: Visiting, scan: int, number: int, x0: int, y0: int, x1: int, y1: int) -> dict[str, str]:
    """The text under a box in pixels of the upright page: {"text", "by": "page" or "zone"}."""
    connection = visit.connection
    row = connection.execute(SQL["page"], {"scan": scan, "number": number}).fetchone()
    if row is None or row["preview"] is None or not row["width"]:
        raise NotFound(f"There is no picture of page {number}.")
    visit.record(patient=row["patient_id"], document=row["document_id"], scan=scan, page=number)
    box = (max(0, x0), max(0, y0), min(x1, row["width"]), min(y1, row["height"]))
    if box[0] >= box[2] or box[1] >= box[3]:
        return {"text": "", "by": "page"}
    known = connection.execute(SQL["words_of_page"], {"scan": scan, "number": number}).fetchone()
    text = words_within(known["words"] if known else [], box)
    if text:
        return {"text": text, "by": "page"}
    preview = visit.desk.blobs().get(row["preview"])
    text = read_within(preview, (row["width"], row["height"]), box, visit.desk.settings.ocr, row["turn"])
    return {"text": text, "by": "zone"}


@router.post("/documents/{document}/withdraw", name="withdraw")
def withdraw(
    visit: Visiting,
    document: int,
    revision: Annotated[int, Form()],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
    again: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Take a filed document out of its chart; `again`: send it back into the queue."""
    row = review_item.document_of(visit.connection, document)
    sight = Sight(document=document, revision=revision, by=visit.account.name, note=note)
    decision = (document_actions.reopen if again else document_actions.withdraw)(visit.connection, sight)
    visit.record(
        patient=row["patient_id"], document=document, act="reopen" if again else "withdraw", decision=decision
    )
    return RedirectResponse(f"/documents/{document}", 303)
