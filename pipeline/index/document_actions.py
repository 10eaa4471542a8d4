"""A person's decision about a document. It stands beside the machine's answer and never overwrites it.

Every decision names the revision of the document that the person saw. It is written in one transaction: the
document as it is now, the person's fields beside the machine's, the review item settled, and a row of
`decision` with what was before and after. Whoever comes second, having seen an older revision, gets Outdated,
with what stands there now. All functions join the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from pipeline.config import document_types
from pipeline.errors import BadInput, Conflict, NotFound
from pipeline.index.double_entry import NotYours, entries_of
from pipeline.records import Box
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
Ink: TypeAlias = tuple[int, Box]
"""A page of the scan and a box on it."""
DATES = {"dob", "date_of_service"}


class Outdated(Conflict):
    """Somebody else changed the document after this person looked. `theirs`: a snapshot of it now, `by`: who
    changed it.
    """

    code = "outdated"

    def __init__(self, document: int, theirs: dict[str, Any], by: str) -> None:
        super().__init__(
            f"{by} changed document {document} while you were looking at it.",
            "Compare both, then decide again.",
        )
        self.document = document
        self.theirs = theirs
        self.by = by


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Who decides, and on what they saw: the document at that revision, from that review item where it came
    from the queue.
    """

    document: int
    revision: int
    by: str
    item: int | None = None
    note: str = ""


def file_document(
    connection: Connection,
    sight: Sight,
    *,
    patient: int,
    type: str,
    fields: Mapping[str, str],
    inks: Mapping[str, Ink] | None = None,
    pdf: str | None = None,
    twice: bool = False,
) -> int:
    """File the document into this patient's chart as this type; the decision's id.

    `fields`: the values as the person leaves them, all that were shown; those that differ from the machine's
    are kept as the person's, an empty one says that the page has no such value. `inks`: where the person saw
    a value. `pdf`: the document's new PDF where it was made again. `twice`: MRN and birth date must have been
    typed by two people; what they agreed on is what is filed. Raises Outdated, Conflict where the item is no
    longer the person's, BadInput for a type, patient or date that does not exist."""
    if type not in document_types():
        raise BadInput(f"There is no document type {type!r}.", "Choose one of the list.", "unknown_type")
    before = _lock(connection, sight)
    if twice and sight.item is not None:
        fields = {**fields, **_typed_twice(connection, sight.item)}
    change = {"id": sight.document, "by": sight.by, "patient": patient, "type": type, "pdf": pdf}
    try:
        with connection.transaction():
            connection.execute(SQL["file_by_person"], change)
    except ForeignKeyViolation:
        raise BadInput(
            f"There is no patient {patient}.", "Choose one of the patient index.", "unknown_patient"
        ) from None
    _keep_fields(connection, sight.document, fields, inks or {})
    return _settle(connection, sight, "file", before)


def reject(connection: Connection, sight: Sight) -> int:
    """Take the document out of circulation: it is to be scanned again. The note says why. The decision's
    id.
    """
    return _close(connection, sight, "reject")


def close_scan_item(connection: Connection, sight: Sight) -> None:
    """Settle an item that is about a scan without documents; the note says how. Raises Conflict where it is
    not the person's.
    """
    done = connection.execute(SQL["settle_scan_item"], {"id": sight.item, "by": sight.by, "note": sight.note})
    if done.rowcount == 0:
        raise NotYours


def withdraw(connection: Connection, sight: Sight) -> int:
    """Take a filed document out of its chart, with a note that says why; its bytes stay. The decision's
    id.
    """
    return _close(connection, sight, "withdraw")


def move(connection: Connection, sight: Sight, patient: int) -> int:
    """Move a document that was filed into the wrong chart to this patient's; the note says why. The
    decision's id.

    What the page is and says stays; whom it is about changes. Receivers are told by the transaction itself
    (see outputs), and `pipeline.index.disclosure_report` tells who had seen it where it was. Raises as
    `file_document` does, BadInput without a note, and Conflict where the document is in no chart or in this
    one already."""
    _demand_note(sight)
    before = _lock(connection, sight)
    row = connection.execute(SQL["living_patient"], {"id": patient}).fetchone()
    if row is None:
        raise BadInput(
            f"There is no patient {patient}.", "Choose one of the patient index.", "unknown_patient"
        )
    if before["status"] != "filed":
        raise Conflict(f"Document {sight.document} is in no chart.", "File it from its review item.")
    if row["id"] == before["patient_id"]:
        raise Conflict(
            f"Document {sight.document} is in this patient's chart already.",
            "Choose the patient whom it is about.",
        )
    connection.execute(SQL["move_document"], {"id": sight.document, "patient": row["id"], "by": sight.by})
    return _settle(connection, sight, "move", before)


def reopen(connection: Connection, sight: Sight, code: str = "person_reopened") -> int:
    """Send a document back into the queue, with the note as the reason. The decision's id."""
    before = _lock(connection, sight)
    connection.execute(SQL["reopen_document"], {"id": sight.document})
    reasons = [{"code": code, "detail": sight.note or f"{sight.by} asks for another look.", "weight": None}]
    connection.execute(SQL["open_item"], {"document": sight.document, "reasons": Jsonb(reasons)})
    return _settle(connection, sight, "reopen", before)


