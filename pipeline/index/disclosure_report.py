"""Report who saw a document in the wrong chart, and what was delivered from there: for the person who must
inform the patient.

Both are read from the audit log and the outbox, so they are available at any time after the document was
moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from psycopg.rows import class_row

from pipeline.errors import NotFound
from pipeline.records import PatientRef
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Viewed:
    """A user's accesses: `action` as in the audit log (view_document, download), `times` between `first` and
    `last`.
    """

    account: str
    role: str
    action: str
    times: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a destination was sent about the document under the wrong patient.

    `change` is new, replace, edit or, as the correction, cancel; `state` says whether it was delivered.
    """

    destination: str
    change: str
    state: str
    queued_at: datetime
    closed_at: datetime | None
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A document's time in the wrong chart. `same_scan`: documents of the same scan that are still filed
    there.
    """

    decision: int
    document: int
    wrong: PatientRef
    right: PatientRef
    since: datetime
    until: datetime
    decided_by: str
    note: str | None
    viewed: tuple[Viewed, ...]
    delivered: tuple[Delivered, ...]
    same_scan: tuple[int, ...]


def disclosures(connection: Connection, decision: int) -> Disclosure:
    """Return the disclosures of a document until a decision moved it to the right chart.

    Raises:
        NotFound: The decision moved no document.
    """
    row = connection.execute(SQL["moved"], {"id": decision}).fetchone()
    if row is None:
        raise NotFound(f"The decision {decision} moved no document.")
    wrong = {
        "document": row["document_id"],
        "patient": row["wrong"],
        "since": row["since"],
        "until": row["until"],
    }
    return Disclosure(
        decision=decision,
        document=row["document_id"],
        wrong=PatientRef(id=row["wrong"], mrn=row["wrong_mrn"]),
        right=PatientRef(id=row["right"], mrn=row["right_mrn"]),
        since=row["since"],
        until=row["until"],
        decided_by=row["decided_by"],
        note=row["note"],
        viewed=tuple(rows_of(connection, Viewed, "seen_in_chart", wrong)),
        delivered=tuple(rows_of(connection, Delivered, "sent_from_chart", wrong)),
        same_scan=tuple(other["id"] for other in connection.execute(SQL["neighbors_in_chart"], wrong)),
    )


def last_move(connection: Connection, document: int) -> int:
    """Return the decision that last moved a document.

    Raises:
        NotFound: It was never moved.
    """
    row = connection.execute(SQL["last_move"], {"document": document}).fetchone()
    if row is None:
        raise NotFound(f"Document {document} was never moved from one chart to another.")
    return int(row["id"])


def audit_move(connection: Connection, account: str, disclosure: Disclosure) -> None:
    """Record in the audit log that a document was moved from the command line."""
    detail = {"action": "move", "to": disclosure.right.id, "decision": disclosure.decision}
    write_audit(
        connection,
        account,
        "decide",
        patient=disclosure.wrong.id,
        document=disclosure.document,
        detail=detail,
    )


def rows_of(connection: Connection, record: type[T], name: str, params: dict[str, Any]) -> list[T]:
    """Return the rows of a statement as records."""
    with connection.cursor(row_factory=class_row(record)) as cursor:
        return cursor.execute(SQL[name], params).fetchall()
