"""Decisions through the JSON API, with the claims, revisions, double entry and audit of the pages."""

from __future__ import annotations

from fastapi import APIRouter

from pipeline.errors import InvalidInput
from pipeline.index import document_actions, double_entry
from pipeline.index.document_actions import ReviewContext
from pipeline.index.split_merge import undo_decision
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.review import review_item, review_queue
from pipeline.web.review.page_arrangement import PageArrangement, apply_arrangement
from pipeline.web.review.patient_comparison import check_filing
from pipeline.web.routes.api_models import (
    PREFIX,
    RESPONSES,
    Decided,
    Entered,
    Entry,
    Filing,
    Id,
    Note,
    Rejection,
    SplitResult,
    Withdrawal,
)

router = APIRouter(prefix=PREFIX, tags=["api"], responses=RESPONSES)


@router.post("/items/{item}/file", name="api_file")
def file(context: Context, item: Id, filing: Filing) -> Decided:
    """File the document to a patient and type. The client must have claimed the item.

    Without a note, a patient who contradicts the page is refused with the code reason_required."""
    review = _review_context(context, item, filing.revision, filing.note)
    check_filing(
        context,
        review_item.load_document(context.connection, review.document),
        patient=filing.patient,
        type=filing.type,
        fields=filing.fields,
        note=filing.note,
    )
    decision = document_actions.file_document(
        context.connection,
        review,
        patient=filing.patient,
        type=filing.type,
        fields=filing.fields,
        double_entry=context.app.settings.web.double_entry,
    )
    context.record(patient=filing.patient, document=review.document, action="file", decision=decision)
    return Decided(decision=decision, document=review.document)


@router.post("/items/{item}/reject", name="api_reject")
def reject(context: Context, item: Id, rejection: Rejection) -> Decided:
    """Reject the document for rescan."""
    review = _review_context(context, item, rejection.revision, rejection.note)
    decision = document_actions.reject(context.connection, review)
    context.record(document=review.document, action="reject", decision=decision)
    return Decided(decision=decision, document=review.document)


@router.post("/items/{item}/skip", name="api_skip", status_code=204)
def skip(context: Context, item: Id) -> None:
    """Release the item; this client gets it again when no other items are left."""
    review_queue.skip(context.connection, item, context.account.name)
    context.record(item=item)


@router.post("/items/{item}/escalate", name="api_escalate", status_code=204)
def escalate(context: Context, item: Id, note: Note) -> None:
    """Escalate the item with a note."""
    review_queue.escalate(context.connection, item, context.account.name, note.note)
    context.record(item=item)


@router.post("/items/{item}/enter", name="api_enter")
def enter(context: Context, item: Id, entry: Entry) -> Entered:
    """Store MRN and date of birth typed blind, if the installation uses double entry."""
    entries = double_entry.enter(context.connection, item, context.account.name, entry.model_dump())
    context.record(item=item, entry=len(entries.rows), agreed=entries.agreed is not None)
    return Entered(incomplete=entries.incomplete, agreed=entries.agreed is not None)


@router.post("/decisions/{decision}/undo", name="api_undo")
def undo(context: Context, decision: Id) -> Decided:
    """Undo a decision: one's own, or as a supervisor anyone's."""
    account = context.account
    is_supervisor = account.role == Role.SUPERVISOR
    document = undo_decision(context.connection, decision, account.name, of_others=is_supervisor)
    context.record(document=document, action="undo", decision=decision)
    return Decided(decision=decision, document=document)


@router.post("/documents/{document}/withdraw", name="api_withdraw")
def withdraw(context: Context, document: Id, withdrawal: Withdrawal) -> Decided:
    """Take a filed document out of its chart, or return it to the queue."""
    row = review_item.load_document(context.connection, document)
    review = ReviewContext(
        document=document, revision=withdrawal.revision, actor=context.account.name, note=withdrawal.note
    )
    if withdrawal.reopen:
        decision = document_actions.reopen(context.connection, review)
    else:
        decision = document_actions.withdraw(context.connection, review)
    action = "reopen" if withdrawal.reopen else "withdraw"
    context.record(patient=row.patient_id, document=document, action=action, decision=decision)
    return Decided(decision=decision, document=document)


@router.post("/scans/{scan}/pages", name="api_arrange")
def arrange(context: Context, scan: Id, arrangement: PageArrangement) -> SplitResult:
    """Change the split of a scan: split, merge, reorder, rotate, exclude and restore pages."""
    app = context.app
    result = apply_arrangement(
        context.connection, app.blobs(), app.settings, scan, arrangement, context.account.name
    )
    for document in (*result.replaced, *result.created):
        context.record(document=document, scan=scan, action="regroup")
    return SplitResult(replaced=result.replaced, created=result.created)


def _review_context(context: RequestContext, item: int, revision: int, note: str = "") -> ReviewContext:
    row = review_item.load_item(context.connection, item)
    if row.document_id is None:
        raise InvalidInput(
            "This item is about a scan without documents.", "Close it on its web page.", "no_document"
        )
    return ReviewContext(
        document=row.document_id, revision=revision, actor=context.account.name, item=item, note=note
    )
