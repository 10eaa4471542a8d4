"""Merging two records of one patient, with the evidence side by side, and undoing a merge."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.errors import NotFound
from pipeline.index.search import patients_with_mrn
from pipeline.matching import person_from_record
from pipeline.matching.pair_matching import compare_people
from pipeline.patients import patient_merge
from pipeline.records import Reason
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.rendering import render_page
from pipeline.web.review.review_item import Row

SQL = statements("pipeline.web.routes")

router = APIRouter()


@router.get("/patients/{patient}/merge", name="merge_page", response_class=HTMLResponse)
def merge_page(
    context: Context, patient: int, other: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Compare a patient with the one whose MRN is `other`, and show the records merged into the patient."""
    row = load_record(context, patient)
    context.record(patient=patient, other=other)
    other_row: Row | None = None
    evidence: tuple[Reason, ...] = ()
    if other.strip():
        other_row = load_record(context, patients_with_mrn(context.connection, other.strip())[0])
        pair, _ = compare_people(
            person_from_record(row), person_from_record(other_row), context.app.settings.matching
        )
        evidence = pair.reasons
    merged = context.connection.execute(SQL["merged_into"], {"patient": patient}).fetchall()
    return render_page(
        context,
        "patient_merge.html",
        patient=row,
        other_patient=other_row,
        evidence=evidence,
        merged=merged,
        other=other,
    )


@router.post("/patients/{patient}/merge", name="merge")
def merge(context: Context, patient: int, other: Annotated[int, Form()]) -> RedirectResponse:
    """Merge the record `other` into this patient's record."""
    done = patient_merge.merge(context.connection, other, patient, context.account.name)
    context.record(patient=patient, merged=other, documents=done.documents)
    return RedirectResponse(f"/patients/{patient}", 303)


@router.post("/patients/{patient}/unmerge", name="unmerge")
def unmerge(context: Context, patient: int) -> RedirectResponse:
    """Undo the merge of this record."""
    done = patient_merge.unmerge(context.connection, patient, context.account.name)
    context.record(patient=patient, unmerged_from=done.survivor, documents=done.documents)
    return RedirectResponse(f"/patients/{patient}", 303)


def load_record(context: RequestContext, patient: int) -> Row:
    """Return the patient's complete record. Raises NotFound."""
    row = context.connection.execute(SQL["patient_record"], {"id": patient}).fetchone()
    if row is None:
        raise NotFound(f"There is no patient {patient}.", "Search for the name or the MRN.")
    return row
