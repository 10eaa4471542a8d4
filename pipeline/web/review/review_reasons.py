"""Why an item waits, in words for who settles it: what is in doubt and what to do. The machine's own words
keep the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.matching.decision_rules import WORDS

KINDS = {
    "patient": "Patient in doubt",
    "type": "Type in doubt",
    "split": "Cut in doubt",
    "field": "Field in doubt",
    "page": "Page unreadable",
    "mixed": "Mixed patients",
    "batch": "Batch does not add up",
    "empty": "No document in the scan",
    "person": "Asked for by a person",
    "quality": "Quality sample",
    "given": "Differs from the manifest",
    "quarantine": "File in quarantine",
}
"""What a reviewer filters by; the function reason_kinds of the schema says which reasons are of which
kind.
"""

AS_TOLD = ""  # the machine's own sentence says it best: it names pages, counts or people, and has no figures
COMPARE = "Compare name, birth date and MRN with the page, then choose the patient."
LOOK = "Look at the page, then decide."
ADVICE: dict[str, tuple[str, str]] = {
    "no_patient_named": (
        "No patient's name or number was found on these pages.",
        "Read them: if they name somebody, search for that patient; if not, hand the item up.",
    ),
    "unknown_patient": (
        "Nobody in the patient index fits what is written here.",
        "Search by birth date, MRN or another spelling; if the patient is not registered yet, hand the item up.",
    ),
    "below_threshold": ("The nearest patient fits, but not well enough to file unseen.", COMPARE),
    "one_identifier": ("Too little on the page tells who the patient is.", COMPARE),
    "second_candidate": (
        "Two patients fit almost equally well.",
        "Compare both with the page, then choose one.",
    ),
    "initial_only": (
        "The first name is an initial: it may be a twin or another relative.",
        "Look for the whole first name on the pages, then choose the patient.",
    ),
    "two_slips": (
        "Several details differ a little from the nearest patient's.",
        "Compare them digit by digit, then choose.",
    ),
    "mrn_of_another": (
        "The MRN on the page belongs to another patient than name and birth date.",
        "Check the MRN digit by digit, then choose whom the page is about.",
    ),
    "died_before": (
        "The nearest patient had died before the date of service.",
        "Check the date on the page, and whether it is another patient.",
    ),
    "mixed_patients": (AS_TOLD, "If there are two patients, cut the scan where the second begins."),
    **dict.fromkeys(
        ("field_patient_name_disagrees", "field_mrn_disagrees", "field_dob_disagrees"),
        (AS_TOLD, "Compare the two pages; if there are two patients, cut the scan between them."),
    ),
    "page_unreadable": (AS_TOLD, "If you cannot read it either, have it scanned again."),
    "page_handwritten": (
        AS_TOLD,
        "Read it yourself: check patient, type and date, and correct what is wrong.",
    ),
    "page_picture": (AS_TOLD, "Look whom it shows or belongs to; it may be part of the document before it."),
    "page_faint": (
        AS_TOLD,
        "Compare the values with the page; if they cannot be made out, have it scanned again.",
    ),
    "split_uncertain": (
        "Pages may be missing here, or belong to another document.",
        "Look at the first and the last page; if they are not its own, cut the scan anew.",
    ),
    "type_uncertain": (
        "What kind of document this is, is not certain.",
        "Read its heading, then choose the type.",
    ),
    "no_documents": (AS_TOLD, "If that is right, settle the item; if not, have the paper scanned again."),
    "batch_counts": (AS_TOLD, "Count the paper, hand in what is missing, then settle the item with a note."),
    "person_rearranged": (AS_TOLD, "Check patient, type and values, then file it."),
    "person_reopened": (AS_TOLD, LOOK),
    "quality_sample": (
        "This filed document was drawn at random to check how well filing works.",
        "Check patient, type, date and pages, correct what is wrong, then file it.",
    ),
    "manifest_pages": (
        AS_TOLD,
        "Compare with the paper chart: pages may be missing, or belong to another document.",
    ),
    "manifest_incomplete": (
        AS_TOLD,
        "Look for the missing files in the old archive before you file what is here.",
    ),
    "manifest_disagrees": (AS_TOLD, "Go by the page: choose whom it names."),
    "manifest_unknown_patient": (AS_TOLD, "Search by the name and birth date on the page."),
}
CONTRADICTS = "_contradicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A reason as a person reads it. `machine`: its own words and figures. `code` is stable."""

    code: str
    what: str
    do: str
    machine: str


def kind(name: str) -> str:
    """A kind of reasons as a person reads it."""
    return KINDS.get(name, name)


def told(reason: dict[str, Any]) -> Told:
    """The words for a reason as stored: {"code", "detail", "weight"}. One that has none here is told in the
    machine's.
    """
    code, detail, weight = reason["code"], reason["detail"], reason.get("weight")
    if code.endswith(CONTRADICTS) and (field := code.removesuffix(CONTRADICTS)) in WORDS:
        what = f"{WORDS[field]}: the page and the nearest patient differ."
        do = "Check it on the page; if it was read rightly, look for another patient."
    else:
        what, do = ADVICE.get(code, (AS_TOLD, LOOK))
    machine = detail if weight is None else f"{detail} ({weight:+.1f} bits)"
    return Told(code=code, what=what or detail, do=do, machine=machine)


def all_told(reasons: Iterable[dict[str, Any]]) -> list[tuple[list[str], str]]:
    """What is in doubt, each thing once, and what to do; doubts that ask for the same stand together."""
    found: dict[str, dict[str, None]] = {}
    for one in map(told, reasons):
        found.setdefault(one.do, {})[one.what] = None
    return [(list(whats), do) for do, whats in found.items()]
