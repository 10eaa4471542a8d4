"""What other systems were told: what waits, what is dead and what a person does about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.delivery import outbox
from pipeline.delivery.delivery_result import WORDS, Problem
from pipeline.errors import BadInput
from pipeline.web.auth.request_context import Visiting
from pipeline.web.rendering import page

router = APIRouter()

SHOWN = 200  # deliveries on a page
State = Literal["waiting", "delivered", "dead", "dropped"]


@router.get("/deliveries", name="deliveries", response_class=HTMLResponse)
def deliveries(
    visit: Visiting,
    state: Annotated[State | None, Query()] = None,
    to: Annotated[str, Query(max_length=100)] = "",
    document: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> HTMLResponse:
    """The destinations, and the deliveries of one state: those that a person must see to, where none is
    named.
    """
    chosen: State | None = state or (None if document else "dead")
    visit.record(document=document, state=chosen, destination=to)
    rows = outbox.deliveries(
        visit.connection, state=chosen, destination=to or None, document=document, limit=SHOWN
    )
    shown = [{**row, "words": WORDS[Problem(row["problem"])] if row["problem"] else ""} for row in rows]
    places = outbox.destinations(visit.connection)
    asked: dict[str, Any] = {
        "state": chosen,
        "to": to,
        "document": document,
        "limit": SHOWN,
        "many": outbox.MANY,
    }
    return page(visit, "deliveries.html", rows=shown, places=places, **asked)


@router.post("/deliveries/act", name="delivery_act")
def delivery_act(
    visit: Visiting,
    act: Annotated[Literal["replay", "drop"], Form()],
    delivery: Annotated[int | None, Form(ge=1, lt=2**63)] = None,
    to: Annotated[str, Form(max_length=100)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
) -> RedirectResponse:
    """Send a delivery again, or all that are dead of a destination; or give one up, with the reason."""
    by = visit.account.name
    if act == "drop":
        if delivery is None:
            raise BadInput("No delivery is named.", "Go back and choose one.", "nothing_named")
        outbox.drop(visit.connection, delivery, by, note)
    else:
        outbox.replay(
            visit.connection, by, ids=None if delivery is None else [delivery], destination=to or None
        )
    document = outbox.delivery(visit.connection, delivery)["document_id"] if delivery else None
    visit.record(document=document, act=act, delivery=delivery, destination=to, note=note)
    return RedirectResponse("/deliveries", 303)
