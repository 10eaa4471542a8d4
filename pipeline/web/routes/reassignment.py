"""Moving a document that was filed into the wrong chart.

A report shows who viewed the document there and where it was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import InvalidInput, NotFound
from pipeline.index import document_actions
from pipeline.index.disclosure_report import disclosures
from pipeline.index.document_actions import ReviewContext
from pipeline.index.search import patients_with_mrn
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.rendering import render_page
from pipeline.web.review import review_item
from pipeline.web.review.patient_comparison import candidate_view, compare_patient, person_on_document
from pipeline.web.review.review_item import DocumentRow

router = APIRouter()


@router.post("/documents/{document}/move", name="reassign_document", response_class=HTMLResponse)
def reassign_document(
    context: Context,
    document: int,
    revision: Annotated[int, Form()],
    mrn: Annotated[str, Form(min_length=1, max_length=200)],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
    confirmed_patient: Annotated[int | None, Form()] = None,
) -> Response:
    """Move a filed document into the chart of the patient with this MRN.

    Without `confirmed_patient`, nothing is moved: the page names the patients with this MRN and compares each
    with the document."""
    row = review_item.load_document(context.connection, document)
    submission = Reassignment(
        document=row,
        revision=revision,
        mrn=mrn,
        note=note,
        patients=patients_with_mrn(context.connection, mrn.strip()),
    )
    if confirmed_patient not in submission.patients:
        return confirmation_page(context, submission)
    review = ReviewContext(document=document, revision=revision, actor=context.account.name, note=note)
    try:
        decision = document_actions.reassign(context.connection, review, confirmed_patient)
    except InvalidInput as error:
        return confirmation_page(context, submission, message=str(error), status=422)
    context.record(
        patient=row.patient_id, document=document, action="move", to=confirmed_patient, decision=decision
    )
    return RedirectResponse(f"/documents/{document}/moves/{decision}", 303)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassignment:
    """A move that a user is about to make. `patients`: the patients with the MRN that the user typed."""

    document: DocumentRow
    revision: int
    mrn: str
    note: str
    patients: list[int]


def confirmation_page(
    context: RequestContext, submission: Reassignment, *, message: str = "", status: int = 200
) -> HTMLResponse:
    """Return the page that compares the document with the patient of the other chart before it is moved."""
    connection, document = context.connection, submission.document
    context.record(patient=document.patient_id, document=document.id, action="compare", mrn=submission.mrn)
    person = person_on_document(review_item.field_values(connection, document))
    settings = context.app.settings.matching
    targets = [
        candidate_view(compare_patient(connection, person, patient, settings))
        for patient in submission.patients
    ]
    return render_page(
        context,
        "reassignment_confirmation.html",
        status=status,
        submission=submission,
        document=document,
        current_patient=review_item.load_patient(connection, document.patient_id),
        targets=targets,
        message=message,
    )


@router.get("/documents/{document}/moves/{decision}", name="reassignment_report", response_class=HTMLResponse)
def reassignment_report(context: Context, document: int, decision: int) -> HTMLResponse:
    """Show who viewed a moved document in the wrong chart, where it was sent from there, and which other
    documents of its scan may be in the wrong chart too.
    """
    report = disclosures(context.connection, decision)
    if report.document != document:
        raise NotFound(f"The decision {decision} is not about document {document}.")
    context.record(patient=report.wrong.id, document=document, decision=decision)
    return render_page(
        context,
        "reassignment.html",
        report=report,
        document=review_item.load_document(context.connection, document),
        wrong=review_item.load_patient(context.connection, report.wrong.id),
        right=review_item.load_patient(context.connection, report.right.id),
    )
