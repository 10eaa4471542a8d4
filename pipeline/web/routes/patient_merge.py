"""Merging two records of one patient, with the evidence side by side, and undoing a merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import NotFound
from pipeline.index.search import patients_with_mrn
from pipeline.matching import person_from_record
from pipeline.matching.pair_matching import compare_people
from pipeline.patients import patient_merge, rejected_messages
from pipeline.records import Reason
from pipeline.store.sql import statements
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.rendering import render_page
from pipeline.web.review.review_item import Row

SQL = statements("pipeline.web.routes")

router = APIRouter()


@router.get("/patients/{patient}/merge", name="merge_page", response_class=HTMLResponse)
def merge_page(
    context: Context,
    patient: int,
    other: Annotated[str, Query(max_length=200)] = "",
    message: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> HTMLResponse:
    """Compare a patient with the one whose MRN is `other`, and show the records merged into the patient.
    `message`: the rejected HL7 message that asks for the merge.
    """
    row = load_record(context, patient)
    context.record(patient=patient, other=other)
    other_row: Row | None = None
    if other.strip():
        other_row = load_record(context, patients_with_mrn(context.connection, other.strip())[0])
    return comparison_page(context, row, other_row, other=other, hl7_message=message)


def comparison_page(
    context: RequestContext,
    patient: Row,
    other_patient: Row | None,
    *,
    other: str = "",
    differences: Sequence[str] = (),
    message: str = "",
    note: str = "",
    hl7_message: int | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return the page that compares two records.

    Args:
        context: The request.
        patient: The record that the page is about, and that is kept if the merge is to be confirmed.
        other_patient: The record to compare it with.
        other: The MRN that was typed for the other record.
        differences: The fields that differ and for which the merge must be confirmed, with a reason.
        message: Why a merge was refused.
        note: The reason that was typed.
        hl7_message: The rejected message that asks for the merge.
        status: The status of the response.
    """
    evidence: tuple[Reason, ...] = ()
    if other_patient is not None:
        pair, _ = compare_people(
            person_from_record(patient), person_from_record(other_patient), context.app.settings.matching
        )
        evidence = pair.reasons
    merged = context.connection.execute(SQL["merged_into"], {"patient": patient["id"]}).fetchall()
    return render_page(
        context,
        "patient_merge.html",
        status=status,
        patient=patient,
        other_patient=other_patient,
        evidence=evidence,
        merged=merged,
        other=other,
        differences=differences,
        message=message,
        note=note,
        hl7_message=hl7_message,
    )


@router.post("/patients/{patient}/merge", name="merge", response_class=HTMLResponse)
def merge(
    context: Context,
    patient: int,
    other: Annotated[int, Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
    confirmed: Annotated[bool, Form()] = False,
    hl7_message: Annotated[int | None, Form(ge=1, lt=2**63)] = None,
) -> Response:
    """Merge the record `other` into this patient's record.

    If given name or birth date differ, the merge must be confirmed on a second page, with a reason. The
    rejected HL7 message that asks for the merge is settled when all its merges are done."""
    row, other_row = load_record(context, patient), load_record(context, other)
    summaries = [patient_merge.patient_summary(context.connection, id) for id in (patient, other)]
    differences = patient_merge.differing_identity_fields(*summaries)
    reason = note.strip()
    if differences and not (confirmed and reason):
        context.record(patient=patient, other=other)
        return comparison_page(
            context,
            row,
            other_row,
            other=other_row["mrn"] or "",
            differences=differences,
            message="The reason is missing. State it in a few words." if confirmed else "",
            note=note,
            hl7_message=hl7_message,
            status=422 if confirmed else 200,
        )
    done = patient_merge.merge(context.connection, other, patient, context.account.name)
    context.record(
        patient=patient,
        merged=other,
        documents=done.documents,
        reason=reason or None,
        **({} if hl7_message is None else {"hl7_message": hl7_message}),
    )
    if hl7_message is None:
        return RedirectResponse(f"/patients/{patient}", 303)
    settlement = f"Merged {other_row['mrn']} into {row['mrn']}. {reason}"
    rejected_messages.settle_if_merged(context.connection, hl7_message, context.account.name, settlement)
    return RedirectResponse("/messages", 303)


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
