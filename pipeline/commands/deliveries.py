"""Commands: deliver; deliveries list, show, retry, discard, destinations, backfill, remove-destination."""

from __future__ import annotations

import getpass
import signal
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import By, Home, Json, database, emit

if TYPE_CHECKING:
    from pipeline.delivery.outbox_rows import DeliveryRow, DestinationRow

Ids = Annotated[
    list[int] | None,
    typer.Argument(metavar="DELIVERY...", help="Numbers from `deliveries list`."),
]
To = Annotated[str | None, typer.Option("--to", metavar="NAME", help="Only this destination.")]
Of = Annotated[int | None, typer.Option("--document", metavar="N", help="Only this document.")]

group = typer.Typer(no_args_is_help=True, help="Deliveries to other systems: list, retry, discard, backfill.")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom deliver")(deliver)
    app.add_typer(group, name="deliveries")


def deliver(
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="NAME", help="Only to this destination. May be repeated."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is left to deliver.")] = False,
    home: Home = None,
) -> None:
    """Deliver filed documents to the destinations of the settings, until stopped. `up` includes this.

    It can run on several machines: each destination is served by one process at a time.

    Exit codes: 0 stopped; 3 a service is unavailable at the start; 5 a setting is wrong, or there is no
    destination.
    """
    from pipeline import logs
    from pipeline.config import load_settings
    from pipeline.delivery.delivery_service import DeliveryService
    from pipeline.runtime.installation import open_installation

    logs.configure()
    settings = load_settings(home)
    with open_installation(settings) as installation:
        blobs = installation.blobs()
        service = DeliveryService(settings.delivery, installation.connect, blobs.get, tuple(to or ()))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, service.stop)
        typer.echo(f"Delivering to {', '.join(loop.name for loop in service.loops)}", err=True)
        sent = service.run(once=once)
        typer.echo(f"Delivered: {sent}")


@group.command("list", epilog="Example: chartloom deliveries list --state failed")
def list_(
    state: Annotated[
        str | None,
        typer.Option(
            "--state", metavar="STATE", help="pending, delivered, failed or discarded. [default: all]"
        ),
    ] = None,
    to: To = None,
    document: Of = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="The maximum number.")
    ] = 50,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List deliveries, newest first. Those in the state `failed` need a person.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.delivery import outbox

    with database(home) as connection:
        for row in outbox.deliveries(connection, state=state, destination=to, document=document, limit=limit):
            emit(asdict(row)) if as_json else typer.echo(format_delivery(row))


def format_delivery(row: DeliveryRow) -> str:
    """Return a delivery as one line of text."""
    why = f"  {row.problem}: {row.detail}" if row.problem else ""
    what = f"{row.change:<7} document {row.document_id} edition {row.edition}"
    queued_at = f"{row.queued_at:%Y-%m-%d %H:%M}"
    return f"{row.id:>8}  {queued_at}  {row.destination:<12}  {what}  {row.state}{why}"


