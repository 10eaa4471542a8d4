"""Deliveries to other systems: destinations, pending and failed deliveries, and what to do about them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.delivery import outbox
from pipeline.delivery.delivery_result import PROBLEM_DESCRIPTIONS
from pipeline.errors import InvalidInput
from pipeline.web.auth.request_context import Context
from pipeline.web.rendering import render_page

router = APIRouter()

MAX_DELIVERIES = 200  # shown on a page
State = Literal["pending", "delivered", "failed", "discarded"]


@router.get("/deliveries", name="deliveries", response_class=HTMLResponse)
def deliveries(
    context: Context,
    state: Annotated[State | None, Query()] = None,
    to: Annotated[str, Query(max_length=100)] = "",
    document: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> HTMLResponse:
    """Show the destinations, and the deliveries of a state or of a document; by default the failed ones."""
    chosen: State | None = state or (None if document else "failed")
    context.record(document=document, state=chosen, destination=to)
    rows = outbox.deliveries(
        context.connection, state=chosen, destination=to or None, document=document, limit=MAX_DELIVERIES
    )
    return render_page(
        context,
        "deliveries.html",
        rows=rows,
        problems={problem.value: text for problem, text in PROBLEM_DESCRIPTIONS.items()},
        destinations=outbox.destinations(context.connection),
        state=chosen,
        to=to,
        document=document,
        limit=MAX_DELIVERIES,
        max_counted=outbox.MAX_COUNTED,
    )


@router.post("/deliveries/action", name="delivery_action")
def delivery_action(
    context: Context,
    operation: Annotated[Literal["retry", "discard"], Form()],
    delivery: Annotated[int | None, Form(ge=1, lt=2**63)] = None,
    to: Annotated[str, Form(max_length=100)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
) -> RedirectResponse:
    """Retry a delivery or all failed ones of a destination; or discard a delivery, with the reason."""
    user = context.account.name
    if operation == "discard":
        if delivery is None:
            raise InvalidInput("No delivery was chosen.", "Go back and choose one.", "nothing_named")
        outbox.discard(context.connection, delivery, user, note)
    else:
        ids = None if delivery is None else [delivery]
        outbox.retry(context.connection, user, ids=ids, destination=to or None)
    document = outbox.delivery(context.connection, delivery).document_id if delivery else None
    context.record(document=document, action=operation, delivery=delivery, destination=to, note=note)
    return RedirectResponse("/deliveries", 303)
