"""The clerk's pages: what came in, where it stands, what failed and why; handing files in; the ledger."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.errors import BadInput
from pipeline.ingest import ledger as ledgers
from pipeline.ingest import quarantine as held
from pipeline.ingest.origin import Origin, printable
from pipeline.ingest.register import register
from pipeline.review.render import page
from pipeline.review.visit import FORMS, Visiting
from pipeline.review.workspace import SQL

router = APIRouter()

SHOWN = 200  # scans on a page; a part of the name finds the rest

Words = Annotated[str, Query(max_length=200)]


@router.get("/today", name="today", response_class=HTMLResponse)
def today(visit: Visiting, q: Words = "") -> HTMLResponse:
    """What came in last, and where each file stands."""
    given = {"words": like(q), "limit": SHOWN}
    scans = visit.connection.execute(SQL["intake"], given).fetchall()
    visit.record(page="today", words=q)
    counts = visit.connection.execute(SQL["intake_counts"]).fetchone()
    folder = visit.desk.settings.intake_folder
    return page(visit, "today.html", scans=scans, counts=counts, q=q, folder=folder, shown=SHOWN)


@router.post("/upload/{name}", name="upload")
async def upload(visit: Visiting, name: Annotated[str, "the file's own name"]) -> dict[str, Any]:
    """Take one file in: its bytes are the body. {"status": "stored|duplicate|quarantined", "reason"}."""
    settings = visit.desk.settings
    if visit.request.headers.get("content-type", "").partition(";")[0] in FORMS:
        raise BadInput("A file is sent as it is, not as a form.", "", "form_sent")
    with tempfile.TemporaryDirectory(prefix="chartloom-upload-") as folder:
        file, size = Path(folder) / "upload", 0
        with file.open("wb") as out:
            async for chunk in visit.request.stream():
                size += len(chunk)
                if size > settings.intake.max_bytes:
                    raise BadInput("This file is too large.", "Cut it into parts.", "too_large")
                out.write(chunk)
        take = partial(
            register,
            file,
            visit.connection,
            visit.desk.blobs(),
            settings,
            enqueue=visit.desk.enqueue,
            origin=Origin(source="upload"),
            name=printable(Path(name).name),
        )
        done = await run_in_threadpool(take)
        visit.record(scan=done.scan, status=done.status, size=size)
    return {"scan": done.scan, "status": done.status, "first_name": done.first_name, "reason": done.reason}


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
        held.retry(visit.connection, desk.blobs(), desk.settings, scan, by=by, enqueue=desk.enqueue, note=note)
    else:
        held.reject(visit.connection, scan, by=by, note=note or "closed from the web page")
    return RedirectResponse("/quarantine", 303)


@router.get("/ledger", name="ledger", response_class=HTMLResponse)
def ledger(visit: Visiting) -> HTMLResponse:
    """Does everything that came in add up? What became of every file and every page."""
    visit.record(page="ledger")
    with visit.desk.pool.connection() as snapshot:  # of its own: the account is read in one transaction that changes nothing
        account = ledgers.reconcile(snapshot)
    return page(visit, "ledger.html", ledger=account, lives=ledgers.lives(visit.connection, limit=SHOWN))


def like(words: str) -> str | None:
    """The words as a part of a `like` pattern; None for none."""
    words = words.strip()
    return words.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") or None
