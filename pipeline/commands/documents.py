"""Commands: documents reassign, documents disclosures."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import By, Home, Json, Yes, confirm, current_user, database, emit

if TYPE_CHECKING:
    from pipeline.index.disclosure_report import Disclosure

documents = typer.Typer(help="Correct a document that is filed in the wrong chart.", no_args_is_help=True)
DocumentNumber = Annotated[
    int, typer.Argument(metavar="DOCUMENT", help="Number of the document, from `search --json`.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    documents.command(
        epilog='Example: chartloom documents reassign 4711 7700123 --note "his father of the same name"'
    )(reassign)
    documents.command(epilog="Example: chartloom documents disclosures 4711 --json")(disclosures)
    app.add_typer(documents, name="documents")


def reassign(
    document: DocumentNumber,
    mrn: Annotated[str, typer.Argument(metavar="MRN", help="The MRN of the right patient.")],
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="The reason; it is kept in the document's history.")
    ],
    by: By = None,
    yes: Yes = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Move a filed document to the chart of the right patient, and list who saw it in the wrong chart and
    where it was delivered.

    Both patients are named, and you are asked for a confirmation. Systems that received the document are sent
    a correction: see `chartloom deliver`.

    Exit codes: 0 done; 1 not confirmed, or it is in no chart, is already in this one, or was changed
    meanwhile; 2 no one can confirm; 3 a service is unavailable; 7 there is no such document or patient.
    """
    from pipeline.index import disclosure_report, document_actions
    from pipeline.index.search import patients_with_mrn
    from pipeline.patients.patient_merge import patient_summary

    actor = by or current_user()
    with database(home) as connection:
        before = document_actions.snapshot(connection, document)
        context = document_actions.ReviewContext(
            document=document, revision=before["revision"], actor=actor, note=note
        )
        patient = patients_with_mrn(connection, mrn)[0]
        current = before["patient_id"]
        old = f" from {patient_summary(connection, current)}" if current is not None else ""
        confirm(f"Move document {document}{old} to {patient_summary(connection, patient)}?", yes=yes)
        with connection.transaction():
            decision = document_actions.reassign(connection, context, patient)
            disclosure_report.audit_move(
                connection, actor, disclosure_report.disclosures(connection, decision)
            )
        # The corrections to other systems are queued only when the transaction is committed.
        print_disclosure(disclosure_report.disclosures(connection, decision), as_json=as_json)


def disclosures(document: DocumentNumber, as_json: Json = False, home: Home = None) -> None:
    """List who saw a document in the wrong chart before it was last reassigned, and where it was delivered.

    Exit codes: 0 done; 3 a service is unavailable; 7 the document was never reassigned.
    """
    from pipeline.index import disclosure_report

    with database(home) as connection:
        decision = disclosure_report.last_move(connection, document)
        print_disclosure(disclosure_report.disclosures(connection, decision), as_json=as_json)


def print_disclosure(disclosure: Disclosure, *, as_json: bool) -> None:
    """Print the report as JSON or as text."""
    if as_json:
        emit(asdict(disclosure))
        return
    typer.echo(
        f"Document {disclosure.document} was in the chart of {disclosure.wrong.mrn} "
        f"from {disclosure.since:%Y-%m-%d %H:%M} to {disclosure.until:%Y-%m-%d %H:%M} "
        f"and is now in that of {disclosure.right.mrn}."
    )
    for viewed in disclosure.viewed:
        typer.echo(
            f"  viewed by {viewed.account} ({viewed.role}): {viewed.action}, {viewed.times} times, "
            f"last {viewed.last:%Y-%m-%d %H:%M}"
        )
    for delivered in disclosure.delivered:
        typer.echo(f"  {delivered.destination}: {delivered.change}, {delivered.state}")
    for other in disclosure.same_scan:
        typer.echo(f"  document {other} of the same scan is still in that chart")
    if not (disclosure.viewed or disclosure.delivered or disclosure.same_scan):
        typer.echo("  No one viewed it there, and it was not delivered to another system.")
