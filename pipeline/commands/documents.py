"""Commands: documents move, documents exposure."""

from __future__ import annotations

from dataclasses import asdict
from getpass import getuser
from socket import gethostname
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import Home, Json, database, emit

if TYPE_CHECKING:
    from pipeline.index.disclosure_report import Exposure

documents = typer.Typer(help="Filed documents: move one that lies in the wrong chart.", no_args_is_help=True)
Number = Annotated[
    int, typer.Argument(metavar="DOCUMENT", help="The document's number, as `search --json` tells it.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    documents.command(
        epilog='Example: chartloom documents move 4711 7700123 --note "his father of the same name"'
    )(move)
    documents.command("exposure", epilog="Example: chartloom documents exposure 4711 --json")(tell_exposure)
    app.add_typer(documents, name="documents")


def move(
    document: Number,
    mrn: Annotated[str, typer.Argument(help="The MRN of the patient whom it is about.")],
    note: Annotated[str, typer.Option("--note", help="Why: it stays in the document's history.")],
    by: Annotated[
        str | None, typer.Option("--by", help="Who decided it. [default: who is signed in here]")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Move a filed document into the right patient's chart, and tell who had seen it in the wrong one and
    where it had been sent.

    Systems that were told of it are told again: see `chartloom deliver`.

    Exit status: 0 done; 1 it is in no chart, in this one already, or was changed meanwhile; 3 a service is
    away; 7 no such document or patient."""
    from pipeline.index.disclosure_report import exposure, note_move
    from pipeline.index.document_actions import Sight, snapshot
    from pipeline.index.document_actions import move as move_document
    from pipeline.index.search import patients_of

    who = by or f"{getuser()}@{gethostname()}"
    with database(home) as connection:
        with connection.transaction():
            seen = snapshot(connection, document)
            sight = Sight(document=document, revision=seen["revision"], by=who, note=note)
            decision = move_document(connection, sight, patients_of(connection, mrn)[0])
            note_move(connection, who, exposure(connection, decision))
        tell(exposure(connection, decision), as_json=as_json)  # only now are the corrections written


def tell_exposure(document: Number, as_json: Json = False, home: Home = None) -> None:
    """Tell who saw a document before it was last moved to another chart, and what had been sent out.

    Exit status: 0 done; 3 a service is away; 7 the document was never moved.
    """
    from pipeline.index.disclosure_report import exposure, last_move

    with database(home) as connection:
        tell(exposure(connection, last_move(connection, document)), as_json=as_json)


def tell(found: Exposure, *, as_json: bool) -> None:
    """The report, as JSON or in words."""
    if as_json:
        emit(asdict(found))
        return
    typer.echo(f"Document {found.document} was in the chart of {found.wrong.mrn} from {found.since:%Y-%m-%d %H:%M} to "
               f"{found.until:%Y-%m-%d %H:%M} and is now in that of {found.right.mrn}.")  # fmt: skip
    for seen in found.seen:
        typer.echo(
            f"  seen by {seen.account} ({seen.role}): {seen.action}, {seen.times} times, last {seen.last:%Y-%m-%d %H:%M}"
        )
    for sent in found.sent:
        typer.echo(f"  {sent.destination}: {sent.change}, {sent.state}")
    for other in found.beside:
        typer.echo(f"  document {other} of the same scan is still in that chart")
    if not (found.seen or found.sent or found.beside):
        typer.echo("  Nobody had looked at it there, and it had been sent nowhere.")