@group.command(epilog="Example: chartloom deliveries show 17")
def show(
    delivery: Annotated[int, typer.Argument(metavar="DELIVERY", help="Number from `deliveries list`.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show a delivery: its content, its attempts, what is wrong and what to do.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such delivery.
    """
    from pipeline.delivery import outbox
    from pipeline.delivery.delivery_result import PROBLEM_DESCRIPTIONS, DeliveryProblem

    with database(home) as connection:
        row = outbox.delivery(connection, delivery)
    if as_json:
        emit(asdict(row))
        return
    typer.echo(format_delivery(row))
    typer.echo(
        f"  {row.attempts} attempts, {row.rejections} rejections; next attempt {row.due_at:%Y-%m-%d %H:%M:%S}"
    )
    if row.problem:
        typer.echo(f"  {PROBLEM_DESCRIPTIONS[DeliveryProblem(row.problem)]}")
    if row.receipt:
        typer.echo(f"  ID at the receiver: {row.receipt}")
    if row.note:
        typer.echo(f"  {row.note} by {row.closed_by}")
    if row.held_up:
        typer.echo(f"  deliveries that wait for it: {', '.join(map(str, row.held_up))}")


@group.command(epilog="Example: chartloom deliveries retry --to ehr")
def retry(
    ids: Ids = None,
    to: To = None,
    document: Of = None,
    since: Annotated[
        datetime | None, typer.Option("--since", metavar="DATE", help="Only those queued since.")
    ] = None,
    delivered: Annotated[
        bool,
        typer.Option("--delivered", help="Also delivered ones, for a receiver that has lost data."),
    ] = False,
    by: By = None,
    home: Home = None,
) -> None:
    """Send deliveries again: those named, or all failed ones of a destination or a document.

    They are sent with the same identifiers, so that a receiver recognizes what it already has.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such delivery.
    """
    from pipeline.delivery import outbox
    from pipeline.store.audit import write_audit

    who = by or getpass.getuser()
    with database(home) as connection:
        with connection.transaction():
            n = outbox.retry(
                connection, who, ids=ids, destination=to, document=document, since=since, delivered=delivered
            )
            detail = {"ids": ids, "destination": to, "deliveries": n}
            write_audit(connection, who, "retry_delivery", document=document, detail=detail)
        typer.echo(f"{n} will be sent again.")


@group.command(epilog='Example: chartloom deliveries discard 17 --note "the receiver keeps no consent forms"')
def discard(
    delivery: Annotated[int, typer.Argument(metavar="DELIVERY", help="Number from `deliveries list`.")],
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="The reason; it is kept with the delivery.")
    ],
    by: By = None,
    home: Home = None,
) -> None:
    """Discard a delivery; deliveries that wait for it continue.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such delivery.
    """
    from pipeline.delivery import outbox
    from pipeline.store.audit import write_audit

    who = by or getpass.getuser()
    with database(home) as connection:
        with connection.transaction():
            outbox.discard(connection, delivery, who, note)
            write_audit(connection, who, "discard_delivery", detail={"delivery": delivery, "note": note})
        typer.echo(f"Delivery {delivery}: discarded.")


@group.command(epilog="Example: chartloom deliveries destinations --json")
def destinations(as_json: Json = False, home: Home = None) -> None:
    """List the destinations: what is pending, what failed, and since when one is failing.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.delivery import outbox

    with database(home) as connection:
        for row in outbox.destinations(connection):
            if as_json:
                emit(asdict(row))
                continue
            counts = f"{row.pending} pending, {row.failed} failed, {row.delivered} delivered"
            failure = f": {row.failure}" if row.failure else ""
            typer.echo(f"{row.name:<12} {row.kind:<7} {counts}  {_condition(row)}{failure}")


def _condition(row: DestinationRow) -> str:
    if row.removed_at:
        return "removed"
    if row.failing_since:
        return f"failing since {row.failing_since:%Y-%m-%d %H:%M}"
    return "working"


@group.command(epilog="Example: chartloom deliveries backfill ehr")
def backfill(
    destination: Annotated[str, typer.Argument(metavar="DESTINATION", help="A destination of the settings.")],
    home: Home = None,
) -> None:
    """Queue what was filed before a destination was added or its filter was widened. Nothing is delivered
    twice.

    Exit codes: 0 done; 3 a service is unavailable; 5 a setting is wrong; 7 there is no such destination.
    """
    from pipeline.config import load_settings
    from pipeline.delivery import outbox
    from pipeline.errors import NotFound
    from pipeline.runtime.installation import open_installation

    settings = load_settings(home)
    if destination not in settings.delivery.destinations:
        raise NotFound(f"The settings have no destination {destination!r}.", "See docs/how-to/deliver.md.")
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        outbox.register(connection, destination, settings.delivery.destinations[destination])
        compared = outbox.backfill(connection, destination)
        typer.echo(f"{compared} documents compared with the deliveries to {destination}.")


@group.command("remove-destination", epilog="Example: chartloom deliveries remove-destination old-ehr")
def remove_destination(
    destination: Annotated[
        str, typer.Argument(metavar="DESTINATION", help="A destination that is no longer in the settings.")
    ],
    home: Home = None,
) -> None:
    """Stop queueing deliveries for a removed destination. Remove it from the settings first. Past deliveries
    are kept.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such destination.
    """
    from pipeline.delivery import outbox

    with database(home) as connection:
        outbox.remove_destination(connection, destination)
        typer.echo(f"{destination}: removed.")
