"""Who saw a document in a chart that was not its own, and what had been sent out of it: for whoever must tell
the patient.

Both are read from what is written anyway, the audit and the outbox, so that they can be asked for at any time
after the move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from pipeline.errors import NotFound
from pipeline.records import PatientRef
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody looked: `action` as the audit calls it (view_document, download, ...); `times` between `first`
    and `last`.
    """

    account: str
    role: str
    action: str
    times: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """What a destination was told of the document as the wrong patient's: `change` is new, replace, edit or
    (the correction) cancel; `state` says whether it has arrived there."""

    destination: str
    change: str
    state: str
    written_at: datetime
    settled_at: datetime | None
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A document's time in the wrong chart. `beside`: documents of the same scan that are still filed
    there.
    """

    decision: int
    document: int
    wrong: PatientRef
    right: PatientRef
    since: datetime
    until: datetime
    by: str
    note: str | None
    seen: tuple[Seen, ...]
    sent: tuple[Sent, ...]
    beside: tuple[int, ...]


def exposure(connection: Connection, decision: int) -> Exposure:
    """What came of the document until that decision moved it. Raises NotFound where the decision moved
    none.
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
    return Exposure(
        decision=decision,
        document=row["document_id"],
        wrong=PatientRef(id=row["wrong"], mrn=row["wrong_mrn"]),
        right=PatientRef(id=row["right"], mrn=row["right_mrn"]),
        since=row["since"],
        until=row["until"],
        by=row["decided_by"],
        note=row["note"],
        seen=tuple(rows_of(connection, Seen, "seen_in_chart", wrong)),
        sent=tuple(rows_of(connection, Sent, "sent_from_chart", wrong)),
        beside=tuple(found["id"] for found in connection.execute(SQL["beside_in_chart"], wrong)),
    )


def last_move(connection: Connection, document: int) -> int:
    """The decision that moved a document last. Raises NotFound."""
    row = connection.execute(SQL["last_move"], {"document": document}).fetchone()
    if row is None:
        raise NotFound(f"Document {document} was never moved from one chart to another.")
    return int(row["id"])


def note_move(connection: Connection, account: str, found: Exposure) -> None:
    """Write into the audit that somebody at the command line moved a document."""
    detail = {"act": "move", "to": found.right.id, "decision": found.decision}
    write_audit(connection, account, "decide", patient=found.wrong.id, document=found.document, detail=detail)


def rows_of(connection: Connection, kind: type[Any], name: str, given: dict[str, Any]) -> list[Any]:
    """The rows of a statement as records."""
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(SQL[name], given).fetchall()
