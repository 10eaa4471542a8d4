"""Reviewer-facing explanations of why an item needs review, and what to do about it.

A reason is stored with a code and with the stage's own detail, which contains the figures. The sentences here
are shown first; the detail is one click away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.matching.decision_rules import FIELD_LABELS

KIND_LABELS = {
    "patient": "Uncertain patient",
    "type": "Uncertain document type",
    "split": "Uncertain split",
    "field": "Uncertain field",
    "page": "Page quality",
    "mixed_patients": "Mixed patients",
    "batch": "Batch count mismatch",
    "no_document": "No document in scan",
    "manual": "Requested by a user",
    "quality": "Quality sample",
    "legacy_index": "Differs from legacy index",
    "file": "Unusual file",
    "quarantine": "File in quarantine",
}
"""The kinds of reasons to filter the queue by. The table reason_code gives each code its kind."""

USE_DETAIL = ""
"""Marks codes whose stored detail is shown: it names pages, counts or people, and contains no weights."""
COMPARE_IDENTIFIERS = "Compare name, date of birth and MRN with the page, then choose the patient."
REVIEW_PAGE = "Look at the page, then decide."
RESCAN_IF_UNREADABLE = "If you cannot read it either, reject it for rescan."
ADVICE: dict[str, tuple[str, str]] = {
    "no_patient_named": (
        "No patient name or number was found on these pages.",
        "Read the pages: if they name a patient, search for that patient; if not, escalate the item.",
    ),
    "no_patient_found": (
        "No matching patient found automatically.",
        "Search by date of birth, MRN or another spelling. If the patient is not registered yet, "
        "escalate the item.",
    ),
    "below_threshold": ("Likely match; please confirm.", COMPARE_IDENTIFIERS),
    "insufficient_identifiers": (
        "The page has too few identifiers to be sure of the patient.",
        COMPARE_IDENTIFIERS,
    ),
    "ambiguous_candidates": (
        "Two patients match almost equally well.",
        "Compare both with the page, then choose one.",
    ),
    "initial_only": (
        "The first name is only an initial, so this may be a twin or another relative.",
        "Look for the full first name on the pages, then choose the patient.",
    ),
    "multiple_near_matches": (
        "Several details differ slightly from the closest match.",
        "Compare them character by character, then choose the patient.",
    ),
    "mrn_belongs_to_other_patient": (
        "The MRN on the page belongs to a different patient than the name and date of birth.",
        "Check the MRN digit by digit, then choose the patient whom the page is about.",
    ),
    "service_after_death": (
        "The closest match died before the date of service.",
        "Check the date on the page, and whether the page is about another patient.",
    ),
    "mixed_patients": (
        USE_DETAIL,
        "If there are two patients, split the scan where the second patient's pages begin.",
    ),
    **dict.fromkeys(
        ("conflicting_patient_name", "conflicting_mrn", "conflicting_dob"),
        (USE_DETAIL, "Compare the two pages. If they are about two patients, split the scan between them."),
    ),
    "unreadable_page": (USE_DETAIL, RESCAN_IF_UNREADABLE),
    "handwritten_page": (
        USE_DETAIL,
        "Read it yourself: check patient, type and date, and correct what is wrong.",
    ),
    "non_text_page": (
        USE_DETAIL,
        "Check what it shows and whom it belongs to. It may be part of the previous document.",
    ),
    "low_ocr_confidence": (
        USE_DETAIL,
        "Compare the values with the page. If they are illegible, reject it for rescan.",
    ),
    "split_uncertain": (
        "Pages may be missing here, or belong to another document.",
        "Check the first and the last page. If they belong elsewhere, change the split.",
    ),
    "incomplete_pages": (
        USE_DETAIL,
        "Look for the missing pages in the scan and the paper. If they are lost, file it as it is.",
    ),
    "page_order": (
        USE_DETAIL,
        "Put the pages in the order of their printed numbers, then file the document.",
    ),
    "possible_duplicate": (
        USE_DETAIL,
        "Compare both documents. If they are the same pages, reject this one.",
    ),
    **dict.fromkeys(
        ("ambiguous_dob", "ambiguous_date_of_service"),
        (
            USE_DETAIL,
            "Look for other dates on the pages, or for who sent them, then correct the date if needed.",
        ),
    ),
    "type_uncertain": (
        "The document type is uncertain.",
        "Read the title, then choose the type.",
    ),
    "no_documents": (USE_DETAIL, "If that is correct, close the item. If not, have the paper rescanned."),
    "batch_count_mismatch": (
        USE_DETAIL,
        "Count the paper, scan what is missing, then close the item with a note.",
    ),
    "manually_rearranged": (USE_DETAIL, "Check patient, type and values, then file it."),
    "manually_reopened": (USE_DETAIL, REVIEW_PAGE),
    "quality_sample": (
        "This filed document was selected at random for a quality check.",
        "Check patient, type, date and pages, correct what is wrong, then file it.",
    ),
    "attachments": (
        USE_DETAIL,
        "Check the pages of the attached files. Open the original for those that are not shown as pages.",
    ),
    "xfa_form": (
        USE_DETAIL,
        "Open the original in the program that made it, print it to PDF, and submit that.",
    ),
    "file_grew": (
        USE_DETAIL,
        "File the longer one. Reject the shorter one with a note, because its pages are in the longer one.",
    ),
    "concatenated_pdfs": (
        USE_DETAIL,
        "Check that no page is missing, and that each document belongs to its patient.",
    ),
    "legacy_page_count": (
        USE_DETAIL,
        "Compare with the paper chart: pages may be missing, or belong to another document.",
    ),
    "legacy_files_missing": (
        USE_DETAIL,
        "Look for the missing files in the legacy archive before you file these pages.",
    ),
    "legacy_patient_conflict": (USE_DETAIL, "Trust the page: choose the patient whom it names."),
    "legacy_unknown_mrn": (USE_DETAIL, "Search by the name and date of birth on the page."),
}
CONTRADICTS_SUFFIX = "_contradicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonText:
    """A reason in words: its stable code, the problem, what to do, and the stage's own detail with its
    weight.
    """

    code: str
    problem: str
    advice: str
    detail: str


def kind_label(kind: str) -> str:
    """Return the label of a kind of reasons."""
    return KIND_LABELS.get(kind, kind)


def reason_text(reason: dict[str, Any]) -> ReasonText:
    """Return the words for a stored reason, {"code", "detail", "weight"}.

    A code without words of its own is shown with its stored detail."""
    code, detail, weight = reason["code"], reason["detail"], reason.get("weight")
    field = code.removesuffix(CONTRADICTS_SUFFIX)
    if code.endswith(CONTRADICTS_SUFFIX) and field in FIELD_LABELS:
        problem = f"{FIELD_LABELS[field]}: the page and the closest match differ."
        advice = "Check it on the page. If it was read correctly, look for another patient."
    else:
        problem, advice = ADVICE.get(code, (USE_DETAIL, REVIEW_PAGE))
    weighted = detail if weight is None else f"{detail} ({weight:+.1f} bits)"
    return ReasonText(code=code, problem=problem or detail, advice=advice, detail=weighted)


def group_reasons(reasons: Iterable[dict[str, Any]]) -> list[tuple[list[str], str]]:
    """Return the problems, each one once, grouped by their advice: [(problems, advice)]."""
    groups: dict[str, dict[str, None]] = {}
    for text in map(reason_text, reasons):
        groups.setdefault(text.advice, {})[text.problem] = None
    return [(list(problems), advice) for advice, problems in groups.items()]
