"""Moving a document that was filed into the wrong chart.

A report shows who viewed the document there and where it was sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.errors import NotFound
from pipeline.index import document_actions
from pipeline.index.disclosure_report import disclosures
from pipeline.index.document_actions import ReviewContext
from pipeline.index.search import patients_with_mrn
from pipeline.web.auth.request_context import Context
from pipeline.web.rendering import render_page
from pipeline.web.review import review_item

router = APIRouter()


@router.post("/documents/{document}/move", name="reassign_document")
def reassign_document(
    context: Context,
    document: int,
    revision: Annotated[int, Form()],
    mrn: Annotated[str, Form(min_length=1, max_length=200)],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
) -> RedirectResponse:
    """Move a filed document into the chart of the patient with this MRN."""
    wrong = review_item.load_document(context.connection, document).patient_id
    patient = patients_with_mrn(context.connection, mrn.strip())[0]
    review = ReviewContext(document=document, revision=revision, actor=context.account.name, note=note)
    decision = document_actions.reassign(context.connection, review, patient)
    context.record(patient=wrong, document=document, action="move", to=patient, decision=decision)
    return RedirectResponse(f"/documents/{document}/moves/{decision}", 303)


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
