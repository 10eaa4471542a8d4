"""What can be learned from documents whose patient is known: how often a page agrees with its patient's
record, by level, and how well the probabilities are calibrated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.matching.comparison_levels import compare_fields
from pipeline.matching.document_matching import person_from_fields
from pipeline.matching.person import Person
from pipeline.matching.weights import Rates
from pipeline.patients.candidates import CURSOR_ROWS, SQL, person_from_row
from pipeline.store.database import Connection

MAX_DOCUMENTS = 50_000  # documents, the newest: forms and scanners change
MIN_DOCUMENTS_PER_FIELD = 200  # documents that show a field before its rates are learned from them
PRIOR_DOCUMENTS = 50  # the previous rates count as much as this number of documents
LEARNED_FIELDS = ("family", "given", "middle", "dob", "mrn", "ssn", "medicaid", "home", "phone", "email")
CONDITIONAL_LEVELS = {("given", "initial"), ("middle", "initial"), ("dob", "partial"), ("ssn", "last_four")}
"""Levels that occur only if a page has no more of the value: their rate is relative to such pages."""
BIN_EDGES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0)  # of the table of reliability


@dataclass(frozen=True, slots=True)
class LabeledOutcome:
    """A filed document: the person named on it, the patient in whose chart it is now, and the probability of
    the first candidate.

    `right`: whether the first candidate is that patient. Both are None if there was no candidate."""

    printed: Person
    patient: Person
    probability: float | None
    right: bool | None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Documents whose first candidate had a probability from `low` to `high`: their number, their average
    probability, and how many were right.
    """

    low: float
    high: float
    documents: int
    expected: float
    right: int


def labeled_outcomes(connection: Connection) -> Iterator[LabeledOutcome]:
    """Yield the filed documents, a few thousand rows at a time. A document that no user has moved counts as
    its patient's."""
    with connection.transaction(), connection.cursor(name="decided") as cursor:
        cursor.itersize = CURSOR_ROWS
        for row in cursor.execute(SQL["labeled_outcomes"], {"most": MAX_DOCUMENTS}):
            fields = {
                name: (value, sure if sure is not None else 1.0)
                for name, (value, sure) in row["fields"].items()
            }
            right = None if row["first"] is None else row["first"] == row["id"]
            yield LabeledOutcome(person_from_fields(fields), person_from_row(row), row["probability"], right)


def count_levels(documents: Iterable[LabeledOutcome]) -> Counter[tuple[str, str]]:
    """Return how often each (field, level) occurred."""
    return Counter(
        level for document in documents for level in compare_fields(document.printed, document.patient)
    )


def learn_same_rates(
    counts: Counter[tuple[str, str]], rates: dict[str, dict[str, Rates]]
) -> dict[str, dict[str, float]]:
    """Return {field: {level: rate for the same person}} of the fields that enough documents show."""
    found: dict[str, dict[str, float]] = {}
    for field in LEARNED_FIELDS:
        known = {
            level: rate.same
            for level, rate in rates[field].items()
            if (field, level) not in CONDITIONAL_LEVELS
        }
        seen, whole = sum(counts[field, level] for level in known), sum(known.values())
        if seen >= MIN_DOCUMENTS_PER_FIELD:
            found[field] = {
                level: (counts[field, level] + PRIOR_DOCUMENTS * same / whole) / (seen + PRIOR_DOCUMENTS)
                for level, same in known.items()
            }
    return found


def first_candidates(documents: Iterable[LabeledOutcome]) -> list[tuple[float, bool]]:
    """Return (probability of the first candidate, whether it was the patient) of documents with
    candidates."""
    return [(d.probability, bool(d.right)) for d in documents if d.probability is not None]


def reliability(candidates: Sequence[tuple[float, bool]]) -> tuple[ReliabilityBin, ...]:
    """Return how often first candidates were right, by their probability."""
    bins = []
    for low, high in pairwise(BIN_EDGES):
        inside = [(p, right) for p, right in candidates if low <= p < high or p == high == BIN_EDGES[-1]]
        if inside:
            expected = sum(p for p, _ in inside) / len(inside)
            bins.append(ReliabilityBin(low, high, len(inside), expected, sum(right for _, right in inside)))
    return tuple(bins)
