"""The pages of a scan, to be cut anew: where a document starts, in which order, what is left out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from pipeline.errors import BadInput
from pipeline.index.regrouping import NewDocument, loose_documents, regroup
from pipeline.review import claims, workspace
from pipeline.review.rearranging import bind, judge, pages_read
from pipeline.review.render import page
from pipeline.review.visit import Visiting
from pipeline.review.workspace import SQL
from pipeline.store.scans import load_scan

router = APIRouter()


class Arrangement(BaseModel):
    """What the page sends: the documents' pages in order, those left out, those turned, and the revisions that the person saw."""

    groups: list[Annotated[list[int], Field(min_length=1)]]
    left_out: list[int]
    turns: dict[int, Literal[90, 180, 270]] = Field(default_factory=dict)
    seen: dict[int, int]


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
    return page(visit, "arrange.html", scan=whole, tiles=in_order(tiles, loose), fixed=fixed, seen=seen_now(loose))


def seen_now(loose: dict[int, dict[str, Any]]) -> str:
    """The revisions, as the page sends them back."""
    return json.dumps({str(document): row["revision"] for document, row in loose.items()})


def in_order(tiles: list[dict[str, Any]], loose: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages that can be moved: documents in review by their first page and each in its order; the rest where it lies."""
    first = {document: min(row["pages"]) for document, row in loose.items()}
    free = [tile for tile in tiles if tile["document_id"] is None or tile["document_id"] in loose]
    free.sort(key=lambda tile: (first.get(tile["document_id"], tile["number"]), tile["position"] or 0))
    before = None
    for tile in free:
        tile["out"] = tile["document_id"] is None or tile["status"] == "withdrawn"
        tile["starts"] = not tile["out"] and tile["document_id"] != before
        before = before if tile["out"] else tile["document_id"]
    return free


def stays(row: dict[str, Any], wanted: Arrangement, grouped: set[int]) -> bool:
    """Is this document left as it is: in review with just these pages as they lie, or aside with all of its pages?"""
    if row["status"] != "review":
        return not grouped & set(row["pages"])
    return row["pages"] in wanted.groups and turns_of(row["pages"], wanted) == {int(n): turn for n, turn in row["turns"].items()}


def turns_of(pages: Iterable[int], wanted: Arrangement) -> dict[int, int]:
    """How far those of the pages are turned that are."""
    return {number: wanted.turns[number] for number in pages if number in wanted.turns}


@router.post("/scans/{scan}/pages", name="arrange")
def arrange(visit: Visiting, scan: int, arrangement: Annotated[str, Form(max_length=200_000)]) -> Response:
    """Cut the scan as the person says; documents that stay as they are are not touched."""
    try:
        wanted = ARRANGEMENT.validate_json(arrangement)
    except ValidationError:
        raise BadInput("The arrangement was not understood.", "Load the pages again.", "bad_arrangement") from None
    connection, me, settings = visit.connection, visit.account.name, visit.desk.settings
    whole, loose = load_scan(connection, scan), loose_documents(connection, scan)
    tiles = connection.execute(SQL["tiles"], {"scan": scan}).fetchall()
    free = {tile["number"] for tile in tiles if tile["document_id"] is None or tile["document_id"] in loose}
    grouped = {number for group in wanted.groups for number in group}
    if not grouped <= free:
        raise BadInput(f"Page {min(grouped - free)} cannot be moved.", "Load the pages again.", "page_not_free")
    changed = {document: wanted.seen.get(document, 0) for document, row in loose.items() if not stays(row, wanted, grouped)}
    groups = [group for group in wanted.groups if not any(group == loose[d]["pages"] for d in loose.keys() - changed.keys())]
    aside = sorted({number for document in changed for number in loose[document]["pages"]} - grouped)
    if not set(aside) <= set(wanted.left_out):
        raise BadInput(f"Page {aside[0]} would be in no document.", "Load the pages again.", "pages_do_not_add_up")
    if not changed and not groups:
        raise BadInput("Nothing was changed.", "Go back to the item.", "nothing_changed")
    blobs, read = visit.desk.blobs(), pages_read(connection, scan)
    new = []
    for numbers in (*groups, aside):
        pages = [read[number] for number in numbers]
        if pages:
            filing = judge(connection, pages, me, settings)
            turns = turns_of(numbers, wanted)
            pdf = bind(blobs, pages, f"Scan {scan}", turns)
            new.append(NewDocument(filing=filing, pdf=pdf, kept=numbers is not aside, turns=turns))
    made = regroup(connection, whole, changed, new, {n: p.text for n, p in read.items()}, me)
    for document in (*changed, *made):
        visit.record(document=document, scan=scan, act="regroup")
    for document in made:
        item = connection.execute(workspace.SQL["open_item_of"], {"document": document}).fetchone()
        if item is not None:
            claims.claim(connection, item["id"], me, settings.web.lease_minutes)
            return RedirectResponse(f"/items/{item['id']}", 303)
    return RedirectResponse(f"/scans/{scan}/pages", 303)
