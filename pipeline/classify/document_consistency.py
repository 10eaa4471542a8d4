"""Whether pages look like one document as a whole: one patient, one count of pages. And the alarm where they
are not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import TypeAlias

from rapidfuzz.distance import DamerauLevenshtein

from pipeline.classify.fields.field_selection import names_match
from pipeline.classify.page_features import PageMarks
from pipeline.classify.segmentation_dp import Penalties
from pipeline.records import Reason

WRONG_COUNT = 1.5
"""Nats against a document whose printed page numbers do not count up, for each that does not: numbers are
misread at times.
"""

TWO_PATIENTS = 6.0
"""Nats against a document that names two patients."""

STRONG = 0.8
"""Label strength from which a name, number or birth date is taken for the patient's own."""

IDENTIFIERS = ("patient_name", "mrn", "dob")
Identity: TypeAlias = tuple[tuple[str, ...], ...]
"""The values of each of IDENTIFIERS that a page gives for its patient."""


def disharmony(marks: Sequence[PageMarks]) -> Penalties:
    """Nats against stretches of these pages being one document, beyond what each page break says."""
    known = [identity(mark) for mark in marks]
    changes = [False, *(differ(a, b) for a, b in pairwise(known))]

    def against(first: int) -> Iterator[float]:
        wrong = counted = 0
        totals: Counter[int] = Counter()
        two_patients = False
        for pages, mark in enumerate(marks[first:], start=1):
            wrong += mark.number is not None and mark.number != pages
            if mark.total is not None:
                counted += 1
                totals[mark.total] += 1
            two_patients |= pages > 1 and changes[first + pages - 1]
            yield WRONG_COUNT * (wrong + counted - totals[pages]) + (TWO_PATIENTS if two_patients else 0.0)

    return against


def mixed_patients(marks: Sequence[PageMarks]) -> Iterator[Reason]:
    """The alarm: two patients' identifiers within one document always go to a person."""
    first_with: dict[Identity, int] = {}
    for mark in marks:
        first_with.setdefault(identity(mark), mark.page.number)
    for (a, page), (b, other) in combinations(first_with.items(), 2):
        if differ(a, b):
            yield Reason(
                code="mixed_patients", detail=f"Pages {page} and {other} seem to name different patients."
            )
            return


def identity(mark: PageMarks) -> Identity:
    """Whom a page names: its values of each field of IDENTIFIERS."""
    values = {
        name: [o.value for o in mark.offers if o.field == name and o.evidence["label"] >= STRONG]
        for name in IDENTIFIERS
    }
    return tuple(tuple(values[name]) for name in IDENTIFIERS)


def differ(a: Identity, b: Identity) -> bool:
    """Do two pages name different patients? One identifier that differs by more than a reading error, none
    that agrees.
    """
    differs = agrees = 0
    for name, here, there in zip(IDENTIFIERS, a, b, strict=True):
        if here and there:
            if any(_alike(name, x, y) for x in here for y in there):
                agrees += 1
            else:
                differs += 1
    return differs >= 2 or (differs == 1 and not agrees)


def _alike(name: str, left: str, right: str) -> bool:
    if name == "patient_name":
        return names_match(left, right)
    a, b = (re.sub(r"\W", "", text).lower() for text in (left, right))
    return a == b or DamerauLevenshtein.distance(a, b, score_cutoff=2) <= (1 if name == "dob" else 2)
