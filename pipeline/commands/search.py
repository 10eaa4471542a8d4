"""Command: search."""

from __future__ import annotations

from dataclasses import asdict
from getpass import getuser
from socket import gethostname
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, Json, emit

if TYPE_CHECKING:
    from pipeline.index.search import Arriving, Hit
    from pipeline.store.database import Connection

MARKS = str.maketrans({"\x02": "«", "\x03": "»", "\n": " "})


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog='Example: chartloom search "left hip" fracture')(search)


def search(
    query: Annotated[
        list[str],
        typer.Argument(metavar="QUERY", help='Words, "a phrase", -without, an MRN, a name, a date.'),
    ],
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="MRN", help="Only in this patient's chart.")
    ] = None,
    document_type: Annotated[str | None, typer.Option("--type", help="Only documents of this type.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 20,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Find documents: by words anywhere on their pages, by MRN, by name (also misspelt), by number, by date
    of service.

    Who searched for what is written in the audit.

    Exit status: 0 something was found, or nothing; 3 a service is away; 7 there is no such MRN or type.
    """
    from pipeline.config import load_settings
    from pipeline.index.search import arriving, note_search
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

        def look(at: Connection) -> tuple[list[Hit], list[Arriving]]:
            hits = find(at, words, patient=patient, type=document_type, limit=limit)
            return hits, [] if patient or document_type else arriving(at, words, limit=limit)

        hits, coming = replica.ask(connection, look).found if replica else look(connection)
        who, found = f"{getuser()}@{gethostname()}", len(hits) + len(coming)
        note_search(connection, who, words, found, patient=patient, type=document_type)
    for hit in hits:
        emit(hit_json(hit)) if as_json else typer.echo(in_words(hit))
    for page in coming:
        emit(coming_json(page)) if as_json else typer.echo(coming_in_words(page))
    if not (hits or coming or as_json):
        typer.echo("Nothing found.")


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit as JSON; the words found stand between « and » in the snippet."""
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


def coming_json(page: Arriving) -> dict[str, Any]:
    """A page of a scan that is still being read, with the keys of a hit."""
    unknown = dict.fromkeys(("document", "type", "loinc", "date_of_service", "patient"))
    found = {
        "scan": page.scan,
        "page": page.page,
        "snippet": page.snippet.translate(MARKS),
        "rank": page.rank,
    }
    return {**unknown, **found, "pages": [], "status": "arriving", "why": "text"}


def coming_in_words(page: Arriving) -> str:
    """The same for a person."""
    return f"scan {page.scan}, still being read\n    page {page.page}: {page.snippet.translate(MARKS)}"


def in_words(hit: Hit) -> str:
    """A hit for a person, in two or three lines."""
    patient = f"{hit.patient_name} (MRN {hit.patient.mrn})" if hit.patient else "no patient yet"
    head = (
        f"document {hit.document}: {hit.type} of {hit.date_of_service or 'no date'}, {patient}, {hit.status}"
    )
    lines = [head, f"    page {hit.page}: {hit.snippet.translate(MARKS)}"] if hit.snippet else [head]
    return "\n".join(lines)
