"""The pages of a scan, to be cut anew: where a document starts, in which order, what is left out."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import BadInput
from pipeline.index.split_merge import loose_documents
from pipeline.store.scans import load_scan
from pipeline.web.auth.request_context import Visiting
from pipeline.web.rendering import page
from pipeline.web.review import review_item, review_queue
from pipeline.web.review.page_arrangement import Arrangement, rearrange
from pipeline.web.review.review_item import SQL

router = APIRouter()


ARRANGEMENT = TypeAdapter(Arrangement)


@router.get("/scans/{scan}/pages", name="scan_pages", response_class=HTMLResponse)
def scan_pages(visit: Visiting, scan: int) -> HTMLResponse:
    """All pages of a scan as they are cut now."""
    connection = visit.connection
    whole = load_scan(connection, scan)
    visit.record(scan=scan)
    tiles = connection.execute(SQL["tiles"], {"scan": scan}).fetchall()
    loose = loose_documents(connection, scan)
    fixed = [tile for tile in tiles if tile["document_id"] is not None and tile["document_id"] not in loose]
    return page(
        visit,
        "page_arrangement.html",
        scan=whole,
        tiles=in_order(tiles, loose),
        fixed=fixed,
        seen=seen_now(loose),
    )


def seen_now(loose: dict[int, dict[str, Any]]) -> str:
    """The revisions, as the page sends them back."""
    return json.dumps({str(document): row["revision"] for document, row in loose.items()})


def in_order(tiles: list[dict[str, Any]], loose: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages that can be moved: documents in review by their first page and each in its order; the rest
    where it lies.
    """
    first = {document: min(row["pages"]) for document, row in loose.items()}
    free = [tile for tile in tiles if tile["document_id"] is None or tile["document_id"] in loose]
    free.sort(key=lambda tile: (first.get(tile["document_id"], tile["number"]), tile["position"] or 0))
    before = None
    for tile in free:
        tile["out"] = tile["document_id"] is None or tile["status"] == "withdrawn"
        tile["starts"] = not tile["out"] and tile["document_id"] != before
        before = before if tile["out"] else tile["document_id"]
    return free


@router.post("/scans/{scan}/pages", name="arrange")
def arrange(visit: Visiting, scan: int, arrangement: Annotated[str, Form(max_length=200_000)]) -> Response:
    """Cut the scan as the person says; documents that stay as they are are not touched."""
    try:
        wanted = ARRANGEMENT.validate_json(arrangement)
    except ValidationError:
        raise BadInput(
            "The arrangement was not understood.", "Load the pages again.", "bad_arrangement"
        ) from None
    connection, me, settings = visit.connection, visit.account.name, visit.desk.settings
    cut = rearrange(connection, visit.desk.blobs(), settings, scan, wanted, me)
    for document in (*cut.replaced, *cut.made):
        visit.record(document=document, scan=scan, act="regroup")
    for document in cut.made:
        item = review_item.open_item_of(connection, document)
        if item is not None:
            review_queue.claim(connection, item, me, settings.web.lease_minutes)
            return RedirectResponse(f"/items/{item}", 303)
    return RedirectResponse(f"/scans/{scan}/pages", 303)
