"""The supervisor's page, live."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, StreamingResponse

from pipeline.review.figures import figures
from pipeline.review.render import fragment, page
from pipeline.review.routes.live import live
from pipeline.review.visit import Visiting

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
    return live(visit, lambda connection: fragment("figures.html", **figures(connection)))
