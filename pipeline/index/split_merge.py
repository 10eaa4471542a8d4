"""Split, merge, reorder, exclude and bring back the pages of a scan.

A document whose pages change becomes another document: the old one is withdrawn with its result untouched,
and the new one is inserted like any new document and waits in review. Excluded pages form a withdrawn
document of their own, so every page of the scan stays in exactly one place. Changes that are made together
are undone together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipeline.errors import Conflict, InvalidInput
from pipeline.index.decision import RegroupDecision, Snapshot, UnfiledDocument
from pipeline.index.document_actions import StaleRevision, snapshot, undo, undoable
from pipeline.index.filing import insert_filing, translate_constraint_errors
from pipeline.records import NeedsReview, Scan
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """Pages that are to form a document, with the software's result for them.

    `excluded`: the pages are left out of every chart. `rotations`: degrees clockwise by page number.
    """

    filing: NeedsReview
    pdf: str
    excluded: bool = False
    rotations: Mapping[int, int] = field(default_factory=dict)


def unfiled_documents(connection: Connection, scan: int) -> dict[int, UnfiledDocument]:
    """Return, by ID, the documents whose pages may be moved: in review, or withdrawn with pages."""
    with connection.cursor(row_factory=class_row(UnfiledDocument)) as cursor:
        return {row.id: row for row in cursor.execute(SQL["unfiled_documents"], {"scan": scan})}


def regroup(
    connection: Connection,
    scan: Scan,
    seen: Mapping[int, int],
    new: Sequence[NewDocument],
    texts: dict[int, str],
    actor: str,
) -> list[int]:
    """Replace documents by new ones with the same pages, in the caller's transaction.

    Args:
        connection: The database.
        scan: The scan of the pages.
        seen: The documents to replace, with the revision of each that the person saw.
        new: The documents to insert.
        texts: The text of every page used, by number.
        actor: The person's name.

    Returns:
        The IDs of the new documents.

    Raises:
        StaleRevision: Someone else changed one of the documents.
        Conflict: Someone else has claimed one of them.
        InvalidInput: A page would be in no document, or in two.
    """
    connection.execute(SQL["lock_scan"], [scan.id])
    current = unfiled_documents(connection, scan.id)
    for document, revision in seen.items():
        if document not in current or current[document].revision != revision:
            row = connection.execute(SQL["lock_document"], {"id": document}).fetchone()
            raise StaleRevision(
                document, snapshot(connection, document), row["changed_by"] if row else "someone else"
            )
        holder = current[document].holder
        if holder not in (None, actor):
            raise Conflict(f"{holder} is working on one of these documents.", "Ask them, or try again later.")
    before = sorted(n for document in seen for n in current[document].pages)
    pages = sorted(n for document in new for n in document.filing.document.pages)
    others = [n for document, row in current.items() if document not in seen for n in row.pages]
    if len(set(pages)) != len(pages) or not set(before) <= set(pages) or set(pages) & set(others):
        raise InvalidInput(
            "A page would be in no document, or in two.",
            "Reload the pages and try again.",
            "page_accounting_error",
        )
    batch: int | None = None
    for document in seen:
        batch = _withdraw_replaced(connection, document, actor, batch)
    created = []
    with translate_constraint_errors():
        for entry in new:
            params = {"scan": scan.id, "pages": list(entry.filing.document.pages)}
            connection.execute(SQL["pages_are_content"], params)
            document = insert_filing(connection, scan, entry.filing, entry.pdf, texts)
            created.append(_finish_new(connection, document, entry, actor, batch))
    return created


def undo_decision(connection: Connection, decision: int, actor: str, *, of_others: bool = False) -> int:
    """Undo a decision about one document or about the pages of a scan; return the ID of the document
    concerned.

    Raises:
        NotFound, Conflict, StaleRevision: As `undoable`, `undo` and `undo_regroup` do.
    """
    row = undoable(connection, decision, actor, of_others=of_others)
    if row.action == "regroup":
        assert row.batch is not None, "every regrouping has a batch"
        return undo_regroup(connection, row.batch, actor)
    return undo(connection, decision, actor, of_others=of_others)


def undo_regroup(connection: Connection, batch: int, actor: str) -> int:
    """Restore documents that were replaced together and withdraw those that replaced them.

    Returns:
        The ID of the first restored document.

    Raises:
        Conflict: One of the new documents has been decided on since.
    """
    with connection.cursor(row_factory=class_row(RegroupDecision)) as cursor:
        rows = cursor.execute(SQL["batch"], {"batch": batch}).fetchall()
    replaced = [(row, row.before) for row in rows if row.before is not None]
    created = [row for row in rows if row.before is None]
    if any(row.revision != row.after["revision"] for row in created):
        raise Conflict("One of these documents has been decided on since.", "Undo that first.")
    connection.execute(SQL["lock_scan"], [rows[0].scan_id])
    params = {"documents": [row.document_id for row in created]}
    texts = connection.execute(SQL["take_page_texts"], params).fetchall()
    for row in created:
        connection.execute(SQL["withdraw_document"], {"id": row.document_id})
        connection.execute(SQL["close_items_of"], {"document": row.document_id, "actor": actor})
        _record(connection, row.document_id, actor, "undo", row.after, undoes=row.id)
    page_texts = Jsonb([{"number": row["number"], "text": row["text"]} for row in texts])
    for row, before in replaced:
        document = row.document_id
        connection.execute(SQL["restore_document"], {"id": document, "snapshot": Jsonb(before)})
        connection.execute(SQL["restore_pages"], {"document": document, "texts": page_texts})
        connection.execute(SQL["reopen_items_of"], {"document": document, "decision": row.id, "actor": actor})
        _record(connection, document, actor, "undo", row.after, undoes=row.id)
    return replaced[0][0].document_id


def _withdraw_replaced(connection: Connection, document: int, actor: str, batch: int | None) -> int:
    """Withdraw a document whose pages move to others; return the batch of these changes."""
    before = snapshot(connection, document)
    connection.execute(SQL["withdraw_document"], {"id": document})
    connection.execute(SQL["take_page_texts"], {"documents": [document]})
    row = connection.execute(SQL["close_items_of"], {"document": document, "actor": actor}).fetchone()
    return _record(
        connection, document, actor, "regroup", before, batch=batch, item=row["id"] if row else None
    )


def _finish_new(
    connection: Connection, document: int, entry: NewDocument, actor: str, batch: int | None
) -> int:
    """Set a new document's rotations, withdraw it if its pages are excluded, and record who created it."""
    if entry.rotations:
        params = {"document": document, "rotations": Jsonb(dict(entry.rotations))}
        connection.execute(SQL["rotate_pages"], params)
    if entry.excluded:
        connection.execute(SQL["withdraw_document"], {"id": document})
        connection.execute(SQL["close_items_of"], {"document": document, "actor": actor})
    _record(connection, document, actor, "regroup", None, batch=batch)
    return document


def _record(
    connection: Connection,
    document: int,
    actor: str,
    action: str,
    before: Snapshot | None,
    *,
    batch: int | None = None,
    item: int | None = None,
    undoes: int | None = None,
) -> int:
    """Advance the document's revision and insert the decision; return its batch."""
    connection.execute(SQL["next_revision"], {"id": document})
    params = {
        "document": document,
        "item": item,
        "actor": actor,
        "action": action,
        "undoes": undoes,
        "batch": batch,
        "before": Jsonb(before) if before else None,
        "after": Jsonb(snapshot(connection, document)),
    }
    row = connection.execute(SQL["record_regrouping"], params).fetchone()
    assert row is not None
    return int(row["batch"])
