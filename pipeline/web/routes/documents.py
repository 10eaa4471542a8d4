"""A document: its pages, its searchable PDF and its history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from psycopg.rows import class_row

from pipeline.errors import NotFound
from pipeline.index import document_actions
from pipeline.index.document_actions import ReviewContext
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.rendering import render_page
from pipeline.web.review import review_item
from pipeline.web.review.review_item import PageRow
from pipeline.web.review.zonal_ocr import recognize_box, words_in_box
from pipeline.web.search_highlights import HighlightBox, find_highlights

SQL = statements("pipeline.web.routes")

router = APIRouter()

IMAGE_TYPES = ((b"\xff\xd8", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"))
# the browser caches a page's image for as long as an idle session lasts; signing out clears the cache
PREVIEW_CACHE_SECONDS = 900


@router.get("/documents/{document}", name="document", response_class=HTMLResponse)
def document(context: Context, document: int, q: Annotated[str, Query(max_length=200)] = "") -> HTMLResponse:
    """Show a document's pages, values and history; the words of `q` are highlighted on the pages."""
    connection = context.connection
    row = review_item.load_visible_document(context, document)
    pages = review_item.load_pages(connection, document=document)
    context.record(patient=row.patient_id, document=document, scan=row.scan_id)
    hidden = review_item.hidden_fields(context, document)
    values = [
        value
        for value in review_item.field_values(connection, row)
        if value.name not in hidden and (value.value or value.machine)
    ]
    neighbor_params = {"patient": row.patient_id, "document": document}
    return render_page(
        context,
        "document.html",
        document=row,
        pages=pages,
        patient=review_item.load_patient(connection, row.patient_id),
        values=values,
        history=connection.execute(SQL["decisions_of_document"], {"id": document}).fetchall(),
        neighbors=connection.execute(SQL["neighbors_in_chart"], neighbor_params).fetchone(),
        open_item=review_item.open_item_id(connection, document),
        q=q,
        highlights=_highlights(connection, row.scan_id, pages, q) if q.strip() else {},
    )


def _highlights(
    connection: Connection, scan: int, pages: list[PageRow], q: str
) -> dict[int, list[HighlightBox]]:
    """Return the boxes of the words of `q` on each page, by page number."""
    highlights = {}
    for page in pages:
        params = {"scan": scan, "number": page.number}
        row = connection.execute(SQL["words_of_page"], params).fetchone()
        highlights[page.number] = find_highlights(row["words"] if row else [], q)
    return highlights


@router.get("/documents/{document}/file.pdf", name="document_pdf", response_class=Response)
def document_pdf(context: Context, document: int, print: bool = False) -> Response:
    """Return the searchable PDF as a download or, with `print`, to open in the browser and print."""
    row = review_item.load_visible_document(context, document)
    context.record(
        patient=row.patient_id,
        document=document,
        scan=row.scan_id,
        how="print" if print else "download",
    )
    name = f"document-{document}.pdf"  # without patient data: a file's name is seen in many places
    disposition = "inline" if print else "attachment"
    headers = {
        "Content-Disposition": f'{disposition}; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(context.app.blobs().get(row.pdf), media_type="application/pdf", headers=headers)


@router.get("/scans/{scan}/pages/{number}/preview", name="page_preview", response_class=Response)
def page_preview(request: Request, context: Context, scan: int, number: int) -> Response:
    """Return the image of a page for the screen."""
    row = _page_with_preview(context, scan, number)
    context.record(patient=row.patient_id, document=row.document_id, scan=scan, page=number)
    headers = {"ETag": f'"{row.preview}"', "Cache-Control": f"private, max-age={PREVIEW_CACHE_SECONDS}"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    data = context.app.blobs().get(row.preview)
    media_type = next((t for magic, t in IMAGE_TYPES if data.startswith(magic)), "application/octet-stream")
    return Response(data, media_type=media_type, headers=headers)


@router.get("/scans/{scan}/pages/{number}/text", name="page_text")
def page_text(context: Context, scan: int, number: int, x0: int, y0: int, x1: int, y1: int) -> dict[str, str]:
    """Return the text under a box in pixels of the upright page: {"text", "by": "page" or "zone"}."""
    connection = context.connection
    row = _page_with_preview(context, scan, number)
    context.record(patient=row.patient_id, document=row.document_id, scan=scan, page=number)
    box = (max(0, x0), max(0, y0), min(x1, row.width), min(y1, row.height))
    if box[0] >= box[2] or box[1] >= box[3]:
        return {"text": "", "by": "page"}
    page = connection.execute(SQL["words_of_page"], {"scan": scan, "number": number}).fetchone()
    text = words_in_box(page["words"] if page else [], box)
    if text:
        return {"text": text, "by": "page"}
    preview = context.app.blobs().get(row.preview)
    size = (row.width, row.height)
    text = recognize_box(preview, size, box, context.app.settings.ocr, row.rotation)
    return {"text": text, "by": "zone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageImage:
    """A page with its image, and the document and patient that it belongs to."""

    preview: str
    width: int
    height: int
    rotation: int
    document_id: int | None
    document_status: str | None
    patient_id: int | None


def _page_with_preview(context: RequestContext, scan: int, number: int) -> PageImage:
    """Return the page; raise NotFound if it has no image or the user's role may not see it."""
    with context.connection.cursor(row_factory=class_row(PageImage)) as cursor:
        row = cursor.execute(SQL["page"], {"scan": scan, "number": number}).fetchone()
    if row is None or not review_item.is_visible(context.account.role, row.document_status):
        raise _no_image(number)
    return row


def _no_image(number: int) -> NotFound:
    return NotFound(f"There is no image of page {number}.")


@router.post("/documents/{document}/withdraw", name="withdraw")
def withdraw(
    context: Context,
    document: int,
    revision: Annotated[int, Form()],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
    reopen: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Take a filed document out of its chart; `reopen` returns it to the queue."""
    row = review_item.load_document(context.connection, document)
    review = ReviewContext(document=document, revision=revision, actor=context.account.name, note=note)
    if reopen:
        decision = document_actions.reopen(context.connection, review)
    else:
        decision = document_actions.withdraw(context.connection, review)
    action = "reopen" if reopen else "withdraw"
    context.record(patient=row.patient_id, document=document, action=action, decision=decision)
    return RedirectResponse(f"/documents/{document}", 303)
