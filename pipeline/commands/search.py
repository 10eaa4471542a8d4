"""Command: search."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, Json, current_user, emit

if TYPE_CHECKING:
    from pipeline.index.search import Hit, PendingHit
    from pipeline.store.database import Connection

MARKS = str.maketrans({"\x02": "«", "\x03": "»", "\n": " "})


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog='Example: chartloom search "left hip" fracture')(search)


def search(
    query: Annotated[
        list[str],
        typer.Argument(metavar="QUERY", help='Words, "a phrase", -excluded, an MRN, a name, a date.'),
    ],
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="MRN", help="Only the chart of this patient.")
    ] = None,
    document_type: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only documents of this type.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="The maximum number of results.")
    ] = 20,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Find documents by the words on their pages, by MRN, by name (also misspelled), by number, or by date of
    service.

    Searches are recorded in the audit log.

    Exit codes: 0 done, also if nothing was found; 3 a service is unavailable; 7 there is no such MRN or type.
    """
    from pipeline.config import load_settings
    from pipeline.index.search import audit_search, search_pending
    from pipeline.index.search import search as find
    from pipeline.runtime.installation import open_installation

    words = " ".join(
        f'"{word}"' if " " in word and '"' not in word and len(query) > 1 else word for word in query
    )
    with (
        open_installation(load_settings(home), store=False) as installation,
        installation.connect() as connection,
        installation.replica() as replica,
    ):

        def look(at: Connection) -> tuple[list[Hit], list[PendingHit]]:
            hits = find(at, words, patient=patient, type=document_type, limit=limit)
            return hits, [] if patient or document_type else search_pending(at, words, limit=limit)

        hits, coming = replica.run(connection, look).value if replica else look(connection)
        who, found = current_user(), len(hits) + len(coming)
        audit_search(connection, who, words, found, patient=patient, type=document_type)
    for hit in hits:
        emit(hit_json(hit)) if as_json else typer.echo(format_hit(hit))
    for page in coming:
        emit(pending_page_json(page)) if as_json else typer.echo(format_pending_page(page))
    if not (hits or coming or as_json):
        typer.echo("Nothing found.")


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a hit as JSON. The words found are between « and » in the snippet."""
    from pipeline.config import document_types

    known = document_types().get(hit.type)
    patient = {**asdict(hit.patient), "name": hit.patient_name} if hit.patient else None
    found = {
        **asdict(hit),
        "patient": patient,
        "loinc": known.loinc if known else None,
        "snippet": hit.snippet.translate(MARKS),
    }
    del found["patient_name"]
    return found


def pending_page_json(page: PendingHit) -> dict[str, Any]:
    """Return a page of a scan that is still being processed, with the keys of a hit."""
    unknown = dict.fromkeys(("document", "type", "loinc", "date_of_service", "patient"))
    found = {
        "scan": page.scan,
        "page": page.page,
        "snippet": page.snippet.translate(MARKS),
        "rank": page.rank,
    }
    return {**unknown, **found, "pages": [], "status": "arriving", "why": "text"}


def format_pending_page(page: PendingHit) -> str:
    """Return that page as text."""
    return f"scan {page.scan}, still being processed\n    page {page.page}: {page.snippet.translate(MARKS)}"


def format_hit(hit: Hit) -> str:
    """Return a hit as one or two lines of text."""
    patient = f"{hit.patient_name} (MRN {hit.patient.mrn})" if hit.patient else "no patient yet"
    head = (
        f"document {hit.document}: {hit.type} of {hit.date_of_service or 'no date'}, {patient}, {hit.status}"
    )
    lines = [head, f"    page {hit.page}: {hit.snippet.translate(MARKS)}"] if hit.snippet else [head]
    return "\n".join(lines)
