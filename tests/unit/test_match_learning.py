"""What documents whose patient is known teach about the weights."""

from __future__ import annotations

from pipeline.matching.person import person_from
from pipeline.matching.weights import table
from pipeline.patients.outcome_statistics import ENOUGH, Decided, agreement, learned_same, reliability, told

SUSAN = {"given": "Susan", "family": "Caballero", "dob": "1964-09-29", "mrn": "7700123"}


def document(probability: float | None = 0.99, right: bool = True, **printed: str) -> Decided:
    return Decided(person_from(SUSAN | printed), person_from(SUSAN), probability, right)


def test_a_level_that_pages_reach_often_gets_its_rate_from_them() -> None:
    pages = [document()] * ENOUGH + [document(dob="1964-09-28")] * ENOUGH
    learned = learned_same(agreement(pages), table(None))
    assert 0.4 < learned["dob"]["exact"] < 0.55
    assert learned["dob"]["misread"] > 0.4
    assert sum(learned["dob"].values()) == 1.0 or abs(sum(learned["dob"].values()) - 1) < 1e-9


def test_a_field_that_few_pages_show_keeps_its_rates() -> None:
    assert learned_same(agreement([document()] * (ENOUGH - 1)), table(None)) == {}


def test_an_initial_says_nothing_of_how_often_a_name_that_is_written_out_agrees() -> None:
    pages = [document()] * ENOUGH + [document(given="S")] * ENOUGH
    learned = learned_same(agreement(pages), table(None))
    assert learned["given"]["exact"] > 0.95
    assert "initial" not in learned["given"]


def test_probabilities_stand_beside_what_became_of_them() -> None:
    pages = [document(0.9995)] * 99 + [
        document(0.9995, right=False),
        document(0.6),
        document(0.6, right=False),
        document(None),
    ]
    low, high = reliability(told(pages))
    assert (low.documents, low.right, round(low.expected, 2)) == (2, 1, 0.6)
    assert (high.low, high.documents, high.right) == (0.999, 100, 99)
