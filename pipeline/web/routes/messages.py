"""HL7 messages of patient feeds that were not applied, and what people did about them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import InvalidInput
from pipeline.patients import rejected_messages
from pipeline.patients.rejected_messages import State
from pipeline.store.sql import statements
from pipeline.web.auth.permissions import is_allowed
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.rendering import render_page
from pipeline.web.review.review_item import Row

SQL = statements("pipeline.web.routes")

router = APIRouter()

MAX_MESSAGES = 200  # shown on a page


@router.get("/messages", name="messages", response_class=HTMLResponse)
def messages(context: Context, state: Annotated[State, Query()] = "rejected") -> HTMLResponse:
    """Show the messages that wait for a person, or those that people have settled."""
    context.record(state=state)
    return messages_page(context, state)


def messages_page(
    context: RequestContext,
    state: State,
    *,
    message: str = "",
    about: int | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return the page; `message`: why the HL7 message `about` was not settled."""
    rows = rejected_messages.rejected_messages(context.connection, MAX_MESSAGES, state)
    return render_page(
        context,
        "messages.html",
        status=status,
        rows=rows,
        state=state,
        waiting=rejected_messages.count_rejected_messages(context.connection),
        patients=known_patients(context, rows),
        limit=MAX_MESSAGES,
        message=message,
        about=about,
    )


def known_patients(context: RequestContext, rows: list[Row]) -> dict[str, int]:
    """Return the IDs, by MRN, of the patients whom the messages name; none if the user may not see charts."""
    if not is_allowed("chart", context.account.role):
        return {}
    named = [patient for row in rows for patient in row["patients"]]
    mrns = sorted({mrn for patient in named for mrn in (patient["mrn"], *patient["priors"])})
    found = context.connection.execute(SQL["patients_of_mrns"], {"mrns": mrns})
    return {row["mrn"]: row["id"] for row in found}


@router.post("/messages/{message}/settle", name="settle_message", response_class=HTMLResponse)
def settle_message(
    context: Context, message: int, note: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Mark a message as handled, with a note on what was done."""
    context.record(message=message, note=note.strip())
    try:
        rejected_messages.settle_message(context.connection, message, context.account.name, note)
    except InvalidInput as error:
        return messages_page(context, "rejected", message=str(error), about=message, status=422)
    return RedirectResponse("/messages", 303)
