"""A document that was filed into the wrong chart: moved to the right one, and who had seen it, and where it
had been sent.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.errors import NotFound
from pipeline.index import document_actions
from pipeline.index.disclosure_report import exposure
from pipeline.index.document_actions import Sight
from pipeline.index.search import patients_of
from pipeline.web.auth.request_context import Visiting
from pipeline.web.rendering import page
from pipeline.web.review import review_item

router = APIRouter()


@router.post("/documents/{document}/move", name="move_document")
def move_document(
    visit: Visiting,
    document: int,
    revision: Annotated[int, Form()],
    mrn: Annotated[str, Form(min_length=1, max_length=200)],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
) -> RedirectResponse:
    """Move a filed document into the chart of the patient with this MRN."""
    wrong = review_item.document_of(visit.connection, document)["patient_id"]
    patient = patients_of(visit.connection, mrn.strip())[0]
    sight = Sight(document=document, revision=revision, by=visit.account.name, note=note)
    decision = document_actions.move(visit.connection, sight, patient)
    visit.record(patient=wrong, document=document, act="move", to=patient, decision=decision)
    return RedirectResponse(f"/documents/{document}/moves/{decision}", 303)


@router.get("/documents/{document}/moves/{decision}", name="move_report", response_class=HTMLResponse)
def move_report(visit: Visiting, document: int, decision: int) -> HTMLResponse:
    """Who had seen a moved document in the wrong chart, what had been sent out of it, and what else may be
    wrong there.
    """
    found = exposure(visit.connection, decision)
    if found.document != document:
        raise NotFound(f"The decision {decision} is not about document {document}.")
    visit.record(patient=found.wrong.id, document=document, decision=decision)
    row = review_item.document_of(visit.connection, document)
    wrong, right = (
        review_item.patient_of(visit.connection, patient.id) for patient in (found.wrong, found.right)
    )
    return page(visit, "reassignment.html", found=found, document=row, wrong=wrong, right=right)
