"""What is learned about the weights from documents whose patient is known."""

from __future__ import annotations

from pipeline.matching.person import person_from_record
from pipeline.matching.weights import load_rates
from pipeline.patients.outcome_statistics import (
    MIN_DOCUMENTS_PER_FIELD,
    LabeledOutcome,
    count_levels,
    first_candidates,
    learn_same_rates,
    reliability,
)

SUSAN = {"given": "Susan", "family": "Caballero", "dob": "1964-09-29", "mrn": "7700123"}


def document(probability: float | None = 0.99, right: bool = True, **printed: str) -> LabeledOutcome:
    return LabeledOutcome(person_from_record(SUSAN | printed), person_from_record(SUSAN), probability, right)


def test_a_frequent_level_gets_its_rate_from_the_documents() -> None:
    pages = [document()] * MIN_DOCUMENTS_PER_FIELD + [document(dob="1964-09-28")] * MIN_DOCUMENTS_PER_FIELD
    learned = learn_same_rates(count_levels(pages), load_rates(None))
    assert 0.4 < learned["dob"]["exact"] < 0.55
    assert learned["dob"]["misread"] > 0.4
    assert sum(learned["dob"].values()) == 1.0 or abs(sum(learned["dob"].values()) - 1) < 1e-9


def test_a_rare_field_keeps_its_rates() -> None:
    assert (
        learn_same_rates(count_levels([document()] * (MIN_DOCUMENTS_PER_FIELD - 1)), load_rates(None)) == {}
    )


def test_an_initial_does_not_count_for_names_that_are_written_out() -> None:
    pages = [document()] * MIN_DOCUMENTS_PER_FIELD + [document(given="S")] * MIN_DOCUMENTS_PER_FIELD
    learned = learn_same_rates(count_levels(pages), load_rates(None))
    assert learned["given"]["exact"] > 0.95
    assert "initial" not in learned["given"]


def test_probabilities_are_compared_with_the_outcomes() -> None:
    pages = [document(0.9995)] * 99 + [
        document(0.9995, right=False),
        document(0.6),
        document(0.6, right=False),
        document(None),
    ]
    low, high = reliability(first_candidates(pages))
    assert (low.documents, low.right, round(low.expected, 2)) == (2, 1, 0.6)
    assert (high.low, high.documents, high.right) == (0.999, 100, 99)
