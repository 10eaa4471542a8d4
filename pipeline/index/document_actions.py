"""A person's decisions about a document. They are stored next to the software's result and never overwrite
it.

Every decision names the revision of the document that the person saw. It is written in one transaction: the
document, the person's values next to the software's, the closed review item, and a row of `decision` with the
state before and after. A decision about an older revision raises StaleRevision with the current state. All
functions join the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipeline.config import document_types
from pipeline.errors import Conflict, InvalidInput, NotFound
from pipeline.index.decision import Decision, LastDecision, Snapshot
from pipeline.index.double_entry import NotClaimedByYou, entries_of
from pipeline.records import Box
from pipeline.store.database import Connection
from pipeline.store.page_json import ReasonJson
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
FieldBox: TypeAlias = tuple[int, Box]
"""A page of the scan and a box on it, in pixels."""
DATE_FIELDS = {"dob", "date_of_service"}


class StaleRevision(Conflict):
    """Someone else changed the document after this person saw it.

    `current` is a snapshot of it now, `changed_by` the name of who changed it.
    """

    code = "stale_revision"

    def __init__(self, document: int, current: Snapshot, changed_by: str) -> None:
        super().__init__(
            f"{changed_by} changed document {document} while you were looking at it.",
            "Compare both, then decide again.",
        )
        self.document = document
        self.current = current
        self.changed_by = changed_by


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewContext:
    """Who decides about which document, at which revision, and from which review item, if any."""

    document: int
    revision: int
    actor: str
    item: int | None = None
    note: str = ""


def file_document(
    connection: Connection,
    context: ReviewContext,
    *,
    patient: int,
    type: str,
    fields: Mapping[str, str],
    boxes: Mapping[str, FieldBox] | None = None,
    pdf: str | None = None,
    double_entry: bool = False,
) -> int:
    """File the document to a patient's chart.

    Args:
        connection: The database.
        context: Who decides, and what they saw.
        patient: ID of the patient.
        type: Key of the document type.
        fields: All values that were shown, as the person leaves them. Values that differ from the software's
        are
            stored as the person's; an empty value says that the page has none.
        boxes: Where the person saw a value.
        pdf: Object key of the document's new PDF, if it was built again.
        double_entry: MRN and birth date must have been typed by two people; the values they agree on are
        filed.

    Returns:
        The decision's ID.

    Raises:
        StaleRevision: Someone else changed the document.
        Conflict: The item is no longer claimed by this person.
        InvalidInput: There is no such type, patient or date.
    """
    if type not in document_types():
        raise InvalidInput(
            f"There is no document type {type!r}.", "Choose one from the list.", "unknown_type"
        )
    before = _lock(connection, context)
    if double_entry and context.item is not None:
        fields = {**fields, **_double_entered(connection, context.item)}
    values = {name: value.strip() for name, value in fields.items()}
    dates = {name: _parse_date(name, values[name]) for name in DATE_FIELDS & values.keys()}
    params = {
        "id": context.document,
        "actor": context.actor,
        "patient": _living_patient(connection, patient),
        "type": type,
        "pdf": pdf,
    }
    connection.execute(SQL["file_by_person"], params)
    _store_fields(connection, context.document, values, dates, boxes or {})
    return _record_and_close(connection, context, "file", before)


def reject(connection: Connection, context: ReviewContext) -> int:
    """Withdraw the document because its paper is to be scanned again, and return the decision's ID.

    The note says why.
    """
    return _withdraw(connection, context, "reject")


def close_scan_item(connection: Connection, context: ReviewContext) -> None:
    """Close an item about a scan without documents; the note says how it was resolved.

    Raises:
        NotClaimedByYou: The person has not claimed the item.
    """
    params = {"id": context.item, "actor": context.actor, "note": context.note}
    if connection.execute(SQL["close_scan_item"], params).rowcount == 0:
        raise NotClaimedByYou


def withdraw(connection: Connection, context: ReviewContext) -> int:
    """Remove a filed document from its chart and return the decision's ID. The note says why; its bytes
    stay.
    """
    return _withdraw(connection, context, "withdraw")


def reassign(connection: Connection, context: ReviewContext, patient: int) -> int:
    """Move a document from the wrong chart to this patient's. The note says why.

    The document stays as it is except for its patient. The transaction enqueues what receivers must be sent,
    and `pipeline.index.disclosure_report` lists who had seen the document in the wrong chart.

    Returns:
        The decision's ID.

    Raises:
        StaleRevision: Someone else changed the document.
        InvalidInput: There is no note, or no such patient.
        Conflict: The document is in no chart, or in this one already.
    """
    _require_note(context)
    before = _lock(connection, context)
    target = _living_patient(connection, patient)
    if before["status"] != "filed":
        raise Conflict(f"Document {context.document} is in no chart.", "File it from its review item.")
    if target == before["patient_id"]:
        raise Conflict(
            f"Document {context.document} is in this patient's chart already.", "Choose the correct patient."
        )
    params = {"id": context.document, "patient": target, "actor": context.actor}
    connection.execute(SQL["move_document"], params)
    return _record_and_close(connection, context, "move", before)


def reopen(connection: Connection, context: ReviewContext, code: str = "manually_reopened") -> int:
    """Send a document back to the review queue with the note as the reason; return the decision's ID."""
    before = _lock(connection, context)
    connection.execute(SQL["reopen_document"], {"id": context.document})
    detail = context.note or f"{context.actor} asks for another review."
    reasons: list[ReasonJson] = [{"code": code, "detail": detail, "weight": None}]
    connection.execute(SQL["open_item"], {"document": context.document, "reasons": Jsonb(reasons)})
    return _record_and_close(connection, context, "reopen", before)


