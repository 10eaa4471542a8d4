"""The review item: the page image next to the form, and the reviewer's decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import Conflict, InvalidInput, NotFound
from pipeline.index import document_actions, double_entry
from pipeline.index.document_actions import FieldBox, ReviewContext, StaleRevision
from pipeline.index.split_merge import undo_decision
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.dates import DATE_FIELDS, DateFormat
from pipeline.web.rendering import field_label, render_fragment, render_page
from pipeline.web.review import review_item, review_queue
from pipeline.web.review.patient_comparison import (
    ReasonRequired,
    candidate_view,
    check_filing,
    compare_patient,
    person_on_document,
    split_candidates,
)
from pipeline.web.review.review_item import DocumentRow, ReviewItem, Row
from pipeline.web.routes.queue import filters_from_query, go_to_next, query_string

router = APIRouter()

BOX_PREFIX = "box."
FIELD_PREFIX = "field."  # of the names of the index fields in the form
MAX_COORDINATE_DIGITS = 6
MAX_VALUE_CHARS = 2_000  # of an index field: a list of diagnoses may have a thousand
MIN_PRESELECTION_PROBABILITY = 0.99
NO_PRESELECTION_KINDS = {"patient", "mixed_patients", "manual"}  # kinds of reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a reviewer has submitted, to be shown again if it is refused."""

    fields: dict[str, str] = field(default_factory=dict)
    type: str | None = None
    patient: int | None = None
    note: str = ""


async def submitted_fields(request: Request) -> dict[str, str]:
    """Return the index fields of the form, as typed. Raises InvalidInput if one is longer than
    MAX_VALUE_CHARS.
    """
    form = await request.form()
    fields = {
        name.removeprefix(FIELD_PREFIX): value
        for name, value in form.items()
        if name.startswith(FIELD_PREFIX) and isinstance(value, str)
    }
    if any(len(value) > MAX_VALUE_CHARS for value in fields.values()):
        raise InvalidInput(f"A value is longer than {MAX_VALUE_CHARS} characters.", "Shorten it.")
    return fields


async def submitted_boxes(request: Request) -> dict[str, FieldBox]:
    """Return the boxes that the reviewer drew for values: box.NAME is "page,x0,y0,x1,y1". Malformed ones are
    ignored.
    """
    form = await request.form()
    boxes: dict[str, FieldBox] = {}
    for name, value in form.items():
        parts = value.split(",") if name.startswith(BOX_PREFIX) and isinstance(value, str) else []
        is_valid = all(part.isdecimal() and len(part) <= MAX_COORDINATE_DIGITS for part in parts)
        if len(parts) == 5 and is_valid:
            page_number, x0, y0, x1, y1 = map(int, parts)
            boxes[name.removeprefix(BOX_PREFIX)] = (page_number, (x0, y0, x1, y1))
    return boxes


Boxes = Annotated[dict[str, FieldBox], Depends(submitted_boxes)]
Fields = Annotated[dict[str, str], Depends(submitted_fields)]


def stored_values(fields: dict[str, str], dates: DateFormat) -> dict[str, str]:
    """Return typed field values as they are stored: dates in ISO form. Raises InvalidInput for a date that is
    none.
    """
    values = {}
    for name, typed in fields.items():
        try:
            values[name] = dates.parse_date(typed) if name in DATE_FIELDS else typed
        except InvalidInput as error:
            raise InvalidInput(f"{field_label(name)}: {error.args[0]}", error.remedy, error.code) from None
    return values


@router.get("/items/{item}", name="item", response_class=HTMLResponse)
def item(context: Context, item: int, done: int | None = None) -> HTMLResponse:
    """Show the item. The user who has claimed it can decide on it."""
    return item_page(context, item, done=done)


