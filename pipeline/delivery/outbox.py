"""The outbox: which destinations there are, what waits for them, what became of it, and what a person does
about it.

Rows are written by the database itself at the end of every transaction that changes a document (see migration
0018), so that no way of filing can forget them. Here they are read and settled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.config import DestinationSettings, document_types
from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.delivery_result import HOPELESS, OF_THE_WHOLE, Answer, Problem, Taken
from pipeline.errors import BadInput, Conflict, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.delivery")
MANY = 100_000  # deliveries beyond which they are no longer counted
PAGE = 1000  # documents announced in one transaction when a destination catches up
EDITS = {"fhir": True, "mdm": True, "folder": True, "mhd": False}
"""MHD has no message that changes what is known of a document: a correction is a replacement there."""
SENT = ("dead", "dropped", "delivered")


def register(connection: Connection, name: str, settings: DestinationSettings) -> None:
    """Let filing know of a destination and its filter. Documents filed before are not announced: see
    `catch_up`.
    """
    unknown = sorted(set(settings.types) - set(document_types()))
    if unknown:
        raise BadInput(
            f"The destination {name} names types that do not exist: {', '.join(unknown)}.",
            "docs/reference/document-types.md lists them.",
            "unknown_type",
        )
    wards = set(settings.departments)
    values = {
        "name": name,
        "kind": settings.kind,
        "edits": EDITS[settings.kind],
        "types": list(settings.types),
        "departments": list(settings.departments),
        "department_types": [key for key, known in document_types().items() if known.department in wards],
        "classes": list(settings.classes),
    }
    connection.execute(SQL["register_destination"], values)


def catch_up(connection: Connection, destination: str) -> int:
    """Announce every document filed so far, a page at a time; how many were looked at. Nothing is told twice.
    Raises NotFound.
    """
    if not any(place["name"] == destination for place in destinations(connection)):
        raise NotFound(
            f"There is no destination {destination!r}.", "`chartloom deliveries destinations` lists them."
        )
    after, seen = 0, 0
    while True:
        given = {"after": after, "limit": PAGE, "destination": destination}
        row = connection.execute(SQL["last_of_page"], given).fetchone()
        if row is None or row["id"] is None:
            return seen
        done = connection.execute(SQL["catch_up"], given).fetchone()
        seen += done["documents"] if done else 0
        after = row["id"]


def close(connection: Connection, destination: str) -> None:
    """Write nothing more for a destination. Raises NotFound."""
    if connection.execute(SQL["close_destination"], {"name": destination}).rowcount == 0:
        raise NotFound(
            f"There is no open destination {destination!r}.",
            "`chartloom deliveries destinations` lists them.",
        )


def settle(
    connection: Connection, parcel: Parcel, answer: Answer, *, pause: float, refusals: int, too_old: bool
) -> bool:
    """Write what became of a delivery; True where it is done with, delivered or dead.

    `pause`: seconds until the next try; `refusals`: how many make it dead; `too_old`: it has been tried long
    enough."""
    if isinstance(answer, Taken):
        connection.execute(SQL["delivered"], {"id": parcel.id, "receipt": answer.receipt})
        return True
    refused = answer.problem is Problem.REFUSED
    dead = answer.problem in HOPELESS or too_old or (refused and parcel.refusals + 1 >= refusals)
    values = {"problem": answer.problem, "detail": answer.detail[:500], "refused": int(refused), "dead": dead}
    connection.execute(
        SQL["failed"], values | {"id": parcel.id, "pause": 0.0 if answer.problem in OF_THE_WHOLE else pause}
    )
    return dead


def destinations(connection: Connection) -> list[dict[str, Any]]:
    """Of each: name, kind, filters, closed_at, failing_since, failure, waiting, oldest, dead, delivered (up
    to MANY).
    """
    return connection.execute(SQL["destinations"], {"most": MANY}).fetchall()


def deliveries(
    connection: Connection,
    *,
    state: str | None = None,
    destination: str | None = None,
    document: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Rows of the outbox, newest first."""
    given = {"state": state, "destination": destination, "document": document, "limit": limit}
    return connection.execute(SQL["deliveries"], given).fetchall()


def delivery(connection: Connection, id: int) -> dict[str, Any]:
    """A row of the outbox, whole; `held_up`: the later ones that wait for it. Raises NotFound."""
    row = connection.execute(SQL["delivery"], {"id": id}).fetchone()
    if row is None:
        raise NotFound(f"There is no delivery {id}.")
    return row


def replay(
    connection: Connection,
    by: str,
    *,
    ids: Sequence[int] | None = None,
    destination: str | None = None,
    document: int | None = None,
    since: datetime | None = None,
    delivered: bool = False,
) -> int:
    """Send again what is dead (with `delivered`: all of it, for a receiver that has lost something); how
    many.
    """
    if not (ids or destination or document):
        raise BadInput(
            "Nothing says what to replay.", "Name deliveries, a document or a destination.", "nothing_named"
        )
    states = list(SENT) if delivered or ids else ["dead"]
    given = {
        "ids": None if ids is None else list(ids),
        "destination": destination,
        "document": document,
        "since": since,
    }
    return connection.execute(SQL["replay"], given | {"by": by, "states": states}).rowcount


def drop(connection: Connection, id: int, by: str, note: str) -> None:
    """Give a delivery up, with a note that says why; what waited behind it goes on. Raises NotFound,
    Conflict, BadInput.
    """
    if not note.strip():
        raise BadInput("There is no reason given.", "Say in a few words why.", "no_note")
    delivery(connection, id)
    if connection.execute(SQL["drop"], {"id": id, "by": by, "note": note}).rowcount == 0:
        raise Conflict(f"Delivery {id} is delivered or dropped already.")
