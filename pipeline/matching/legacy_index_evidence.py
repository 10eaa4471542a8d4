"""Combine the legacy index's patient with the page's evidence; it never overrides a contradiction on the
page.

If the legacy index is trusted, a document without patient identifiers is filed to the patient that the index
names. The reasons state this."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.matching.document_matching import IDENTIFYING_FIELDS
from pipeline.matching.person import normalize_number
from pipeline.records import Candidate, Document, Filed, Filing, LegacyMetadata, NeedsReview, Reason

PATIENT_CONFLICT = Reason(
    code="legacy_patient_conflict", detail="The page and the legacy index name different patients."
)
UNKNOWN_MRN = Reason(
    code="legacy_unknown_mrn",
    detail="The patient index does not have the record number in the legacy index.",
)
INSUFFICIENT_EVIDENCE_CODES = (
    "no_patient_named",
    "insufficient_identifiers",
    "multiple_near_matches",
    "below_threshold",
    "ambiguous_candidates",
)
"""Reasons for a review that a trusted legacy index resolves: the page has too little evidence, but no
contradiction.
"""


def apply_legacy_evidence(
    filing: Filing, legacy: LegacyMetadata, holders: Collection[int], accuracy: float
) -> Filing:
    """Return the filing after the legacy index's record number is taken into account.

    Args:
        legacy: the legacy index's entry.
        holders: the patients with its record number.
        accuracy: how often such a record number is correct, in [0, 1].
    """
    if legacy.mrn is None:
        return filing
    if not holders:
        return _sent_to_review(filing, UNKNOWN_MRN)
    if _contradicts_page(filing, legacy, holders):
        return _sent_to_review(filing, PATIENT_CONFLICT)
    if "patient" in legacy.trusted and isinstance(filing, NeedsReview):
        return _filed_by_legacy_index(filing, holders, accuracy)
    return filing


def _contradicts_page(filing: Filing, legacy: LegacyMetadata, holders: Collection[int]) -> bool:
    """Return whether the page names another patient or contradicts this one."""
    if isinstance(filing, Filed):
        return filing.patient.id not in holders
    printed = _printed_mrn(filing.document)
    if printed is not None and normalize_number(printed) != normalize_number(legacy.mrn):
        return not (
            filing.candidates
            and filing.candidates[0].patient.id in holders
            and not _has_contradiction(filing)
        )
    return bool(filing.candidates) and (
        filing.candidates[0].patient.id not in holders or _has_contradiction(filing)
    )


def _has_contradiction(filing: NeedsReview) -> bool:
    return any(
        reason.code.endswith("_contradicts") or reason.code == "mrn_belongs_to_other_patient"
        for reason in filing.reasons
    )


def _printed_mrn(document: Document) -> str | None:
    """Return the record number printed on the pages."""
    return next((field.value for field in document.fields if field.name == "mrn" and any(field.box)), None)


def _sent_to_review(filing: Filing, reason: Reason) -> NeedsReview:
    return NeedsReview(
        document=filing.document,
        probability=filing.probability,
        candidates=filing.candidates,
        reasons=(reason, *(filing.reasons if isinstance(filing, NeedsReview) else ())),
    )


def _filed_by_legacy_index(filing: NeedsReview, holders: Collection[int], accuracy: float) -> Filing:
    """Return the document as filed if its pages name no patient and nothing else needs review."""
    has_printed_identifier = any(
        field.name in IDENTIFYING_FIELDS and any(field.box) for field in filing.document.fields
    )
    chosen: Candidate | None = next((c for c in filing.candidates if c.patient.id in holders), None)
    others = [reason for reason in filing.reasons if reason.code not in INSUFFICIENT_EVIDENCE_CODES]
    if has_printed_identifier or chosen is None or others or len(holders) > 1:
        return filing
    reason = Reason(
        code="filed_from_legacy_index", detail="The pages name no patient; the legacy index is trusted"
    )
    return Filed(
        document=filing.document,
        patient=chosen.patient,
        probability=accuracy,
        candidates=filing.candidates,
        reasons=(reason, *chosen.reasons),
    )
