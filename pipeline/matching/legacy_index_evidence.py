"""An old index's word on the patient beside the page's: it never files what the page speaks against.

Where it is believed, a document that names nobody is filed to the patient whom it names; that is said in the
reasons."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.matching.document_matching import NAMING
from pipeline.matching.person import number_or_none
from pipeline.records import Candidate, Document, Filed, Filing, Given, NeedsReview, Reason

DISAGREES = Reason(code="manifest_disagrees", detail="The page and the old index name different patients.")
UNKNOWN = Reason(
    code="manifest_unknown_patient",
    detail="The patient index does not know the record number of the old index.",
)
ABOUT_PATIENT = ("no_patient_named", "one_identifier", "two_slips", "below_threshold", "second_candidate")
"""Reasons for a review that a believed index answers: the page says too little, nothing of it speaks
against.
"""


def beside(filing: Filing, given: Given, holders: Collection[int], sure: float) -> Filing:
    """The filing in the light of what is given. `holders`: whose number it is; `sure`: how often such a
    number is right.
    """
    if given.mrn is None:
        return filing
    if not holders:
        return _doubted(filing, UNKNOWN)
    if _disagrees(filing, given, holders):
        return _doubted(filing, DISAGREES)
    if "patient" in given.believed and isinstance(filing, NeedsReview):
        return _believed(filing, holders, sure)
    return filing


def _disagrees(filing: Filing, given: Given, holders: Collection[int]) -> bool:
    """Does the page name another patient, or speak against this one?"""
    if isinstance(filing, Filed):
        return filing.patient.id not in holders
    own = _own_mrn(filing.document)
    if own is not None and number_or_none(own) != number_or_none(given.mrn):
        return not (filing.candidates and filing.candidates[0].patient.id in holders and not _against(filing))
    return bool(filing.candidates) and (filing.candidates[0].patient.id not in holders or _against(filing))


def _against(filing: NeedsReview) -> bool:
    return any(
        reason.code.endswith("_contradicts") or reason.code == "mrn_of_another" for reason in filing.reasons
    )


def _own_mrn(document: Document) -> str | None:
    """The record number that stands on the pages."""
    return next((field.value for field in document.fields if field.name == "mrn" and any(field.box)), None)


def _doubted(filing: Filing, reason: Reason) -> NeedsReview:
    return NeedsReview(
        document=filing.document,
        probability=filing.probability,
        candidates=filing.candidates,
        reasons=(reason, *(filing.reasons if isinstance(filing, NeedsReview) else ())),
    )


def _believed(filing: NeedsReview, holders: Collection[int], sure: float) -> Filing:
    """Filed, where the pages name nobody and nothing else is doubted."""
    names_itself = any(field.name in NAMING and any(field.box) for field in filing.document.fields)
    chosen: Candidate | None = next((c for c in filing.candidates if c.patient.id in holders), None)
    others = [reason for reason in filing.reasons if reason.code not in ABOUT_PATIENT]
    if names_itself or chosen is None or others or len(holders) > 1:
        return filing
    reason = Reason(code="filed_by_manifest", detail="The pages name nobody; the old index is believed")
    return Filed(
        document=filing.document,
        patient=chosen.patient,
        probability=sure,
        candidates=filing.candidates,
        reasons=(reason, *chosen.reasons),
    )
