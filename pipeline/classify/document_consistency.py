"""Check whether pages are consistent as one document: one patient, and page numbers that count up.

Segmentation uses this as penalties; for a finished document, two patients are an issue for a reviewer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import TypeAlias

from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from pipeline.classify.fields.field_candidates import FieldCandidate
from pipeline.classify.fields.field_selection import names_match
from pipeline.classify.page_features import PageFeatures
from pipeline.classify.segmentation_dp import Penalties
from pipeline.records import Reason

PAGE_NUMBER_MISMATCH_NATS = 1.5
"""Penalty of a document for each printed page number that does not count up: numbers are sometimes misread.
"""

TWO_PATIENTS_NATS = 6.0
"""Penalty of a document that names two patients."""

MIN_LABEL_STRENGTH = 0.8
"""Label strength from which a name, number or birth date is assumed to be the patient's."""

RECORD_NUMBER_LABELS = ("mr", "medicalrec", "medrec", "patientmrn", "healthrecord")
"""Beginnings of the label keys of the hospital's own record number."""

MIN_WORD_SIMILARITY = 70.0
"""rapidfuzz's ratio from which two words of names may be readings of the same word."""

RIVAL_DESCRIPTIONS = {
    "mrn": "it has two record numbers",
    "dob": "it has two birth dates",
    "patient_name": "it has two patient names",
}
"""Fields of which one page about one patient has one value, and the words for two."""

IDENTIFYING_FIELDS = ("patient_name", "mrn", "dob")
Identity: TypeAlias = tuple[tuple[str, ...], ...]
"""The values of each of IDENTIFYING_FIELDS that a page gives for its patient."""


def consistency_penalties(pages: Sequence[PageFeatures]) -> Penalties:
    """Return the penalties, in nats, for consecutive pages being one document, in addition to the evidence of
    each page boundary.
    """
    identities = [page_identity(page) for page in pages]
    changes = [False, *(identities_differ(a, b) for a, b in pairwise(identities))]

    def penalties(first: int) -> Iterator[float]:
        wrong_numbers = pages_with_total = bare = 0
        totals: Counter[int] = Counter()
        has_two_patients = False
        for length, page in enumerate(pages[first:], start=1):
            bare += length > 1 and page.is_bare
            wrong_numbers += page.printed_number is not None and not (
                length - bare <= page.printed_number <= length
            )
            if page.printed_total is not None:
                pages_with_total += 1
                totals[page.printed_total] += 1
            has_two_patients |= length > 1 and changes[first + length - 1]
            possible_totals = range(length - bare, length + 1)  # backs of forms may not be counted
            mismatches = wrong_numbers + pages_with_total - sum(totals[total] for total in possible_totals)
            yield PAGE_NUMBER_MISMATCH_NATS * mismatches + (TWO_PATIENTS_NATS if has_two_patients else 0.0)

    return penalties


def find_mixed_patients(pages: Sequence[PageFeatures]) -> Iterator[Reason]:
    """Yield an issue if one page, or two pages of one document, name different patients. Such a document
    always goes to a reviewer.
    """
    for page in pages:
        rival = find_rival_identifiers(page.candidates)
        if rival is not None:
            detail = f"Page {page.page.number} seems to name different patients: {rival}."
            yield Reason(code="mixed_patients", detail=detail)
            return
    first_page: dict[Identity, int] = {}
    for page in pages:
        first_page.setdefault(page_identity(page), page.page.number)
    for (a, page_a), (b, page_b) in combinations(first_page.items(), 2):
        if identities_differ(a, b):
            detail = f"Pages {page_a} and {page_b} seem to name different patients."
            yield Reason(code="mixed_patients", detail=detail)
            return


def find_rival_identifiers(candidates: Sequence[FieldCandidate]) -> str | None:
    """Return which identifiers on one page contradict each other, in words; None if none do.

    Two record numbers under the same kind of label, two birth dates of the patient, or two patient names
    without a common word contradict each other. A record number and, say, a chart number do not.
    """
    for field, description in RIVAL_DESCRIPTIONS.items():
        strong = [
            c for c in candidates if c.field == field and c.evidence["label_strength"] >= MIN_LABEL_STRENGTH
        ]
        for a, b in combinations(strong, 2):
            if _are_rivals(field, a, b):
                return description
    return None


def _are_rivals(field: str, a: FieldCandidate, b: FieldCandidate) -> bool:
    if field == "mrn":
        return _number_kind(a.label) == _number_kind(b.label) and not _is_same_value(field, a.value, b.value)
    if field == "dob":
        return not _is_same_value(field, a.value, b.value)
    return bool(a.evidence["colon"] and b.evidence["colon"]) and not share_word(a.value, b.value)


def _number_kind(label: str) -> str:
    """Return one key for all labels of the hospital's record number; other numbers keep their label."""
    return "mrn" if label.startswith(RECORD_NUMBER_LABELS) else label


def share_word(left: str, right: str) -> bool:
    """Return whether two names have a word in common, allowing for OCR errors and initials."""
    a, b = (re.findall(r"[^\W\d_]+", name.lower()) for name in (left, right))
    return any(
        x[0] == y[0] if min(len(x), len(y)) == 1 else fuzz.ratio(x, y) >= MIN_WORD_SIMILARITY
        for x in a
        for y in b
    )


def page_identity(page: PageFeatures) -> Identity:
    """Return the values of each of IDENTIFYING_FIELDS on a page."""
    return tuple(
        tuple(
            c.value
            for c in page.candidates
            if c.field == field and c.evidence["label_strength"] >= MIN_LABEL_STRENGTH
        )
        for field in IDENTIFYING_FIELDS
    )


def identities_differ(a: Identity, b: Identity) -> bool:
    """Return whether two pages name different patients: one identifier differs by more than an OCR error and
    none agrees, or at least two differ.
    """
    differ = agree = 0
    for field, values_a, values_b in zip(IDENTIFYING_FIELDS, a, b, strict=True):
        if values_a and values_b:
            if any(_is_same_value(field, x, y) for x in values_a for y in values_b):
                agree += 1
            else:
                differ += 1
    return differ >= 2 or (differ == 1 and not agree)


def _is_same_value(field: str, left: str, right: str) -> bool:
    """Return whether two values are the same, allowing for one misread digit in a birth date, two in a
    number.
    """
    if field == "patient_name":
        return names_match(left, right)
    a, b = (re.sub(r"\W", "", text).lower() for text in (left, right))
    max_errors = 1 if field == "dob" else 2
    if field == "dob" and (a[:4], a[6:], a[4:6]) == (b[:4], b[4:6], b[6:]):
        return True  # day and month are swapped
    return a == b or DamerauLevenshtein.distance(a, b, score_cutoff=2) <= max_errors
