"""The clerk's pages: what came in, where it stands, what failed and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from pipeline.review.render import page
from pipeline.review.visit import Visiting
from pipeline.review.workspace import SQL

router = APIRouter()

SHOWN = 200  # scans on a page; a part of the name finds the rest

Words = Annotated[str, Query(max_length=200)]


@router.get("/today", name="today", response_class=HTMLResponse)
def today(visit: Visiting, q: Words = "") -> HTMLResponse:
    """What came in last, and where each file stands."""
    given = {"status": None, "words": like(q), "limit": SHOWN}
    scans = visit.connection.execute(SQL["intake"], given).fetchall()
    visit.record(page="today", words=q)
    counts = visit.connection.execute(SQL["intake_counts"]).fetchone()
    folder = visit.desk.settings.intake_folder
    return page(visit, "today.html", scans=scans, counts=counts, q=q, folder=folder, shown=SHOWN)


@router.get("/quarantine", name="quarantine", response_class=HTMLResponse)
def quarantine(visit: Visiting, q: Words = "") -> HTMLResponse:
    """What could not be taken, and what to do about it."""
    given = {"status": "quarantined", "words": like(q), "limit": SHOWN}
    scans = visit.connection.execute(SQL["intake"], given).fetchall()
    visit.record(page="quarantine", words=q)
    return page(visit, "quarantine.html", scans=scans, q=q, shown=SHOWN)


def like(words: str) -> str | None:
    """The words as a part of a `like` pattern; None for none."""
    words = words.strip()
    return words.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") or None
