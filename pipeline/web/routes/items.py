"""The item: the ink beside the form, and what a person decides about it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import BadInput, Conflict
from pipeline.index import document_actions, double_entry
from pipeline.index.document_actions import Ink, Outdated, Sight
from pipeline.index.split_merge import take_back
from pipeline.web.auth.request_context import Visit, Visiting
from pipeline.web.rendering import page
from pipeline.web.review import review_item, review_queue
from pipeline.web.routes.queue import address, filters_of, go_to_next

router = APIRouter()

INK = "ink."
FIELD = "field."  # what the names of the index fields begin with in the form


async def fields_sent(request: Request) -> dict[str, str]:
    """The index fields of the form."""
    form = await request.form()
    return {
        name[len(FIELD) :]: value
        for name, value in form.items()
        if name.startswith(FIELD) and isinstance(value, str)
    }


async def inks_sent(request: Request) -> dict[str, Ink]:
    """Where the person drew a box for a value: ink.NAME is "page,x0,y0,x1,y1". What is not so is left out."""
    form = await request.form()
    found: dict[str, Ink] = {}
    for name, value in form.items():
        parts = value.split(",") if name.startswith(INK) and isinstance(value, str) else []
        if len(parts) == 5 and all(part.isdecimal() and len(part) < 7 for part in parts):
            page_number, x0, y0, x1, y1 = map(int, parts)
            found[name[len(INK) :]] = (page_number, (x0, y0, x1, y1))
    return found


Inks = Annotated[dict[str, Ink], Depends(inks_sent)]
Fields = Annotated[dict[str, str], Depends(fields_sent)]


@router.get("/items/{item}", name="item", response_class=HTMLResponse)
def item(visit: Visiting, item: int, done: int | None = None) -> HTMLResponse:
    """The item; it can be decided on by who holds it."""
    return item_page(visit, item, done=done)


def item_page(
    visit: Visit, item: int, *, done: int | None = None, message: str = "", status: int = 200
) -> HTMLResponse:
    """The item's page, with a message above the form where the last attempt was refused."""
    connection = visit.connection
    row = review_item.item_of(connection, item)
    document = review_item.document_of(connection, row["document_id"]) if row["document_id"] else None
    visit.record(document=row["document_id"], scan=row["scan_id"], item=item)
    held = bool(row["held"])
    ahead = review_queue.page_ahead(connection, visit.account.name, filters_of(visit), item)
    twice = visit.desk.settings.web.double_entry and document is not None and row["settled_at"] is None
    entries = double_entry.entries_of(connection, item) if twice else None
    values = review_item.values_of(connection, document) if document else []
    if entries and entries.agreed:
        values = review_item.typed_twice(values, entries.agreed)
    candidates, unlikely = review_item.candidates_of(row)
    of_scan = review_item.patients_of_scan(connection, row, candidates) if document else []
    shown = {patient["id"] for patient in of_scan}
    return page(
        visit,
        "double_entry.html" if entries and entries.wanting else "item.html",
        status=status,
        item=row,
        document=document,
        pages=review_item.pages_of(connection, document=row["document_id"], scan=row["scan_id"]),
        values=values,
        entries=entries,
        choices=review_item.type_choices(document) if document else [],
        candidates=candidates,
        unlikely=[one for one in unlikely if one["patient"]["id"] not in shown],
        of_scan=of_scan,
        mine=held and row["claimed_by"] == visit.account.name and row["settled_at"] is None,
        other=row["claimed_by"] if held and row["claimed_by"] != visit.account.name else None,
        doubtful=row["kinds"],
        query=address(filters_of(visit)),
        ahead=ahead and f"/scans/{ahead[0]}/pages/{ahead[1]}/preview",
        done=done,
        message=message,
    )


@router.post("/items/{item}/enter", name="enter_values", response_class=HTMLResponse)
def enter_values(visit: Visiting, item: int, fields: Fields) -> Response:
    """Keep what was typed blind. Who agrees with the first goes on with the item; else to the next."""
    try:
        entries = double_entry.enter(visit.connection, item, visit.account.name, fields)
    except BadInput as error:
        return item_page(visit, item, message=str(error), status=422)
    visit.record(item=item, entry=len(entries.rows), agreed=entries.agreed is not None)
    if entries.agreed is None:
        return go_to_next(visit, filters_of(visit), but=item)
    return RedirectResponse(f"/items/{item}{address(filters_of(visit))}", 303)


