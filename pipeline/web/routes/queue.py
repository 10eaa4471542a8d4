"""The review queue: what is open, taking an item, giving it back, handing it up."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.web.auth.request_context import Visit, Visiting
from pipeline.web.rendering import page
from pipeline.web.review import review_queue
from pipeline.web.review.review_queue import Filters

router = APIRouter()

SHOWN = 100  # items on the queue's page; filters find the rest


def filters_of(visit: Visit) -> Filters:
    """The filters of an address, which a form carries on; an empty one is none."""
    query = visit.request.query_params
    words = {name: query.get(name) or None for name in ("reason", "type", "department", "source")}
    escalated = query.get("escalated")
    return Filters(**words, escalated=escalated.lower() == "true" if escalated else None)


@router.get("/queue", name="queue", response_class=HTMLResponse)
def queue(visit: Visiting) -> Response:
    """What needs a person, in the order in which it is given out."""
    filters = filters_of(visit)
    visit.record(filters=filters.query())
    if filters.reason == "quarantine":  # files that are no documents yet have a page of their own
        return RedirectResponse("/quarantine", 303)
    return page(
        visit,
        "queue.html",
        items=review_queue.open_items(visit.connection, filters, SHOWN),
        counts=review_queue.counts(visit.connection),
        filters=filters,
        done="done" in visit.request.query_params,
        none_free="none" in visit.request.query_params,
        shown=SHOWN,
    )


@router.post("/queue/next", name="next_item")
def next_item(visit: Visiting, but: Annotated[int | None, Form()] = None) -> Response:
    """Take the first free item; `but` is skipped first and does not come again at once."""
    filters = filters_of(visit)
    if but is not None:
        review_queue.skip(visit.connection, but, visit.account.name)
    return go_to_next(visit, filters, but)


def go_to_next(visit: Visit, filters: Filters, but: int | None = None, done: int | None = None) -> Response:
    """To the next item, which is now this person's; to the queue where there is none. `done`: a decision just
    made.
    """
    minutes = visit.desk.settings.web.lease_minutes
    item = review_queue.claim_next(visit.connection, visit.account.name, filters, minutes, but=but)
    visit.record(item=item, but=but)
    if item is not None:
        return RedirectResponse(f"/items/{item}{address(filters, done)}", 303)
    asked = done is None and but is None  # who had an item in hand is not told that none was free
    return RedirectResponse(f"/queue{address(filters, done, none=asked)}", 303)


def address(filters: Filters, done: int | None = None, *, none: bool = False) -> str:
    """The filters, what was just done, and that no item was free, as the end of an address."""
    given = (
        filters.query() | ({"done": str(done)} if done is not None else {}) | ({"none": "1"} if none else {})
    )
    return f"?{urlencode(given)}" if given else ""


@router.post("/items/{item}/claim", name="claim")
def claim(visit: Visiting, item: int) -> RedirectResponse:
    """Take this item."""
    review_queue.claim(visit.connection, item, visit.account.name, visit.desk.settings.web.lease_minutes)
    visit.record(item=item)
    return RedirectResponse(f"/items/{item}{address(filters_of(visit))}", 303)


@router.post("/items/{item}/keep", name="keep")
def keep(visit: Visiting, item: int) -> dict[str, bool]:
    """The person is still at it: the lease begins anew."""
    review_queue.claim(visit.connection, item, visit.account.name, visit.desk.settings.web.lease_minutes)
    return {"kept": True}


@router.post("/items/{item}/release", name="release")
def release(visit: Visiting, item: int) -> RedirectResponse:
    """Give the item back and return to the queue."""
    review_queue.release(visit.connection, item, visit.account.name)
    visit.record(item=item)
    return RedirectResponse(f"/queue{address(filters_of(visit))}", 303)


@router.post("/items/{item}/escalate", name="escalate")
def escalate(
    visit: Visiting, item: int, note: Annotated[str, Form(min_length=1, max_length=2000)]
) -> Response:
    """Hand the item up with a note, and go on."""
    review_queue.escalate(visit.connection, item, visit.account.name, note)
    visit.record(item=item)
    return go_to_next(visit, filters_of(visit), but=item)
