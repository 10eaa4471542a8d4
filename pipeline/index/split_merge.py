"""Cutting a scan's pages anew: split, merge, reorder, leave out, bring back.

A document that changes its pages is another document: the old one is withdrawn with its machine's answer
untouched, the new one is filed by the road of every new document and waits in review. Pages left out form a
withdrawn document of their own, so that every page of the scan still is in exactly one place. All that is
done in one go is undone in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.errors import BadInput, Conflict
from pipeline.index.document_actions import Outdated, snapshot, undo, undoable
from pipeline.index.filing import insert_filing, violations_are_errors
from pipeline.records import NeedsReview, Scan
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """Pages that are to be a document now, with what the machine says of them. `kept`: False for pages that
    are left out; `turns`: degrees clockwise by which a person turned a page, by its number."""

    filing: NeedsReview
    pdf: str
    kept: bool = True
    turns: Mapping[int, int] = field(default_factory=dict)


def loose_documents(connection: Connection, scan: int) -> dict[int, dict[str, Any]]:
    """By id the documents whose pages may be moved (in review, or withdrawn with pages): revision, status,
    pages, turns.
    """
    return {row["id"]: row for row in connection.execute(SQL["loose_documents"], {"scan": scan})}


def regroup(
    connection: Connection,
    scan: Scan,
    seen: Mapping[int, int],
    new: Sequence[NewDocument],
    texts: dict[int, str],
    by: str,
) -> list[int]:
    """Put `new` in the place of the documents `seen` (id: revision that the person saw); the ids of the new
    ones.

    `texts`: the text of every page used, by number. Joins the caller's transaction. Raises Outdated, Conflict
    where somebody else holds one of them, BadInput where the pages of the old ones are not all in the new
    ones."""
    connection.execute(SQL["lock_scan"], [scan.id])
    now = loose_documents(connection, scan.id)
    for document, revision in seen.items():
        if document not in now or now[document]["revision"] != revision:
            changed = connection.execute(SQL["lock_document"], {"id": document}).fetchone()
            raise Outdated(
                document, snapshot(connection, document), changed["changed_by"] if changed else "somebody"
            )
        if now[document]["holder"] not in (None, by):
            raise Conflict(
                f"{now[document]['holder']} is working on one of these documents.", "Ask, or come back later."
            )
    before = sorted(n for document in seen for n in now[document]["pages"])
    pages = sorted(n for document in new for n in document.filing.document.pages)
    others = [n for document, row in now.items() if document not in seen for n in row["pages"]]
    if len(set(pages)) != len(pages) or not set(before) <= set(pages) or set(pages) & set(others):
        raise BadInput(
            "Some page would be in no document, or in two.", "Load the pages again.", "pages_do_not_add_up"
        )
    batch: int | None = None
    for document in seen:
        batch = _replace(connection, document, by, batch)
    made = []
    with violations_are_errors():
        for entry in new:
            connection.execute(
                SQL["pages_are_content"], {"scan": scan.id, "pages": list(entry.filing.document.pages)}
            )
            insert_filing(connection, scan, entry.filing, entry.pdf, texts)
            made.append(_made(connection, scan.id, entry, by, batch))
    return made


def take_back(connection: Connection, decision: int, by: str, *, of_others: bool = False) -> int:
    """Undo a decision, whether about one document or about the pages of a scan. The document it was about.

    Raises as `undoable`, and as `undo` or `undo_regroup` do.
    """
    what = undoable(connection, decision, by, of_others=of_others)
    if what["act"] == "regroup":
        return undo_regroup(connection, what["batch"], by)
    return undo(connection, decision, by, of_others=of_others)


def undo_regroup(connection: Connection, batch: int, by: str) -> int:
    """Bring the documents back that were replaced together, and withdraw those made of them; the first one's
    id.

    Raises Conflict where one of the new documents has been decided on since.
    """
    rows = connection.execute(SQL["batch"], {"batch": batch}).fetchall()
    old = [row for row in rows if row["before"] is not None]
    made = [row for row in rows if row["before"] is None]
    if any(row["revision"] != row["after"]["revision"] for row in made):
        raise Conflict("One of these documents has been decided on since.", "Undo that first.")
    connection.execute(SQL["lock_scan"], [old[0]["scan_id"]])
    texts = connection.execute(
        SQL["take_page_texts"], {"documents": [row["document_id"] for row in made]}
    ).fetchall()
    for row in made:
        connection.execute(SQL["withdraw_document"], {"id": row["document_id"]})
        connection.execute(SQL["close_items_of"], {"document": row["document_id"], "by": by})
        _note(connection, row["document_id"], by, "undo", row["after"], undoes=row["id"])
    given = Jsonb([{"number": row["number"], "text": row["text"]} for row in texts])
    for row in old:
        connection.execute(
            SQL["restore_document"], {"id": row["document_id"], "snapshot": Jsonb(row["before"])}
        )
        connection.execute(SQL["give_pages_back"], {"document": row["document_id"], "texts": given})
        connection.execute(
            SQL["reopen_items_of"], {"document": row["document_id"], "decision": row["id"], "by": by}
        )
        _note(connection, row["document_id"], by, "undo", row["after"], undoes=row["id"])
    return int(old[0]["document_id"])


def _replace(connection: Connection, document: int, by: str, batch: int | None) -> int:
    """Withdraw a document whose pages go elsewhere; the batch of this regrouping."""
    before = snapshot(connection, document)
    connection.execute(SQL["withdraw_document"], {"id": document})
    connection.execute(SQL["take_page_texts"], {"documents": [document]})
    row = connection.execute(SQL["close_items_of"], {"document": document, "by": by}).fetchone()
    return _note(connection, document, by, "regroup", before, batch=batch, item=row["id"] if row else None)


def _made(connection: Connection, scan: int, entry: NewDocument, by: str, batch: int | None) -> int:
    """Write who made this document, and put pages that are left out aside."""
    row = connection.execute(
        SQL["document_of_page"], {"scan": scan, "number": entry.filing.document.pages[0]}
    ).fetchone()
    assert row is not None
    document = int(row["document_id"])
    if entry.turns:
        connection.execute(SQL["turn_pages"], {"document": document, "turns": Jsonb(dict(entry.turns))})
    if not entry.kept:
        connection.execute(SQL["withdraw_document"], {"id": document})
        connection.execute(SQL["close_items_of"], {"document": document, "by": by})
    _note(connection, document, by, "regroup", None, batch=batch)
    return document


def _note(
    connection: Connection,
    document: int,
    by: str,
    act: str,
    before: dict[str, Any] | None,
    *,
    batch: int | None = None,
    item: int | None = None,
    undoes: int | None = None,
) -> int:
    connection.execute(SQL["next_revision"], {"id": document})
    given = {"document": document, "item": item, "by": by, "act": act, "undoes": undoes, "batch": batch}
    after = snapshot(connection, document)
    values = given | {"before": Jsonb(before) if before else None, "after": Jsonb(after)}
    row = connection.execute(SQL["record_regrouping"], values).fetchone()
    assert row is not None
    return int(row["batch"])