def undoable(connection: Connection, decision: int, actor: str, *, of_others: bool = False) -> Decision:
    """Return a decision that this person may undo.

    Raises:
        NotFound: There is no such decision, or it cannot be undone.
        Conflict: It is someone else's (unless `of_others`), or it is undone already.
    """
    with connection.cursor(row_factory=class_row(Decision)) as cursor:
        row = cursor.execute(SQL["decision"], {"id": decision}).fetchone()
    if row is None or row.before is None:
        raise NotFound(f"There is no decision {decision} that can be undone.")
    if row.decided_by != actor and not of_others:
        raise Conflict(f"That was decided by {row.decided_by}.", "A supervisor can undo it.")
    if row.undone:
        raise Conflict("That decision is undone already.")
    return row


def undo(connection: Connection, decision: int, actor: str, *, of_others: bool = False) -> int:
    """Restore a document to its state before a decision, and give its review item back to the person.

    Returns:
        The document's ID.

    Raises:
        StaleRevision: Something was decided since.
        NotFound, Conflict: As `undoable` does.
    """
    row = undoable(connection, decision, actor, of_others=of_others)
    context = ReviewContext(
        document=row.document_id, revision=row.after["revision"], actor=actor, item=row.review_item_id
    )
    current = _lock(connection, context, claimed=False)
    params = {"id": context.document, "snapshot": Jsonb(row.before)}
    connection.execute(SQL["restore_document"], params)
    connection.execute(SQL["delete_person_fields"], {"document": context.document})
    connection.execute(
        SQL["restore_person_fields"], {"document": context.document, "snapshot": Jsonb(row.before)}
    )
    if context.item is not None:
        connection.execute(SQL["reopen_item"], {"id": context.item, "actor": actor})
    _record(connection, context, "undo", current, undoes=decision)
    return context.document


def last_decision(connection: Connection, actor: str) -> LastDecision | None:
    """Return the person's last decision of the past 12 hours that is not undone and is not an undo itself."""
    with connection.cursor(row_factory=class_row(LastDecision)) as cursor:
        return cursor.execute(SQL["last_decision"], {"actor": actor}).fetchone()


