"""The supervisor's page, live: the figures are sent again every few seconds for as long as the page is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, StreamingResponse

from pipeline.review.accounts import NotSignedIn, still_there
from pipeline.review.figures import figures
from pipeline.review.render import fragment, page
from pipeline.review.visit import COOKIE, Desk, Visiting

router = APIRouter()

EVERY_SECONDS = 4.0


@router.get("/supervisor", name="supervisor", response_class=HTMLResponse)
def supervisor(visit: Visiting) -> HTMLResponse:
    """The figures as they are now."""
    visit.record()
    return page(visit, "supervisor.html", **figures(visit.connection))


@router.get("/supervisor/stream", name="supervisor_stream", response_class=StreamingResponse)
def supervisor_stream(visit: Visiting) -> StreamingResponse:
    """The figures again and again, as server-sent events whose data is the part of the page to replace."""
    visit.record()
    return StreamingResponse(
        events(visit.desk, visit.request.cookies[COOKIE]), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def events(desk: Desk, token: str) -> AsyncIterator[str]:
    """Events for as long as the session lasts; looking on does not keep the session alive."""
    before = ""
    while True:
        try:
            part = await run_in_threadpool(draw, desk, token)
        except NotSignedIn:
            yield "event: over\ndata:\n\n"
            return
        yield ": still here\n\n" if part == before else "".join(f"data: {line}\n" for line in part.splitlines()) + "\n"
        before = part
        await asyncio.sleep(EVERY_SECONDS)


def draw(desk: Desk, token: str) -> str:
    """The figures as a part of the page. Raises NotSignedIn where the session has ended."""
    with desk.pool.connection() as connection:
        still_there(connection, token, desk.settings.web.idle_minutes)
        return fragment("figures.html", **figures(connection))
