"""What a program may decide through the JSON API: the same claims, revisions, double entry and audit as on
the pages.
"""

from __future__ import annotations

from fastapi import APIRouter

from pipeline.errors import BadInput
from pipeline.index import document_actions, double_entry
from pipeline.index.document_actions import Sight
from pipeline.index.split_merge import take_back
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import Visit, Visiting
from pipeline.web.review import review_item, review_queue
from pipeline.web.review.page_arrangement import Arrangement, rearrange
from pipeline.web.routes.api_models import (
    PREFIX,
    RESPONSES,
    Cut,
    Decided,
    Entered,
    Entry,
    Filing,
    Id,
    Note,
    Rejection,
    Withdrawal,
)

router = APIRouter(prefix=PREFIX, tags=["api"], responses=RESPONSES)


@router.post("/items/{item}/file", name="api_file")
def file(visit: Visiting, item: Id, filing: Filing) -> Decided:
    """File the document to a patient and type. The item must be the client's."""
    sight = _sight(visit, item, filing.revision)
    twice = visit.desk.settings.web.double_entry
    decision = document_actions.file_document(
        visit.connection, sight, patient=filing.patient, type=filing.type, fields=filing.fields, twice=twice
    )
    visit.record(patient=filing.patient, document=sight.document, act="file", decision=decision)
    return Decided(decision=decision, document=sight.document)


@router.post("/items/{item}/reject", name="api_reject")
def reject(visit: Visiting, item: Id, rejection: Rejection) -> Decided:
    """Have the document scanned again."""
    sight = _sight(visit, item, rejection.revision, rejection.note)
    decision = document_actions.reject(visit.connection, sight)
    visit.record(document=sight.document, act="reject", decision=decision)
    return Decided(decision=decision, document=sight.document)


@router.post("/items/{item}/skip", name="api_skip", status_code=204)
def skip(visit: Visiting, item: Id) -> None:
    """Give the item back; it comes to this client again when nothing else is left."""
    review_queue.skip(visit.connection, item, visit.account.name)
    visit.record(item=item)


@router.post("/items/{item}/escalate", name="api_escalate", status_code=204)
def escalate(visit: Visiting, item: Id, note: Note) -> None:
    """Hand the item up with a note."""
    review_queue.escalate(visit.connection, item, visit.account.name, note.note)
    visit.record(item=item)


@router.post("/items/{item}/enter", name="api_enter")
def enter(visit: Visiting, item: Id, entry: Entry) -> Entered:
    """Keep MRN and birth date typed blind, where the installation asks for double entry."""
    entries = double_entry.enter(visit.connection, item, visit.account.name, entry.model_dump())
    visit.record(item=item, entry=len(entries.rows), agreed=entries.agreed is not None)
    return Entered(wanting=entries.wanting, agreed=entries.agreed is not None)


@router.post("/decisions/{decision}/undo", name="api_undo")
def undo(visit: Visiting, decision: Id) -> Decided:
    """Take a decision back: one's own, or as a supervisor anybody's."""
    me = visit.account
    document = take_back(visit.connection, decision, me.name, of_others=me.role == Role.SUPERVISOR)
    visit.record(document=document, act="undo", decision=decision)
    return Decided(decision=decision, document=document)


@router.post("/documents/{document}/withdraw", name="api_withdraw")
def withdraw(visit: Visiting, document: Id, withdrawal: Withdrawal) -> Decided:
    """Take a filed document out of its chart, or send it back into the queue."""
    row = review_item.document_of(visit.connection, document)
    sight = Sight(
        document=document, revision=withdrawal.revision, by=visit.account.name, note=withdrawal.note
    )
    decision = (document_actions.reopen if withdrawal.again else document_actions.withdraw)(
        visit.connection, sight
    )
    visit.record(
        patient=row["patient_id"], document=document, act="reopen" if withdrawal.again else "withdraw"
    )
    return Decided(decision=decision, document=document)


@router.post("/scans/{scan}/pages", name="api_arrange")
def arrange(visit: Visiting, scan: Id, arrangement: Arrangement) -> Cut:
    """Cut a scan anew: split, merge, reorder, turn, leave out and bring back pages."""
    cut = rearrange(
        visit.connection, visit.desk.blobs(), visit.desk.settings, scan, arrangement, visit.account.name
    )
    for document in (*cut.replaced, *cut.made):
        visit.record(document=document, scan=scan, act="regroup")
    return Cut(replaced=cut.replaced, made=cut.made)


def _sight(visit: Visit, item: int, revision: int, note: str = "") -> Sight:
    row = review_item.item_of(visit.connection, item)
    if row["document_id"] is None:
        raise BadInput(
            "This item is about a scan without documents.", "Settle it on the web page.", "no_document"
        )
    return Sight(document=row["document_id"], revision=revision, by=visit.account.name, item=item, note=note)
