"""What documents teach whose patient is known: how often a page agrees with its patient's record, level by
level, and how far the machine's probabilities can be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.matching.comparison_levels import levels
from pipeline.matching.document_matching import person_of_fields
from pipeline.matching.person import Person
from pipeline.matching.weights import Rates
from pipeline.patients.candidates import FETCHED, SQL, person_of_row
from pipeline.store.database import Connection

LATEST = 50_000  # documents, the newest: forms and scanners change
ENOUGH = 200  # documents that show a field before its rates are learned from them
SHIPPED_COUNTS = 50  # the rates that were there count as much as so many documents
LEARNED = ("family", "given", "middle", "dob", "mrn", "ssn", "medicaid", "home", "phone", "email")
APART = {("given", "initial"), ("middle", "initial"), ("dob", "partial"), ("ssn", "last_four")}
"""Levels whose rate is among those of whom no more is written: a page cannot choose between them and the
others.
"""
EDGES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0)  # of the table of reliability


@dataclass(frozen=True, slots=True)
class Decided:
    """What a page said, the patient in whose chart it is now, and how probable the machine held the patient
    whom it put first: `right` says whether it is that one; both None where it knew nobody."""

    said: Person
    patient: Person
    probability: float | None
    right: bool | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Documents whose first candidate had a probability from `low` to `high`: how many, their average, how
    many were right.
    """

    low: float
    high: float
    documents: int
    expected: float
    right: int


def decided(connection: Connection) -> Iterator[Decided]:
    """The filed documents, a few thousand rows at a time. Where nobody moved one, it counts as its
    patient's.
    """
    with connection.transaction(), connection.cursor(name="decided") as cursor:
        cursor.itersize = FETCHED
        for row in cursor.execute(SQL["decided"], {"most": LATEST}):
            fields = {
                name: (value, sure if sure is not None else 1.0)
                for name, (value, sure) in row["fields"].items()
            }
            right = None if row["first"] is None else row["first"] == row["id"]
            yield Decided(person_of_fields(fields), person_of_row(row), row["probability"], right)


def agreement(documents: Iterable[Decided]) -> Counter[tuple[str, str]]:
    """How often each (field, level) was reached."""
    return Counter(level for document in documents for level in levels(document.said, document.patient))


def learned_same(
    counts: Counter[tuple[str, str]], rates: dict[str, dict[str, Rates]]
) -> dict[str, dict[str, float]]:
    """{field: {level: rate among pages of the very patient}} of the fields that enough documents show."""
    found: dict[str, dict[str, float]] = {}
    for field in LEARNED:
        known = {level: rate.same for level, rate in rates[field].items() if (field, level) not in APART}
        seen, whole = sum(counts[field, level] for level in known), sum(known.values())
        if seen >= ENOUGH:
            found[field] = {
                level: (counts[field, level] + SHIPPED_COUNTS * same / whole) / (seen + SHIPPED_COUNTS)
                for level, same in known.items()
            }
    return found


def told(documents: Iterable[Decided]) -> list[tuple[float, bool]]:
    """(probability of the machine's first candidate, was it the patient), where there was one."""
    return [(d.probability, bool(d.right)) for d in documents if d.probability is not None]


def reliability(told: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    """What became of first candidates, by their probability."""
    bins = []
    for low, high in pairwise(EDGES):
        inside = [(p, right) for p, right in told if low <= p < high or p == high == EDGES[-1]]
        if inside:
            expected = sum(p for p, _ in inside) / len(inside)
            bins.append(Bin(low, high, len(inside), expected, sum(right for _, right in inside)))
    return tuple(bins)
