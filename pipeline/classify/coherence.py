"""Whether pages look like one document as a whole: one patient, one count of pages. And the alarm where they are not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from rapidfuzz.distance import DamerauLevenshtein

from pipeline.classify.fields.choosing import same_name
from pipeline.classify.pagemarks import PageMarks
from pipeline.records import Reason

WRONG_COUNT = 1.5
"""Nats against a document whose printed page numbers do not count up, for each that does not: numbers are misread at times."""

TWO_PATIENTS = 6.0
"""Nats against a document that names two patients."""

STRONG = 0.8
"""Label strength from which a name, number or birth date is taken for the patient's own."""


def disharmony(marks: Sequence[PageMarks]) -> float:
    """Nats against these pages being one document, beyond what each page break says."""
    against = 0.0
    for position, mark in enumerate(marks, start=1):
        if mark.number is not None and mark.number != position:
            against += WRONG_COUNT
        if mark.total is not None and mark.total != len(marks):
            against += WRONG_COUNT
    return against + (TWO_PATIENTS if any(_differ(a, b) for a, b in pairwise(marks)) else 0.0)


def mixed_patients(marks: Sequence[PageMarks]) -> Iterator[Reason]:
    """The alarm: two patients' identifiers within one document always go to a person."""
    for a, b in combinations(marks, 2):
        if _differ(a, b):
            detail = f"Pages {a.page.number} and {b.page.number} seem to name different patients."
            yield Reason(code="mixed_patients", detail=detail)
            return


def _differ(a: PageMarks, b: PageMarks) -> bool:
    """Do two pages name different patients? One identifier that differs by more than a reading error, none that agrees."""
    differs = agrees = 0
    for name in ("patient_name", "mrn", "dob"):
        here, there = _values(a, name), _values(b, name)
        if here and there:
            if any(_alike(name, x, y) for x in here for y in there):
                agrees += 1
            else:
                differs += 1
    return differs >= 2 or (differs == 1 and not agrees)


def _values(mark: PageMarks, name: str) -> list[str]:
    return [offer.value for offer in mark.offers if offer.field == name and offer.evidence["label"] >= STRONG]


def _alike(name: str, left: str, right: str) -> bool:
    if name == "patient_name":
        return same_name(left, right)
    a, b = (re.sub(r"\W", "", text).lower() for text in (left, right))
    return a == b or DamerauLevenshtein.distance(a, b, score_cutoff=2) <= (1 if name == "dob" else 2)
