"""The page that changes the split of a scan: where documents begin, page order, and excluded pages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import InvalidInput, NotFound
from pipeline.index.decision import UnfiledDocument
from pipeline.index.split_merge import unfiled_documents
from pipeline.store.scans import load_scan
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.rendering import render_page
from pipeline.web.review import review_item, review_queue
from pipeline.web.review.page_arrangement import (
    PageArrangement,
    apply_arrangement,
    order_by_printed_numbers,
)
from pipeline.web.review.review_item import SQL, Row

router = APIRouter()


ARRANGEMENT = TypeAdapter(PageArrangement)
MAX_ARRANGEMENT_LENGTH = 200_000


@router.get("/scans/{scan}/pages", name="scan_pages", response_class=HTMLResponse)
def scan_pages(
    context: Context, scan: int, order: Annotated[int | None, Query(ge=1, lt=2**63)] = None
) -> HTMLResponse:
    """Show all pages of a scan with its current split.

    The pages of the document `order` are shown in the order of their printed page numbers. As any other
    arrangement, it is saved only when the user applies it."""
    connection = context.connection
    row = load_scan(connection, scan)
    context.record(scan=scan)
    pages = connection.execute(SQL["page_thumbnails"], {"scan": scan}).fetchall()
    unfiled = unfiled_documents(connection, scan)
    current = revisions_json(unfiled)
    if order is not None:
        unfiled |= {order: in_printed_order(context, scan, unfiled.get(order))}
    return render_page(
        context,
        "page_arrangement.html",
        scan=row,
        pages=movable_pages(pages, unfiled),
        fixed_pages=[page for page in pages if not _is_movable(page, unfiled)],
        revisions=current,
        ordered_pages=unfiled[order].pages if order is not None else None,
    )


def in_printed_order(context: RequestContext, scan: int, document: UnfiledDocument | None) -> UnfiledDocument:
    """Return the document with its pages in the order of their printed numbers.

    Raises:
        NotFound: It is not in review.
        InvalidInput: The printed numbers state no single order.
    """
    if document is None or document.status != "review":
        raise NotFound("This document is not in review.", "Go back to the queue.")
    return replace(document, pages=[*order_by_printed_numbers(context.connection, scan, document.pages)])


def revisions_json(unfiled: dict[int, UnfiledDocument]) -> str:
    """Return the documents' revisions, as the page sends them back."""
    return json.dumps({str(document): row.revision for document, row in unfiled.items()})


def movable_pages(pages: list[Row], unfiled: dict[int, UnfiledDocument]) -> list[Row]:
    """Return the pages that can be moved, each with the flags `excluded` and `starts_document`.

    Documents in review come in the order of their first pages, and each one's pages in its own order."""
    first_pages = {document: min(row.pages) for document, row in unfiled.items()}
    positions = {
        (document, number): position
        for document, row in unfiled.items()
        for position, number in enumerate(row.pages)
    }
    movable = [page for page in pages if _is_movable(page, unfiled)]
    movable.sort(
        key=lambda page: (
            first_pages.get(page["document_id"], page["number"]),
            positions.get((page["document_id"], page["number"]), 0),
        )
    )
    current_document = None
    for page in movable:
        page["excluded"] = page["document_id"] is None or page["status"] == "withdrawn"
        page["starts_document"] = not page["excluded"] and page["document_id"] != current_document
        if not page["excluded"]:
            current_document = page["document_id"]
    return movable


def _is_movable(page: Row, unfiled: dict[int, UnfiledDocument]) -> bool:
    return page["document_id"] is None or page["document_id"] in unfiled


@router.post("/scans/{scan}/pages", name="arrange_pages")
def arrange_pages(
    context: Context, scan: int, arrangement: Annotated[str, Form(max_length=MAX_ARRANGEMENT_LENGTH)]
) -> Response:
    """Split the scan as arranged and go to the first new document; unchanged documents are not touched."""
    try:
        parsed = ARRANGEMENT.validate_json(arrangement)
    except ValidationError:
        raise InvalidInput(
            "The arrangement of the pages is invalid.",
            "Reload the page and arrange the pages again.",
            "bad_arrangement",
        ) from None
    connection, app, user = context.connection, context.app, context.account.name
    result = apply_arrangement(connection, app.blobs(), app.settings, scan, parsed, user)
    for document in (*result.replaced, *result.created):
        context.record(document=document, scan=scan, action="regroup")
    for document in result.created:
        item = review_item.open_item_id(connection, document)
        if item is not None:
            review_queue.claim(connection, item, user, app.settings.web.claim_lease_minutes)
            return RedirectResponse(f"/items/{item}", 303)
    return RedirectResponse(f"/scans/{scan}/pages", 303)
