"""Commands: deliver; deliveries list, show, replay, drop, destinations, catch-up, close."""

from __future__ import annotations

import getpass
import signal
from datetime import datetime
from typing import Annotated, Any

import typer

from pipeline.commands.common import By, Home, Json, database, emit

Ids = Annotated[
    list[int] | None,
    typer.Argument(metavar="DELIVERY...", help="Numbers of deliveries, as `deliveries list` shows them."),
]
To = Annotated[str | None, typer.Option("--to", metavar="DESTINATION", help="Only of this destination.")]
Of = Annotated[int | None, typer.Option("--document", help="Only of this document.")]

group = typer.Typer(
    no_args_is_help=True, help="What other systems were told, what waits, and what a person must see to."
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom deliver")(deliver)
    app.add_typer(group, name="deliveries")


def deliver(
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="DESTINATION", help="Only to these. [default: all]")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing is left that can be delivered.")
    ] = False,
    home: Home = None,
) -> None:
    """Deliver filed documents to the destinations of the settings, until stopped. `up` does so by itself
    where there are any.

    Several may run, on several machines: each destination is served by one of them. Exit status: 0 stopped; 3
    a service is away at the start; 5 the settings name no destination, or are wrong."""
    from pipeline import logs
    from pipeline.config import load_settings
    from pipeline.delivery.delivery_service import DeliveryService
    from pipeline.runtime.installation import open_installation

    logs.set_up()
    settings = load_settings(home)
    with open_installation(settings) as installation:
        blobs = installation.blobs()
        service = DeliveryService(settings.delivery, installation.connect, blobs.get, tuple(to or ()))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, service.stop)
        typer.echo(f"Delivering to {', '.join(loop.name for loop in service.loops)}", err=True)
        sent = service.run(once=once)
        typer.echo(f"Delivered: {sent}")


@group.command("list", epilog="Example: chartloom deliveries list --state dead")
def list_(
    state: Annotated[
        str | None, typer.Option("--state", help="waiting, delivered, dead or dropped. [default: all]")
    ] = None,
    to: To = None,
    document: Of = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many at most.")] = 50,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List deliveries, newest first. `dead` are those that a person must see to."""
    from pipeline.delivery import outbox

    with database(home) as connection:
        for row in outbox.deliveries(connection, state=state, destination=to, document=document, limit=limit):
            emit(row) if as_json else typer.echo(line(row))


def line(row: dict[str, Any]) -> str:
    """A delivery in a line."""
    why = f"  {row['problem']}: {row['detail']}" if row["problem"] else ""
    what = f"{row['change']:<7} document {row['document_id']} edition {row['edition']}"
    return f"{row['id']:>8}  {row['queued_at']:%Y-%m-%d %H:%M}  {row['destination']:<12}  {what}  {row['state']}{why}"


@group.command(epilog="Example: chartloom deliveries show 17")
def show(
    delivery: Annotated[int, typer.Argument(help="The delivery's number.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show one of them: what it tells, how often it was tried, what is wrong and what to do. Exit status 7 if
    it is not there.
    """
    from pipeline.delivery import outbox
    from pipeline.delivery.delivery_result import PROBLEM_DESCRIPTIONS, DeliveryProblem

    with database(home) as connection:
        row = outbox.delivery(connection, delivery)
    if as_json:
        emit(row)
        return
    typer.echo(line(row))
    typer.echo(
        f"  tried {row['attempts']} times, refused {row['rejections']} times; next try {row['due_at']:%Y-%m-%d %H:%M:%S}"
    )
    if row["problem"]:
        typer.echo(f"  {PROBLEM_DESCRIPTIONS[DeliveryProblem(row['problem'])]}")
    if row["receipt"]:
        typer.echo(f"  the receiver calls it {row['receipt']}")
    if row["note"]:
        typer.echo(f"  {row['note']} by {row['closed_by']}")
    if row["held_up"]:
        typer.echo(f"  wait for it: {', '.join(map(str, row['held_up']))}")


@group.command(epilog="Example: chartloom deliveries replay --to ehr")
def replay(
    ids: Ids = None,
    to: To = None,
    document: Of = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Only those written since.")] = None,
    delivered: Annotated[
        bool,
        typer.Option("--delivered", help="Also what was delivered: for a receiver that has lost something."),
    ] = False,
    by: By = None,
    home: Home = None,
) -> None:
    """Send again: the deliveries named, or all that are dead of a destination or a document.

    Everything is sent under the names it had, so that a receiver that has it already knows it.
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
            write_audit(connection, who, "replay_delivery", document=document, detail=detail)
        typer.echo(f"{n} will be sent again.")


@group.command(epilog='Example: chartloom deliveries drop 17 --note "the receiver keeps no consent forms"')
def drop(
    delivery: Annotated[int, typer.Argument(help="The delivery's number.")],
    note: Annotated[str, typer.Option("--note", help="Why; required, it stays with the delivery.")],
    by: By = None,
    home: Home = None,
) -> None:
    """Give a delivery up; what waits behind it goes on."""
    from pipeline.delivery import outbox
    from pipeline.store.audit import write_audit

    who = by or getpass.getuser()
    with database(home) as connection:
        with connection.transaction():
            outbox.discard(connection, delivery, who, note)
            write_audit(connection, who, "drop_delivery", detail={"delivery": delivery, "note": note})
        typer.echo(f"Delivery {delivery}: dropped.")


@group.command(epilog="Example: chartloom deliveries destinations --json")
def destinations(as_json: Json = False, home: Home = None) -> None:
    """List the destinations: what waits, what is dead, since when one fails."""
    from pipeline.delivery import outbox

    with database(home) as connection:
        for row in outbox.destinations(connection):
            if as_json:
                emit(row)
                continue
            how = (
                "closed"
                if row["removed_at"]
                else f"fails since {row['failing_since']:%Y-%m-%d %H:%M}"
                if row["failing_since"]
                else "well"
            )
            counts = f"{row['pending']} waiting, {row['failed']} dead, {row['delivered']} delivered"
            typer.echo(
                f"{row['name']:<12} {row['kind']:<7} {counts}  {how}{': ' + row['failure'] if row['failure'] else ''}"
            )


@group.command("catch-up", epilog="Example: chartloom deliveries catch-up ehr")
def catch_up(
    destination: Annotated[str, typer.Argument(help="A destination of the settings.")], home: Home = None
) -> None:
    """Announce what was filed before a destination was there, or before its filter was widened. Nothing is
    told twice.
    """
    from pipeline.config import load_settings
    from pipeline.delivery import outbox
    from pipeline.errors import NotFound
    from pipeline.runtime.installation import open_installation

    settings = load_settings(home)
    if destination not in settings.delivery.destinations:
        raise NotFound(f"The settings name no destination {destination!r}.", "See docs/how-to/deliver.md.")
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        outbox.register(connection, destination, settings.delivery.destinations[destination])
        typer.echo(
            f"{outbox.backfill(connection, destination)} documents compared with what {destination} was told."
        )


@group.command(epilog="Example: chartloom deliveries close old-ehr")
def close(destination: Annotated[str, typer.Argument(help="A destination.")], home: Home = None) -> None:
    """Write nothing more for a destination that is gone; take it out of the settings first. What was told it
    stays on record.
    """
    from pipeline.delivery import outbox

    with database(home) as connection:
        outbox.remove_destination(connection, destination)
        typer.echo(f"{destination}: closed.")
