"""The supervisor's page, live."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, StreamingResponse

from pipeline.web.auth.request_context import Visiting
from pipeline.web.dashboard import figures
from pipeline.web.rendering import fragment, page
from pipeline.web.routes.server_sent_events import live

router = APIRouter()


@router.get("/supervisor", name="supervisor", response_class=HTMLResponse)
def supervisor(visit: Visiting) -> HTMLResponse:
    """The figures as they are now."""
    visit.record()
    return page(visit, "supervisor.html", **figures(visit.connection))


@router.get("/supervisor/stream", name="supervisor_stream", response_class=StreamingResponse)
def supervisor_stream(visit: Visiting) -> StreamingResponse:
    """The figures again and again."""
    visit.record()
    return live(visit, lambda connection: fragment("dashboard.html", **figures(connection)))
