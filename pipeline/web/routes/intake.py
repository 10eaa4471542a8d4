"""The clerk's pages: intake with upload, quarantine, and reconciliation."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from pipeline.errors import InvalidInput, ServiceUnavailable
from pipeline.ingest import quarantine as quarantined_files
from pipeline.ingest import reconciliation as reconciling
from pipeline.ingest.intake_source import Origin, printable
from pipeline.ingest.registration import Registration, register
from pipeline.ingest.zip_batches import archive_members
from pipeline.store.database import Connection
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements
from pipeline.web.auth.permissions import REVIEWING
from pipeline.web.auth.request_context import Context, RequestContext, app_context
from pipeline.web.rendering import render_fragment, render_page
from pipeline.web.request_limits import is_form
from pipeline.web.routes.server_sent_events import stream_updates

SQL = statements("pipeline.web.routes")

router = APIRouter()

BYTES_PER_MB = 1_000_000
MAX_SCANS = 200  # shown on a page; the search by name finds the others
MAX_CLOSED_BATCHES = 50  # shown on the page of reconciliation

FileName = Annotated[str, Query(max_length=200)]


@router.get("/intake", name="intake", response_class=HTMLResponse)
def intake(context: Context, q: FileName = "") -> HTMLResponse:
    """Show the latest files and the status of each."""
    context.record(page="intake", query=q)
    return render_page(context, "intake.html", **intake_data(context, context.connection, q))


@router.get("/intake/stream", name="intake_stream", response_class=StreamingResponse)
def intake_stream(context: Context, q: FileName = "") -> StreamingResponse:
    """Stream the list of the latest files."""
    context.record(page="intake", query=q)

    def render(connection: Connection) -> str:
        values = intake_data(context, connection, q)
        return render_fragment(context.app.dates, "intake_scans.html", **values)

    return stream_updates(context, render)


def intake_data(context: RequestContext, connection: Connection, q: str) -> dict[str, Any]:
    """Return the latest scans whose name contains `q`, and the total counts."""
    params = {"name": like_pattern(q), "limit": MAX_SCANS}
    return {
        "scans": connection.execute(SQL["intake"], params).fetchall(),
        "counts": connection.execute(SQL["intake_counts"]).fetchone(),
        "folder": context.app.settings.intake_folder,
        "q": q,
        "limit": MAX_SCANS,
    }


async def received_file(request: Request) -> AsyncIterator[Path | None]:
    """Yield a temporary file with the request's body, before a database connection is taken for the request;
    None if the body is a form. Raises ServiceUnavailable if the disk is nearly full.
    """
    if is_form(request.headers):
        yield None
        return
    settings = app_context(request).settings
    scratch = Scratch(settings.intake_scratch)
    declared = int(request.headers.get("content-length", "0"))
    free = shutil.disk_usage(scratch.folder).free
    if free < declared + settings.intake.min_free_disk_mb * BYTES_PER_MB:
        raise ServiceUnavailable("The disk of the server is nearly full.", "Ask an administrator.")
    with tempfile.NamedTemporaryFile(dir=scratch.folder, prefix="new-") as out:
        async for chunk in request.stream():
            out.write(chunk)
        out.flush()
        yield Path(out.name)


ReceivedFile = Annotated[Path | None, Depends(received_file)]


@router.post("/upload/{name}", name="upload")
async def upload(
    received: ReceivedFile, context: Context, name: Annotated[str, "the file's own name"]
) -> dict[str, Any]:
    """Ingest one file, or a ZIP as a batch. The request's body is the file's content.

    Returns:
        {"scan", "status": "stored", "duplicate" or "quarantined", "duplicate_of", "reason"}; for a ZIP with
        several files also "files", their number.
    """
    if received is None:
        raise InvalidInput(
            "The upload is a form.", "Send the file itself as the request's body.", "form_sent"
        )
    size, file_name = received.stat().st_size, printable(Path(name).name)
    results = await run_in_threadpool(register_upload, context, received, file_name)
    for result in results:
        context.record(scan=result.scan, status=result.status, size=size)
    first = results[0]
    if len(results) == 1:
        return {
            "scan": first.scan,
            "status": first.status,
            "duplicate_of": first.first_name,
            "reason": first.reason,
        }
    problems = [result.reason for result in results if result.status == "quarantined"]
    status = next((result.status for result in results if result.status == "stored"), first.status)
    reason = (
        f"{len(problems)} of {len(results)} files could not be ingested: {problems[0]}" if problems else None
    )
    return {"scan": None, "status": status, "duplicate_of": name, "reason": reason, "files": len(results)}


def register_upload(context: RequestContext, file: Path, name: str) -> list[Registration]:
    """Register an uploaded file, or each file of a ZIP."""
    app, settings = context.app, context.app.settings
    with archive_members(file, settings.intake_scratch, settings.intake.max_bytes, follow=False) as members:
        return [
            register(
                member.file,
                context.connection,
                app.blobs(),
                settings,
                enqueue=app.enqueue,
                origin=Origin(source="upload", batch=name if member.path_in_zip else None),
                name=printable(Path(member.path_in_zip).name) if member.path_in_zip else name,
                rejection=member.rejection,
            )
            for member in members
        ]


@router.get("/quarantine", name="quarantine", response_class=HTMLResponse)
def quarantine(context: Context) -> HTMLResponse:
    """Show the files that could not be ingested, and what to do about each."""
    context.record(page="quarantine")
    return render_page(
        context, "quarantine.html", scans=quarantined_files.quarantined_scans(context.connection)
    )


@router.post("/quarantine/{scan}", name="quarantine_action")
def quarantine_action(
    context: Context,
    scan: int,
    operation: Annotated[Literal["retry", "dismiss"], Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> RedirectResponse:
    """Retry the stored file, or dismiss it."""
    app, user = context.app, context.account.name
    context.record(scan=scan, action=operation)
    if operation == "retry":
        quarantined_files.retry(
            context.connection, app.blobs(), app.settings, scan, actor=user, enqueue=app.enqueue, note=note
        )
    else:
        note = note or "dismissed on the web page"
        quarantined_files.dismiss(context.connection, scan, actor=user, note=note)
    return RedirectResponse("/quarantine", 303)


@router.get("/reconciliation", name="reconciliation", response_class=HTMLResponse)
def reconciliation(context: Context) -> HTMLResponse:
    """Show whether every file and every page is accounted for."""
    context.record(page="reconciliation")
    # reconciliation needs a connection of its own, for a read-only transaction with one snapshot
    with context.app.pool.connection() as snapshot:
        report = reconciling.reconcile(snapshot)
    newest = {batch.id for batch in report.batches[-MAX_CLOSED_BATCHES:]}
    return render_page(
        context,
        "reconciliation.html",
        report=report,
        can_open_items=context.account.role in REVIEWING,
        batches=[b for b in reversed(report.batches) if b.closed_at is None or b.id in newest],
        histories=reconciling.file_histories(context.connection, limit=MAX_SCANS),
        max_closed_batches=MAX_CLOSED_BATCHES,
    )


def like_pattern(text: str) -> str | None:
    """Return the text escaped for a `like` pattern; None if it is empty."""
    text = text.strip()
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") or None