def snapshot(connection: Connection, document: int) -> Snapshot:
    """Return the document's current state with the person's values, as `decision` stores it.

    Raises:
        NotFound: There is no such document.
    """
    row = connection.execute(SQL["snapshot"], {"id": document}).fetchone()
    if row is None:
        raise NotFound(f"There is no document {document}.")
    state: Snapshot = row["snapshot"]
    return state


def no_such_patient(patient: int) -> InvalidInput:
    """Return the error for a patient that does not exist."""
    return InvalidInput(
        f"There is no patient {patient}.", "Choose one from the patient index.", "unknown_patient"
    )


def _living_patient(connection: Connection, patient: int) -> int:
    """Return the patient's ID, or that of the patient into whom the record was merged."""
    row = connection.execute(SQL["living_patient"], {"id": patient}).fetchone()
    if row is None:
        raise no_such_patient(patient)
    return int(row["id"])


def _double_entered(connection: Connection, item: int) -> dict[str, str]:
    """Return the values that two people agree on; none if they differ and a third person decides."""
    entries = entries_of(connection, item)
    if entries.incomplete:
        raise Conflict(
            "Two people must type the MRN and the birth date first.", "Open the item and type them."
        )
    return entries.agreed or {}


def _withdraw(connection: Connection, context: ReviewContext, action: str) -> int:
    _require_note(context)
    before = _lock(connection, context)
    connection.execute(SQL["withdraw_document"], {"id": context.document})
    return _record_and_close(connection, context, action, before)


def _require_note(context: ReviewContext) -> None:
    if not context.note.strip():
        raise InvalidInput("The reason is missing.", "State the reason in a few words.", "no_note")


def _lock(connection: Connection, context: ReviewContext, *, claimed: bool = True) -> Snapshot:
    """Lock the document for this transaction and return its snapshot; raise NotFound, StaleRevision,
    Conflict.
    """
    row = connection.execute(SQL["lock_document"], {"id": context.document}).fetchone()
    if row is None:
        raise NotFound(f"There is no document {context.document}.")
    before = snapshot(connection, context.document)
    if row["revision"] != context.revision:
        raise StaleRevision(context.document, before, row["changed_by"])
    if context.item is not None and claimed:
        params = {"id": context.item, "document": context.document, "actor": context.actor}
        if connection.execute(SQL["hold_item"], params).fetchone() is None:
            raise NotClaimedByYou
    return before


def _store_fields(
    connection: Connection,
    document: int,
    values: Mapping[str, str],
    dates: Mapping[str, date | None],
    boxes: Mapping[str, FieldBox],
) -> None:
    connection.execute(SQL["delete_person_fields"], {"document": document})
    connection.execute(SQL["insert_person_fields"], {"document": document, "fields": Jsonb(dict(values))})
    for name, (page, box) in boxes.items():
        params = {"document": document, "name": name, "page": page, "box": list(box)}
        connection.execute(SQL["copy_field_boxes"], params)
    if "date_of_service" in dates:
        params = {"document": document, "date_of_service": dates["date_of_service"]}
        connection.execute(SQL["set_date_of_service"], params)


def _parse_date(name: str, value: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise InvalidInput(f"{value!r} is not a date.", f"Write {name} as YYYY-MM-DD.", "bad_date") from None


def _record_and_close(connection: Connection, context: ReviewContext, action: str, before: Snapshot) -> int:
    decision = _record(connection, context, action, before)
    if context.item is not None:
        connection.execute(SQL["close_item"], {"id": context.item, "actor": context.actor})
    return decision


def _record(
    connection: Connection, context: ReviewContext, action: str, before: Snapshot, undoes: int | None = None
) -> int:
    """Advance the document's revision and insert the decision; return its ID."""
    connection.execute(SQL["next_revision"], {"id": context.document})
    params = {
        "document": context.document,
        "item": context.item,
        "actor": context.actor,
        "before": Jsonb(before),
        "after": Jsonb(snapshot(connection, context.document)),
        "note": context.note or None,
        "action": action,
        "undoes": undoes,
    }
    row = connection.execute(SQL["record_decision"], params).fetchone()
    assert row is not None
    return int(row["id"])