def item_page(
    context: RequestContext,
    item: int,
    *,
    done: int | None = None,
    message: str = "",
    submission: Submission | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return the item's page; `message` and `submission`: why a submission was refused, and its values.

    `done` is the decision that the user made just before, which can be undone."""
    connection, user = context.connection, context.account.name
    row = review_item.load_item(connection, item)
    document = review_item.load_document(connection, row.document_id) if row.document_id else None
    context.record(document=row.document_id, scan=row.scan_id, item=item)
    submission = submission or Submission()
    entries = None
    if document is not None and row.closed_at is None and context.app.settings.web.double_entry:
        entries = double_entry.entries_of(connection, item)
    filters = filters_from_query(context)
    upcoming = review_queue.next_page(connection, user, filters, item)
    values = {
        "item": row,
        "document": document,
        "pages": review_item.load_pages(connection, document=row.document_id, scan=row.scan_id),
        "entries": entries,
        "submission": submission,
        "is_mine": row.held_by == user and row.closed_at is None,
        "other_user": row.held_by if row.held_by != user else None,
        "query": query_string(filters),
        "next_preview": f"/scans/{upcoming[0]}/pages/{upcoming[1]}/preview" if upcoming else None,
        "message": message,
    }
    if entries and entries.incomplete:
        return render_page(context, "double_entry.html", status=status, **values)
    agreed = (entries.agreed if entries else None) or {}
    return render_page(
        context,
        "item.html",
        status=status,
        **values,
        **_form_values(context, row, document, agreed, submission),
        done=done,
    )


def _form_values(
    context: RequestContext,
    item: ReviewItem,
    document: DocumentRow | None,
    agreed: dict[str, str],
    submission: Submission,
) -> dict[str, Any]:
    """Return the values of the form: the fields, the types, and the patients to choose from."""
    connection = context.connection
    values = review_item.field_values(connection, document) if document else []
    candidates, unlikely = split_candidates(item)
    of_scan = review_item.patients_of_scan(connection, item, candidates) if document else []
    values = review_item.with_values(values, agreed | submission.fields)
    typed = {value.name: _stored_or_typed(value.name, value.value, context.app.dates) for value in values}
    person = person_on_document(values, typed)
    ids_of_scan = {patient["id"] for patient in of_scan}
    unlikely = [candidate for candidate in unlikely if candidate["patient"]["id"] not in ids_of_scan]
    offered = ids_of_scan | {candidate["patient"]["id"] for candidate in (*candidates, *unlikely)}
    searched = None if submission.patient in offered else submission.patient
    searched_patient = review_item.load_patient(connection, searched)

    def compare(patient: int | None) -> Row | None:
        if patient is None:
            return None
        return candidate_view(compare_patient(connection, person, patient, context.app.settings.matching))

    return {
        "values": values,
        "agreed": agreed,
        "choices": review_item.type_choices(document) if document else [],
        "candidates": candidates,
        "unlikely": unlikely,
        "of_scan": [patient | {"comparison": compare(patient["id"])} for patient in of_scan],
        "searched": compare(searched) if searched_patient else None,
        "searched_patient": searched_patient,
        "selected": submission.patient or _preselected(item, candidates),
    }


def _stored_or_typed(name: str, value: str, dates: DateFormat) -> str:
    """Return a value in its stored form, or as it was typed if it has none."""
    try:
        return dates.parse_date(value) if name in DATE_FIELDS else value
    except InvalidInput:
        return value


def _preselected(item: ReviewItem, candidates: list[Row]) -> int | None:
    """Return the patient that is selected when the item opens.

    No one is selected if the patient is uncertain or contradicts the page, or if a person arranged or
    returned the document: the checks that precede automatic filing have not all been made then."""
    if not candidates or NO_PRESELECTION_KINDS & set(item.kinds):
        return None
    first = candidates[0]
    is_certain = first["probability"] > MIN_PRESELECTION_PROBABILITY and not first["contradictions"]
    return int(first["patient"]["id"]) if is_certain else None


@router.get("/items/{item}/patients/{patient}", name="compare_patient", response_class=HTMLResponse)
def compare_patient_page(context: Context, item: int, patient: int) -> HTMLResponse:
    """Show the evidence for and against a patient whom the search found, as a part of the item's page."""
    row = review_item.load_item(context.connection, item)
    if row.document_id is None or review_item.hidden_fields(context, row.document_id):
        raise NotFound("The item has no values to compare.", "Go back to the item.")
    document = review_item.load_document(context.connection, row.document_id)
    person = person_on_document(review_item.field_values(context.connection, document))
    compared = compare_patient(context.connection, person, patient, context.app.settings.matching)
    context.record(patient=patient, document=document.id, scan=row.scan_id, item=item)
    html = render_fragment(context.app.dates, "patient_comparison.html", candidate=candidate_view(compared))
    return HTMLResponse(html)


@router.post("/items/{item}/enter", name="enter_values", response_class=HTMLResponse)
def enter_values(context: Context, item: int, fields: Fields) -> Response:
    """Store what was typed blind. The second person continues with the item if both agree; otherwise the user
    gets the next one.
    """
    try:
        values = stored_values(fields, context.app.dates)
        entries = double_entry.enter(context.connection, item, context.account.name, values)
    except InvalidInput as error:
        submission = Submission(fields=fields)
        return item_page(context, item, message=str(error), submission=submission, status=422)
    context.record(item=item, entry=len(entries.rows), agreed=entries.agreed is not None)
    if entries.agreed is None:
        return go_to_next(context, filters_from_query(context), exclude_item=item)
    return RedirectResponse(f"/items/{item}{query_string(filters_from_query(context))}", 303)


@router.post("/items/{item}/file", name="file_item", response_class=HTMLResponse)
def file_item(
    context: Context,
    item: int,
    fields: Fields,
    boxes: Boxes,
    revision: Annotated[int, Form()],
    type: Annotated[str, Form()],
    patient: Annotated[int | None, Form()] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """File the item's document to a patient and type, and go on to the next item."""
    connection = context.connection
    row = review_item.load_item(connection, item)
    if row.document_id is None:
        raise InvalidInput("This scan has no document to file.", "Close the item instead.", "no_document")
    document = review_item.load_document(connection, row.document_id)
    submission = Submission(fields=fields, type=type, patient=patient, note=note)
    review = ReviewContext(
        document=document.id, revision=revision, actor=context.account.name, item=item, note=note.strip()
    )
    if patient is None:
        message = "Choose the patient first: a candidate, or one that you search for."
        return item_page(context, item, message=message, submission=submission, status=422)
    try:
        values = stored_values(fields, context.app.dates)
        check_filing(context, document, patient=patient, type=type, fields=values, note=note)
        decision = document_actions.file_document(
            connection,
            review,
            patient=patient,
            type=type,
            fields=values,
            boxes=boxes,
            double_entry=context.app.settings.web.double_entry,
        )
    except Conflict as error:
        return conflict_page(context, error, document, submission)
    except InvalidInput as error:
        status = 400 if isinstance(error, ReasonRequired) else 422
        return item_page(context, item, message=str(error), submission=submission, status=status)
    context.record(patient=patient, document=document.id, action="file", decision=decision)
    return go_to_next(context, filters_from_query(context), done=decision)


@router.post("/items/{item}/reject", name="reject_item", response_class=HTMLResponse)
def reject_item(
    context: Context,
    item: int,
    revision: Annotated[int, Form()],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Reject the item's document for rescan, or close an item without a document; go on to the next item."""
    row = review_item.load_item(context.connection, item)
    document = row.document_id
    review = ReviewContext(
        document=document or 0, revision=revision, actor=context.account.name, item=item, note=note
    )
    if document is None:
        document_actions.close_scan_item(context.connection, review)
        context.record(scan=row.scan_id, action="reject")
        return go_to_next(context, filters_from_query(context))
    try:
        decision = document_actions.reject(context.connection, review)
    except Conflict as error:
        return conflict_page(context, error, review_item.load_document(context.connection, document), note)
    context.record(document=document, action="reject", decision=decision)
    return go_to_next(context, filters_from_query(context), done=decision)


@router.post("/undo", name="undo")
def undo(context: Context, decision: Annotated[int | None, Form()] = None) -> RedirectResponse:
    """Undo this decision, or the user's last one, and show what it was about."""
    connection, account = context.connection, context.account
    if decision is None:
        last = document_actions.last_decision(connection, account.name)
        if last is None:
            raise Conflict("You have no decision to undo.", "Go back to the queue.")
        decision = last.id
    is_supervisor = account.role == Role.SUPERVISOR
    document = undo_decision(connection, decision, account.name, of_others=is_supervisor)
    context.record(document=document, action="undo", decision=decision)
    item = review_item.open_item_id(connection, document)
    return RedirectResponse(f"/items/{item}" if item else f"/documents/{document}", 303)


def conflict_page(
    context: RequestContext, error: Conflict, document: DocumentRow, submitted: Submission | str
) -> HTMLResponse:
    """Return what the user was about to save next to the document as it is now. Nothing was saved.

    `submitted` is a filing, or the note of a rejection."""
    connection = context.connection
    context.record(document=document.id, action="refused", code=error.code)
    current = review_item.load_document(connection, document.id)
    current_values = {value.name: value.value for value in review_item.field_values(connection, current)}
    filing = submitted if isinstance(submitted, Submission) else None
    return render_page(
        context,
        "conflict.html",
        status=409,
        message=str(error),
        changed_by=error.changed_by if isinstance(error, StaleRevision) else None,
        document=current,
        current_values=current_values,
        current_patient=review_item.load_patient(connection, current.patient_id),
        filing=filing,
        filing_patient=review_item.load_patient(connection, filing.patient) if filing else None,
        note=submitted if isinstance(submitted, str) else "",
    )
