"""The outbox: destinations, the deliveries that are pending for them, their results, and what a person does
about them.

The database itself writes the rows, at the end of every transaction that changes a document (see the
triggers in pipeline/store), so that no way of filing can forget them. This module reads and closes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from pipeline.config import DeliverySettings, DestinationSettings, document_types
from pipeline.delivery.delivery_item import DeliveryItem, Organization, organization_from_settings
from pipeline.delivery.delivery_result import (
    DESTINATION_PROBLEMS,
    PERMANENT_PROBLEMS,
    Accepted,
    DeliveryProblem,
    DeliveryResult,
)
from pipeline.delivery.outbox_rows import DeliveryDetail, DeliveryRow, DestinationRow
from pipeline.errors import Conflict, InvalidInput, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.delivery")
MAX_COUNTED = 100_000  # deliveries beyond which they are no longer counted
BACKFILL_DOCUMENTS = 1000  # documents queued in one transaction of a backfill
MAX_DETAIL_CHARS = 500  # of a failure's detail
SUPPORTS_UPDATE = {"fhir": True, "mdm": True, "folder": True, "mhd": False}
"""MHD has no message that changes a document's metadata: a correction is sent as a replacement."""
RETRYABLE_STATES = ("failed", "discarded", "delivered")


def register(connection: Connection, name: str, settings: DestinationSettings) -> None:
    """Make a destination and its filter known to the database, which then queues deliveries for it.

    Documents filed before are not queued: see `backfill`.

    Raises:
        InvalidInput: if the filter names an unknown document type.
    """
    unknown = sorted(set(settings.types) - set(document_types()))
    if unknown:
        raise InvalidInput(
            f"The destination {name} names types that do not exist: {', '.join(unknown)}.",
            "docs/reference/document-types.md lists them.",
            "unknown_type",
        )
    departments = set(settings.departments)
    params = {
        "name": name,
        "kind": settings.kind,
        "supports_update": SUPPORTS_UPDATE[settings.kind],
        "types": list(settings.types),
        "departments": list(settings.departments),
        "department_types": [key for key, type in document_types().items() if type.department in departments],
        "classes": list(settings.classes),
    }
    connection.execute(SQL["register_destination"], params)


def load_organization(connection: Connection, settings: DeliverySettings) -> Organization:
    """Return the sending organization, from the settings and the installation's own UUID."""
    row = connection.execute(SQL["installation"]).fetchone()
    assert row is not None, "a migration inserts it"
    return organization_from_settings(settings, UUID(str(row["id"])))


def backfill(connection: Connection, destination: str) -> int:
    """Queue every document filed so far that the destination does not have yet, in several transactions.

    Returns:
        The number of documents that were checked.

    Raises:
        NotFound: if there is no such destination.
    """
    if not any(row.name == destination for row in destinations(connection)):
        raise NotFound(
            f"There is no destination {destination!r}.", "`chartloom deliveries destinations` lists them."
        )
    after, checked = 0, 0
    while True:
        params = {"after": after, "limit": BACKFILL_DOCUMENTS, "destination": destination}
        last = connection.execute(SQL["last_of_page"], params).fetchone()
        if last is None or last["id"] is None:
            return checked
        done = connection.execute(SQL["backfill"], params).fetchone()
        checked += done["documents"] if done else 0
        after = last["id"]


def remove_destination(connection: Connection, destination: str) -> None:
    """Stop queuing deliveries for a destination.

    Raises:
        NotFound: if there is no such destination, or it was removed before.
    """
    if connection.execute(SQL["close_destination"], {"name": destination}).rowcount == 0:
        raise NotFound(
            f"There is no active destination {destination!r}.",
            "`chartloom deliveries destinations` lists them.",
        )


def record_result(
    connection: Connection,
    item: DeliveryItem,
    result: DeliveryResult,
    *,
    pause_seconds: float,
    max_rejections: int,
    expired: bool,
) -> bool:
    """Record the result of sending a delivery.

    Args:
        pause_seconds: the time until the next attempt. A problem of the whole destination sets none: the
            delivery loop pauses then.
        max_rejections: the number of refusals after which the delivery has failed for good.
        expired: whether the delivery has been retried for as long as the settings allow.

    Returns:
        Whether the delivery is closed: delivered, or failed for good.
    """
    if isinstance(result, Accepted):
        connection.execute(SQL["delivered"], {"id": item.id, "receipt": result.receipt})
        return True
    refused = result.problem is DeliveryProblem.REFUSED
    failed = (
        result.problem in PERMANENT_PROBLEMS or expired or (refused and item.rejections + 1 >= max_rejections)
    )
    params = {
        "id": item.id,
        "problem": result.problem,
        "detail": result.detail[:MAX_DETAIL_CHARS],
        "refused": int(refused),
        "failed": failed,
        "pause": 0.0 if result.problem in DESTINATION_PROBLEMS else pause_seconds,
    }
    connection.execute(SQL["failed"], params)
    return failed


def destinations(connection: Connection) -> list[DestinationRow]:
    """Return the destinations by name. Delivered documents are counted up to MAX_COUNTED."""
    with connection.cursor(row_factory=class_row(DestinationRow)) as cursor:
        return cursor.execute(SQL["destinations"], {"max_counted": MAX_COUNTED}).fetchall()


def deliveries(
    connection: Connection,
    *,
    state: str | None = None,
    destination: str | None = None,
    document: int | None = None,
    limit: int = 100,
) -> list[DeliveryRow]:
    """Return rows of the outbox, newest first."""
    params = {"state": state, "destination": destination, "document": document, "limit": limit}
    with connection.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        return cursor.execute(SQL["deliveries"], params).fetchall()


def delivery(connection: Connection, id: int) -> DeliveryDetail:
    """Return a delivery with its content.

    Raises:
        NotFound: if there is no such delivery.
    """
    with connection.cursor(row_factory=class_row(DeliveryDetail)) as cursor:
        row = cursor.execute(SQL["delivery"], {"id": id}).fetchone()
    if row is None:
        raise NotFound(f"There is no delivery {id}.")
    return row


def retry(
    connection: Connection,
    actor: str,
    *,
    ids: Sequence[int] | None = None,
    destination: str | None = None,
    document: int | None = None,
    since: datetime | None = None,
    delivered: bool = False,
) -> int:
    """Queue failed deliveries again; with `delivered` also those that were delivered, for a receiver that has
    lost documents.

    Returns:
        The number of deliveries that are pending again.

    Raises:
        InvalidInput: if neither deliveries nor a document or destination are given.
    """
    if not (ids or destination or document):
        raise InvalidInput(
            "Nothing to retry was named.", "Name deliveries, a document or a destination.", "nothing_named"
        )
    params = {
        "ids": None if ids is None else list(ids),
        "destination": destination,
        "document": document,
        "since": since,
        "by": actor,
        "states": list(RETRYABLE_STATES) if delivered or ids else ["failed"],
    }
    return connection.execute(SQL["retry_deliveries"], params).rowcount


def discard(connection: Connection, id: int, actor: str, note: str) -> None:
    """Discard a delivery, with a note that gives the reason. Deliveries that waited for it continue.

    Raises:
        InvalidInput: if the note is empty.
        NotFound: if there is no such delivery.
        Conflict: if it is delivered or discarded already.
    """
    if not note.strip():
        raise InvalidInput("No reason was given.", "State the reason in a few words.", "no_note")
    delivery(connection, id)
    if connection.execute(SQL["discard_deliveries"], {"id": id, "by": actor, "note": note}).rowcount == 0:
        raise Conflict(f"Delivery {id} was already delivered or discarded.")