@router.post("/items/{item}/file", name="file_item", response_class=HTMLResponse)
def file_item(
    visit: Visiting,
    item: int,
    fields: Fields,
    inks: Inks,
    revision: Annotated[int, Form()],
    type: Annotated[str, Form()],
    patient: Annotated[int | None, Form()] = None,
) -> Response:
    """File the item's document to a patient and type, and go on to the next."""
    connection = visit.connection
    row = review_item.item_of(connection, item)
    if row["document_id"] is None:
        raise BadInput("This scan has no document to file.", "Reject it for rescan.", "no_document")
    document = review_item.document_of(connection, row["document_id"])
    if patient is None:
        return item_page(
            visit, item, message="Choose the patient first: a candidate, or one that you search.", status=422
        )
    sight = Sight(document=document["id"], revision=revision, by=visit.account.name, item=item)
    given = {"type": type, "patient": patient, "fields": fields}
    twice = visit.desk.settings.web.double_entry
    try:
        decision = document_actions.file_document(
            connection, sight, patient=patient, type=type, fields=fields, inks=inks, twice=twice
        )
    except Conflict as error:
        return conflict_page(visit, error, document, given)
    except BadInput as error:
        return item_page(visit, item, message=str(error), status=422)
    visit.record(patient=patient, document=document["id"], act="file", decision=decision)
    return go_to_next(visit, filters_of(visit), done=decision)


@router.post("/items/{item}/reject", name="reject_item", response_class=HTMLResponse)
def reject_item(
    visit: Visiting,
    item: int,
    revision: Annotated[int, Form()],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Have the item's document scanned again, and go on to the next."""
    row = review_item.item_of(visit.connection, item)
    sight = Sight(
        document=row["document_id"] or 0, revision=revision, by=visit.account.name, item=item, note=note
    )
    if row["document_id"] is None:
        document_actions.close_scan_item(visit.connection, sight)
        visit.record(scan=row["scan_id"], act="reject")
        return go_to_next(visit, filters_of(visit))
    try:
        decision = document_actions.reject(visit.connection, sight)
    except Conflict as error:
        document = review_item.document_of(visit.connection, row["document_id"])
        return conflict_page(visit, error, document, {"note": note})
    visit.record(document=row["document_id"], act="reject", decision=decision)
    return go_to_next(visit, filters_of(visit), done=decision)


@router.post("/undo", name="undo")
def undo(visit: Visiting, decision: Annotated[int | None, Form()] = None) -> RedirectResponse:
    """Take the person's last decision back (or that one) and show what it was about."""
    connection, me = visit.connection, visit.account
    if decision is None:
        last = document_actions.last_decision(connection, me.name)
        if last is None:
            raise Conflict("There is nothing of yours to undo.", "")
        decision = int(last["id"])
    document = take_back(connection, decision, me.name, of_others=me.role == "supervisor")
    visit.record(document=document, act="undo", decision=decision)
    item = review_item.open_item_of(connection, document)
    return RedirectResponse(f"/items/{item}" if item else f"/documents/{document}", 303)


def conflict_page(
    visit: Visit, error: Conflict, document: dict[str, Any], mine: dict[str, Any]
) -> HTMLResponse:
    """What the person was about to save beside what stands there now. Nothing was saved."""
    connection = visit.connection
    visit.record(document=document["id"], act="refused", code=error.code)
    now = review_item.document_of(connection, document["id"])
    theirs = {value.name: value.value for value in review_item.values_of(connection, now)}
    return page(
        visit,
        "conflict.html",
        status=409,
        message=str(error),
        by=error.by if isinstance(error, Outdated) else None,
        document=now,
        theirs=theirs,
        their_patient=review_item.patient_of(connection, now["patient_id"]),
        mine=mine,
        my_patient=review_item.patient_of(connection, mine.get("patient")),
    )