def undoable(connection: Connection, decision: int, by: str, *, of_others: bool = False) -> dict[str, Any]:
    """The decision, if this person may undo it: {id, act, batch, document_id, review_item_id, before, after}.

    Raises NotFound; Conflict where it is somebody else's (unless `of_others`) or is undone already.
    """
    row = connection.execute(SQL["decision"], {"id": decision}).fetchone()
    if row is None or row["before"] is None:
        raise NotFound(f"There is no decision {decision} that can be undone.")
    if row["decided_by"] != by and not of_others:
        raise Conflict(f"That was decided by {row['decided_by']}.", "A supervisor can undo it.")
    if row["undone"]:
        raise Conflict("That decision is undone already.")
    return row


def undo(connection: Connection, decision: int, by: str, *, of_others: bool = False) -> int:
    """Put a document back to what it was before that decision, and its review item back into `by`'s hands.
    The document's id.

    Raises as `undoable` does, and Outdated where something was decided since.
    """
    row = undoable(connection, decision, by, of_others=of_others)
    sight = Sight(
        document=row["document_id"], revision=row["after"]["revision"], by=by, item=row["review_item_id"]
    )
    now = _lock(connection, sight, holding=False)
    connection.execute(SQL["restore_document"], {"id": sight.document, "snapshot": Jsonb(row["before"])})
    connection.execute(SQL["forget_person_fields"], {"document": sight.document})
    connection.execute(
        SQL["restore_person_fields"], {"document": sight.document, "snapshot": Jsonb(row["before"])}
    )
    if sight.item is not None:
        connection.execute(SQL["reopen_item"], {"id": sight.item, "by": by})
    _record(connection, sight, "undo", now, undoes=decision)
    return sight.document


def last_decision(connection: Connection, by: str) -> dict[str, Any] | None:
    """The person's last decision that is neither undone nor an undoing: {id, act, document_id,
    decided_at}.
    """
    return connection.execute(SQL["last_decision"], {"by": by}).fetchone()


def _typed_twice(connection: Connection, item: int) -> dict[str, str]:
    """What two people typed alike; nothing where they differed and a third person has the word. Raises
    Conflict.
    """
    entries = entries_of(connection, item)
    if entries.wanting:
        raise Conflict(
            "Two people must type the MRN and the birth date first.", "Open the item and type them."
        )
    return entries.agreed or {}


def _close(connection: Connection, sight: Sight, act: str) -> int:
    _demand_note(sight)
    before = _lock(connection, sight)
    connection.execute(SQL["withdraw_document"], {"id": sight.document})
    return _settle(connection, sight, act, before)


def _demand_note(sight: Sight) -> None:
    if not sight.note.strip():
        raise BadInput("There is no reason given.", "Say in a few words why.", "no_note")


def _lock(connection: Connection, sight: Sight, *, holding: bool = True) -> dict[str, Any]:
    """Hold the document for this transaction; a snapshot of it. Raises NotFound, Outdated, Conflict."""
    row = connection.execute(SQL["lock_document"], {"id": sight.document}).fetchone()
    if row is None:
        raise NotFound(f"There is no document {sight.document}.")
    before = snapshot(connection, sight.document)
    if row["revision"] != sight.revision:
        raise Outdated(sight.document, before, row["changed_by"])
    if sight.item is not None and holding:
        held = connection.execute(
            SQL["hold_item"], {"id": sight.item, "document": sight.document, "by": sight.by}
        ).fetchone()
        if held is None:
            raise NotYours
    return before


def snapshot(connection: Connection, document: int) -> dict[str, Any]:
    """The document as it stands, with the person's fields, as `decision` keeps it. Raises NotFound."""
    row = connection.execute(SQL["snapshot"], {"id": document}).fetchone()
    if row is None:
        raise NotFound(f"There is no document {document}.")
    found: dict[str, Any] = row["snapshot"]
    return found


def _keep_fields(
    connection: Connection, document: int, fields: Mapping[str, str], inks: Mapping[str, Ink]
) -> None:
    values = {name: value.strip() for name, value in fields.items()}
    for name in DATES & values.keys():
        _date(name, values[name])
    connection.execute(SQL["forget_person_fields"], {"document": document})
    connection.execute(SQL["keep_person_fields"], {"document": document, "fields": Jsonb(values)})
    for name, (page, box) in inks.items():
        connection.execute(
            SQL["keep_ink"], {"document": document, "name": name, "page": page, "box": list(box)}
        )
    if "date_of_service" in values:
        on = _date("date_of_service", values["date_of_service"])
        connection.execute(SQL["date_document"], {"document": document, "on": on})


def _date(name: str, value: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise BadInput(f"{value!r} is not a date.", f"Write {name} as YYYY-MM-DD.", "bad_date") from None


def _settle(connection: Connection, sight: Sight, act: str, before: dict[str, Any]) -> int:
    decision = _record(connection, sight, act, before)
    if sight.item is not None:
        connection.execute(SQL["settle_item"], {"id": sight.item, "by": sight.by})
    return decision


def _record(
    connection: Connection, sight: Sight, act: str, before: dict[str, Any], undoes: int | None = None
) -> int:
    """The next revision, and the row that tells of it."""
    connection.execute(SQL["next_revision"], {"id": sight.document})
    given = {
        "document": sight.document,
        "item": sight.item,
        "by": sight.by,
        "before": Jsonb(before),
        "after": Jsonb(snapshot(connection, sight.document)),
        "note": sight.note or None,
        "act": act,
        "undoes": undoes,
    }
    row = connection.execute(SQL["record_decision"], given).fetchone()
    assert row is not None
    return int(row["id"])
