"""Server-sent events, which keep a part of a page current without a reload.

The part is rendered every few seconds and sent when it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from pipeline.store.database import Connection
from pipeline.web.auth.accounts import NotSignedIn
from pipeline.web.auth.request_context import SESSION_COOKIE, RequestContext, set_database_role
from pipeline.web.auth.sessions import check_session

UPDATE_INTERVAL_SECONDS = 4.0
Render = Callable[[Connection], str]


def stream_updates(context: RequestContext, render: Render) -> StreamingResponse:
    """Return a stream of what `render` returns, until the session ends. The stream does not count as use of
    the session.
    """
    return StreamingResponse(
        _events(context, render), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _events(context: RequestContext, render: Render) -> AsyncIterator[str]:
    previous = ""
    while True:
        try:
            html = await run_in_threadpool(_render_update, context, render)
        except NotSignedIn:
            yield "event: over\ndata:\n\n"
            return
        if html == previous:
            yield ": no change\n\n"
        else:
            yield "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
        previous = html
        await asyncio.sleep(UPDATE_INTERVAL_SECONDS)


def _render_update(context: RequestContext, render: Render) -> str:
    """Render the part on a connection of its own. Raises NotSignedIn if the session has ended."""
    app = context.app
    with app.pool.connection() as connection:
        token = context.request.cookies[SESSION_COOKIE]
        check_session(connection, token, app.settings)
        with connection.transaction():
            set_database_role(connection, context.account.role)
            return render(connection)
