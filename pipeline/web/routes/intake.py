"""The clerk's pages: what came in, where it stands, what failed and why; handing files in; the ledger."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from pipeline.errors import BadInput
from pipeline.ingest import quarantine as held
from pipeline.ingest import reconciliation as ledgers
from pipeline.ingest.intake_source import Origin, printable
from pipeline.ingest.registration import Registered, register
from pipeline.ingest.zip_batches import pieces
from pipeline.store.database import Connection
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import FORMS, Visit, Visiting
from pipeline.web.rendering import fragment, page
from pipeline.web.routes.server_sent_events import live

SQL = statements("pipeline.web.routes")

router = APIRouter()

SHOWN = 200  # scans on a page; a part of the name finds the rest
SHOWN_BATCHES = 50  # settled batches on the ledger's page

Words = Annotated[str, Query(max_length=200)]


@router.get("/today", name="today", response_class=HTMLResponse)
def today(visit: Visiting, q: Words = "") -> HTMLResponse:
    """What came in last, and where each file stands."""
    visit.record(page="today", words=q)
    return page(visit, "intake.html", **what_came(visit, visit.connection, q))


@router.get("/today/stream", name="today_stream", response_class=StreamingResponse)
def today_stream(visit: Visiting, q: Words = "") -> StreamingResponse:
    """The same again and again."""
    visit.record(page="today", words=q)
    return live(visit, lambda connection: fragment("intake_scans.html", **what_came(visit, connection, q)))


def what_came(visit: Visit, connection: Connection, q: str) -> dict[str, Any]:
    """The scans that came last, those of such a name where `q` is given, and how many there are in all."""
    return {
        "scans": connection.execute(SQL["intake"], {"words": like(q), "limit": SHOWN}).fetchall(),
        "counts": connection.execute(SQL["intake_counts"]).fetchone(),
        "folder": visit.desk.settings.intake_folder,
        "q": q,
        "shown": SHOWN,
    }


@router.post("/upload/{name}", name="upload")
async def upload(visit: Visiting, name: Annotated[str, "the file's own name"]) -> dict[str, Any]:
    """Take one file in, or a ZIP as a batch: its bytes are the body. {"status":
    "stored|duplicate|quarantined", "reason"}.
    """
    settings = visit.desk.settings
    if visit.request.headers.get("content-type", "").partition(";")[0] in FORMS:
        raise BadInput("A file is sent as it is, not as a form.", "", "form_sent")
    scratch, size = Scratch(settings.intake_scratch), 0
    with tempfile.NamedTemporaryFile(dir=scratch.folder, prefix="new-") as out:
        async for chunk in visit.request.stream():
            size += len(chunk)
            if size > settings.intake.max_bytes:
                raise BadInput("This file is too large.", "Cut it into parts.", "too_large")
            out.write(chunk)
        out.flush()
        done = await run_in_threadpool(take, visit, Path(out.name), printable(Path(name).name))
    for one in done:
        visit.record(scan=one.scan, status=one.status, size=size)
    if len(done) == 1:
        return {
            "scan": done[0].scan,
            "status": done[0].status,
            "first_name": done[0].first_name,
            "reason": done[0].reason,
        }
    refused = [one.reason for one in done if one.status == "quarantined"]
    status = next((one.status for one in done if one.status == "stored"), done[0].status)
    reason = f"{len(refused)} of its {len(done)} files could not be taken: {refused[0]}" if refused else None
    return {"scan": None, "status": status, "first_name": name, "reason": reason, "files": len(done)}


def take(visit: Visit, file: Path, name: str) -> list[Registered]:
    """Register an uploaded file, or each file of a ZIP."""
    desk, settings = visit.desk, visit.desk.settings
    taken = []
    with pieces(file, settings.intake_scratch, settings.intake.max_bytes, follow=False) as found:
        for piece in found:
            origin = Origin(source="upload", batch=name if piece.inside else None)
            known_as = printable(Path(piece.inside).name) if piece.inside else name
            taken.append(
                register(
                    piece.file, visit.connection, desk.blobs(), settings, enqueue=desk.enqueue, origin=origin, name=known_as,
                    refused=piece.refused,
                )
            )  # fmt: skip
    return taken


@router.get("/quarantine", name="quarantine", response_class=HTMLResponse)
def quarantine(visit: Visiting) -> HTMLResponse:
    """What could not be taken, and what to do about it."""
    visit.record(page="quarantine")
    return page(visit, "quarantine.html", scans=held.quarantined(visit.connection))


@router.post("/quarantine/{scan}", name="quarantine_act")
def quarantine_act(
    visit: Visiting,
    scan: int,
    act: Annotated[Literal["retry", "reject"], Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> RedirectResponse:
    """Try the kept bytes again, or close the case."""
    by, desk = visit.account.name, visit.desk
    visit.record(scan=scan, act=act)
    if act == "retry":
        held.retry(
            visit.connection, desk.blobs(), desk.settings, scan, by=by, enqueue=desk.enqueue, note=note
        )
    else:
        held.reject(visit.connection, scan, by=by, note=note or "closed from the web page")
    return RedirectResponse("/quarantine", 303)


@router.get("/ledger", name="ledger", response_class=HTMLResponse)
def ledger(visit: Visiting) -> HTMLResponse:
    """Does everything that came in add up? What became of every file and every page."""
    visit.record(page="ledger")
    with (
        visit.desk.pool.connection() as snapshot
    ):  # of its own: the account is read in one transaction that changes nothing
        account = ledgers.reconcile(snapshot)
    newest = {batch.id for batch in account.batches[-SHOWN_BATCHES:]}
    batches = [batch for batch in reversed(account.batches) if batch.settled_at is None or batch.id in newest]
    lives = ledgers.lives(visit.connection, limit=SHOWN)
    return page(visit, "ledger.html", ledger=account, batches=batches, lives=lives, shown=SHOWN_BATCHES)


def like(words: str) -> str | None:
    """The words as a part of a `like` pattern; None for none."""
    words = words.strip()
    return words.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") or None
