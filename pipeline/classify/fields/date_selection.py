"""Tell the dates of a document apart: birth dates, dates of service and the dates of cards; their order of
day and month; and the printed age as a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from pipeline.classify.fields.candidate_evidence import ScoredByField, ScoredCandidate
from pipeline.classify.fields.confidence import MAX_UNCONFIRMED_CONFIDENCE
from pipeline.records import Field

CONTRADICTORY_ORDER_CONFIDENCE = 0.5
"""Highest confidence of an ambiguous date of service in a document whose other dates have both orders of day
and month.
"""

MAX_UNLABELED_DATES = 2
"""Different dates without a label on a page, up to which one of them may be the date of service."""

MIN_UNRELATED_YEARS = 10
"""Years between two unlabeled dates of a page from which neither is a date of service."""

MIN_CARD_DATES = 3
"""Dates on an identity card: birth, issue and expiry."""

MIN_REFERENCE_LABEL_STRENGTH = 0.5
"""Label strength of the date at which the patient has the printed age."""

BIRTH_DATE_BY_AGE_CONFIDENCE = 0.7
"""Raw confidence of a birth date that only the printed age indicates."""


def swap_ambiguous_dates(by_field: ScoredByField) -> None:
    """Read ambiguous dates day first, because the document's other dates prove that order."""
    for scored in by_field.values():
        for index, (confidence, candidate) in enumerate(scored):
            if candidate.evidence.get("ambiguous_order"):
                year, month, day = candidate.value.split("-")
                scored[index] = ScoredCandidate(confidence, replace(candidate, value=f"{year}-{day}-{month}"))


def date_order_limit(dates: Sequence[ScoredCandidate], orders: set[str]) -> float:
    """Return the highest confidence of a date of service: lower if its order of day and month is ambiguous
    and the document's other dates do not prove one order.

    A birth date has no such limit: the patient index confirms it.
    """
    best = max(dates, key=lambda scored: scored.confidence, default=None)
    if best is None or not best.candidate.evidence.get("ambiguous_order") or len(orders) == 1:
        return 1.0
    return CONTRADICTORY_ORDER_CONFIDENCE if orders else MAX_UNCONFIRMED_CONFIDENCE


def infer_birth_date(by_field: ScoredByField) -> None:
    """Separate birth dates from dates of service.

    If no label names a birth date, it is the unlabeled date that gives the patient the printed age.
    """
    dates = by_field.get("date_of_service", [])
    if by_field.get("dob"):
        births = {candidate.value for _, candidate in by_field["dob"]}
        by_field["date_of_service"] = [scored for scored in dates if scored.candidate.value not in births]
        return
    ages = {age for _, candidate in by_field.get("age", ()) if (age := int(candidate.value)) > 0}
    references = [
        candidate.value
        for _, candidate in dates
        if candidate.evidence["label_strength"] >= MIN_REFERENCE_LABEL_STRENGTH
    ]
    births_by_age = [
        scored
        for scored in dates
        if scored.candidate.label == "alone" and _fits_age(scored.candidate.value, references, ages)
    ] or _birth_date_of_card(dates)
    if births_by_age:
        by_field["dob"] = [
            ScoredCandidate(BIRTH_DATE_BY_AGE_CONFIDENCE, replace(candidate, field="dob"))
            for _, candidate in births_by_age
        ]
        by_field["date_of_service"] = [scored for scored in dates if scored not in births_by_age]


def _birth_date_of_card(dates: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return the earliest date of an identity card whose labels were not read: long before its issue and its
    expiry.
    """
    on_card = sorted(
        (scored for scored in dates if scored.candidate.evidence.get("identity_card")),
        key=lambda scored: scored.candidate.value,
    )
    if len({scored.candidate.value for scored in on_card}) < MIN_CARD_DATES:
        return []
    first, second = on_card[0].candidate.value, on_card[1].candidate.value
    return on_card[:1] if int(second[:4]) - int(first[:4]) >= MIN_UNRELATED_YEARS else []


def drop_unrelated_dates(by_field: ScoredByField) -> None:
    """Drop the unlabeled dates of pages with too many of them, or with dates years apart: those of a card or
    a passport are not dates of service. Nor are those next to other text. If the document
    names a patient without a birth date, an unlabeled date may be it, unless the page is a letter.
    """
    birth_date_is_known = bool(by_field.get("dob")) or not (
        by_field.get("patient_name") or by_field.get("mrn")
    )
    pages: dict[int, set[str]] = {}
    for _, candidate in by_field.get("date_of_service", ()):
        if candidate.label == "alone":
            pages.setdefault(candidate.page, set()).add(candidate.value)
    unrelated = {
        page
        for page, values in pages.items()
        if len(values) > MAX_UNLABELED_DATES
        or int(max(values)[:4]) - int(min(values)[:4]) >= MIN_UNRELATED_YEARS
    }
    by_field["date_of_service"] = [
        scored
        for scored in by_field.get("date_of_service", ())
        if scored.candidate.label != "alone"
        or (
            scored.candidate.page not in unrelated
            and not scored.candidate.evidence["beside"]
            and (birth_date_is_known or scored.candidate.evidence["letter"])
        )
    ]


def _fits_age(birth: str, references: Sequence[str], ages: set[int]) -> bool:
    """Return whether a person born on that date has one of the ages on one of the reference dates."""
    return any(years_between(birth, reference) in ages for reference in references if reference > birth)


def years_between(earlier: str, later: str) -> int:
    """Return the number of complete years between two ISO dates: a person's age."""
    a, b = date.fromisoformat(earlier), date.fromisoformat(later)
    return b.year - a.year - ((b.month, b.day) < (a.month, a.day))


def apply_age(fields: list[Field]) -> list[Field]:
    """Raise the confidences of birth and service dates if they fit the printed age, else lower them."""
    by_name = {f.name: f for f in fields}
    age, dob, service = by_name.get("age"), by_name.get("dob"), by_name.get("date_of_service")
    if not (age and dob and service):
        return fields
    years = years_between(dob.value, service.value)
    fits = abs(years - int(age.value)) <= (0 if years > 2 else 1)
    return [_adjusted(f, fits=fits) if f.name in ("dob", "date_of_service") else f for f in fields]


def _adjusted(field: Field, *, fits: bool) -> Field:
    confidence = 1 - (1 - field.confidence) * 0.5 if fits else field.confidence * 0.8
    return replace(field, confidence=round(confidence, 4))
