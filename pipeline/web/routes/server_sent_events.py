"""Parts of a page that stay true without a reload: drawn again every few seconds, sent as an event when they
changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from pipeline.store.database import Connection
from pipeline.web.auth.accounts import NotSignedIn, still_there
from pipeline.web.auth.request_context import COOKIE, Visit, act_as

EVERY_SECONDS = 4.0


def live(visit: Visit, draw: Callable[[Connection], str]) -> StreamingResponse:
    """What `draw` returns, again and again, for as long as the session lasts. Looking on does not keep the
    session alive.
    """
    return StreamingResponse(
        _events(visit, draw), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _events(visit: Visit, draw: Callable[[Connection], str]) -> AsyncIterator[str]:
    before = ""
    while True:
        try:
            part = await run_in_threadpool(_drawn, visit, draw)
        except NotSignedIn:
            yield "event: over\ndata:\n\n"
            return
        yield (
            ": still here\n\n"
            if part == before
            else "".join(f"data: {line}\n" for line in part.splitlines()) + "\n"
        )
        before = part
        await asyncio.sleep(EVERY_SECONDS)


def _drawn(visit: Visit, draw: Callable[[Connection], str]) -> str:
    """The part as it is now, on a connection of its own. Raises NotSignedIn where the session has ended."""
    desk = visit.desk
    with desk.pool.connection() as connection:
        still_there(connection, visit.request.cookies[COOKIE], desk.settings.web.idle_minutes)
        with connection.transaction():
            act_as(connection, visit.account.role)
            return draw(connection)
