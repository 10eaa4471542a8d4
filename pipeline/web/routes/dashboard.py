"""The dashboard, updated live."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, StreamingResponse

from pipeline.store.database import Connection
from pipeline.web.auth.request_context import Context
from pipeline.web.dashboard import dashboard_data
from pipeline.web.rendering import render_fragment, render_page
from pipeline.web.routes.server_sent_events import stream_updates

router = APIRouter()


@router.get("/dashboard", name="dashboard", response_class=HTMLResponse)
def dashboard(context: Context) -> HTMLResponse:
    """Show the dashboard."""
    context.record()
    return render_page(context, "dashboard.html", **dashboard_data(context.connection))


@router.get("/dashboard/stream", name="dashboard_stream", response_class=StreamingResponse)
def dashboard_stream(context: Context) -> StreamingResponse:
    """Stream the dashboard's content."""
    context.record()

    def render(connection: Connection) -> str:
        return render_fragment(context.app.dates, "dashboard_content.html", **dashboard_data(connection))

    return stream_updates(context, render)
