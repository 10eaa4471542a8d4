"""Two records of one patient made one, with the evidence side by side, and parted again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.errors import NotFound
from pipeline.index.search import patients_of
from pipeline.matching import person_from
from pipeline.matching.pair_matching import compare
from pipeline.patients import patient_merge
from pipeline.records import Reason
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Visit, Visiting
from pipeline.web.rendering import page
from pipeline.web.review.review_item import Row

SQL = statements("pipeline.web.routes")

router = APIRouter()


@router.get("/patients/{patient}/merge", name="merge_page", response_class=HTMLResponse)
def merge_page(
    visit: Visiting, patient: int, other: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """A patient beside the one with the MRN `other`: what agrees, what differs; and who was merged into this
    patient.
    """
    row = record_of(visit, patient)
    visit.record(patient=patient, other=other)
    beside: Row | None = None
    evidence: tuple[Reason, ...] = ()
    if other.strip():
        beside = record_of(visit, patients_of(visit.connection, other.strip())[0])
        pair, _ = compare(person_from(row), person_from(beside), visit.desk.settings.match)
        evidence = pair.reasons
    merged = visit.connection.execute(SQL["merged_into"], {"patient": patient}).fetchall()
    return page(
        visit, "patient_merge.html", patient=row, beside=beside, evidence=evidence, merged=merged, other=other
    )


@router.post("/patients/{patient}/merge", name="merge")
def merge(visit: Visiting, patient: int, other: Annotated[int, Form()]) -> RedirectResponse:
    """Make the record `other` a part of this patient's."""
    done = patient_merge.merge(visit.connection, other, patient, visit.account.name)
    visit.record(patient=patient, merged=other, documents=done.documents)
    return RedirectResponse(f"/patients/{patient}", 303)


@router.post("/patients/{patient}/unmerge", name="unmerge")
def unmerge(visit: Visiting, patient: int) -> RedirectResponse:
    """Part this merged record from its survivor again."""
    done = patient_merge.unmerge(visit.connection, patient, visit.account.name)
    visit.record(patient=patient, parted_from=done.survivor, documents=done.documents)
    return RedirectResponse(f"/patients/{patient}", 303)


def record_of(visit: Visit, patient: int) -> Row:
    """The patient's record. Raises NotFound."""
    row = visit.connection.execute(SQL["patient_record"], {"id": patient}).fetchone()
    if row is None:
        raise NotFound(f"There is no patient {patient}.", "Search for the name or the MRN.")
    return row
