"""The review queue: its open items, and claiming, releasing and escalating an item."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.rendering import render_page
from pipeline.web.review import review_queue
from pipeline.web.review.review_queue import Filters

router = APIRouter()

MAX_ITEMS = 100  # shown on the page; the filters find the others


def filters_from_query(context: RequestContext) -> Filters:
    """Return the filters of the address, which forms carry along; an empty one is not set."""
    query = context.request.query_params
    values = {name: query.get(name) or None for name in ("reason", "type", "department", "source")}
    escalated = query.get("escalated")
    return Filters(**values, escalated=escalated.lower() == "true" if escalated else None)


@router.get("/queue", name="queue", response_class=HTMLResponse)
def queue(context: Context) -> Response:
    """Show the open items, in the order in which they are assigned."""
    filters = filters_from_query(context)
    context.record(filters=filters.query())
    if filters.reason == "quarantine":  # quarantined files have no documents yet, and a page of their own
        return RedirectResponse("/quarantine", 303)
    return render_page(
        context,
        "queue.html",
        items=review_queue.open_items(context.connection, filters, MAX_ITEMS),
        counts=review_queue.queue_counts(context.connection),
        filters=filters,
        done="done" in context.request.query_params,
        none_free="none" in context.request.query_params,
        limit=MAX_ITEMS,
    )


@router.post("/queue/next", name="next_item")
def next_item(context: Context, skip: Annotated[int | None, Form()] = None) -> Response:
    """Claim the first free item; `skip` is an item to skip first."""
    filters = filters_from_query(context)
    if skip is not None:
        review_queue.skip(context.connection, skip, context.account.name)
    return go_to_next(context, filters, skip)


def go_to_next(
    context: RequestContext, filters: Filters, exclude_item: int | None = None, done: int | None = None
) -> Response:
    """Claim the next item and redirect to it, or to the queue if none is free. `done`: the decision just
    made.
    """
    minutes = context.app.settings.web.claim_lease_minutes
    user = context.account.name
    item = review_queue.claim_next(context.connection, user, filters, minutes, exclude_item=exclude_item)
    context.record(item=item, skipped=exclude_item)
    if item is not None:
        return RedirectResponse(f"/items/{item}{query_string(filters, done)}", 303)
    came_from_queue = done is None and exclude_item is None  # only then is "no free items" worth a message
    return RedirectResponse(f"/queue{query_string(filters, done, none_free=came_from_queue)}", 303)


def query_string(filters: Filters, done: int | None = None, *, none_free: bool = False) -> str:
    """Return the filters, the decision just made, and the flag that no item was free, as a query string."""
    params = filters.query()
    if done is not None:
        params["done"] = str(done)
    if none_free:
        params["none"] = "1"
    return f"?{urlencode(params)}" if params else ""


def _claim(context: RequestContext, item: int) -> None:
    minutes = context.app.settings.web.claim_lease_minutes
    review_queue.claim(context.connection, item, context.account.name, minutes)


@router.post("/items/{item}/claim", name="claim")
def claim(context: Context, item: int) -> RedirectResponse:
    """Claim this item."""
    _claim(context, item)
    context.record(item=item)
    return RedirectResponse(f"/items/{item}{query_string(filters_from_query(context))}", 303)


@router.post("/items/{item}/renew", name="renew_claim")
def renew_claim(context: Context, item: int) -> dict[str, bool]:
    """Renew the claim, because the user is still active."""
    _claim(context, item)
    return {"renewed": True}


@router.post("/items/{item}/release", name="release")
def release(context: Context, item: int) -> RedirectResponse:
    """Release the item and return to the queue."""
    review_queue.release(context.connection, item, context.account.name)
    context.record(item=item)
    return RedirectResponse(f"/queue{query_string(filters_from_query(context))}", 303)


@router.post("/items/{item}/escalate", name="escalate")
def escalate(
    context: Context, item: int, note: Annotated[str, Form(min_length=1, max_length=2000)]
) -> Response:
    """Escalate the item with a note, and go on to the next item."""
    review_queue.escalate(context.connection, item, context.account.name, note)
    context.record(item=item)
    return go_to_next(context, filters_from_query(context), exclude_item=item)
