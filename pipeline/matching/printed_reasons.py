"""Rules about where a patient's facts are printed: they distinguish the patient from other people
on the same pages, and reviewers see where each fact is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.matching.decision_rules import EXACT_SPELLING_LEVELS, levels_by_field
from pipeline.matching.same_print import same_print
from pipeline.records import Candidate, PrintedFact, Reason, Role

SECOND_IDENTIFIERS = ("dob", "mrn", "ssn")
"""Facts that together with a name identify a person. An address or a phone is shared by a family."""

SECOND_EVIDENCE = ("dob", "mrn", "ssn", "medicaid", "home", "phone", "email")
EXACT_LEVELS = ("exact", "home")
"""Evidence besides the name, and the levels at which it agrees exactly."""

MAX_DISTANCE_LINES = 8.0
"""Line heights between an unlabeled name and an unlabeled second identifier of one person, on one page: an
addressograph or a header has 3 to 6 lines.
"""

REASON_FIELDS = {
    "patient_name": ("family", "given"), "dob": ("dob",), "mrn": ("mrn",), "ssn": ("ssn",),
    "phone": ("phone",), "patient_phone": ("phone",), "address": ("home",), "patient_address": ("home",),
}  # fmt: skip
"""Field of a fact -> the fields of the reasons that it proves."""


def with_places(candidate: Candidate, facts: tuple[PrintedFact, ...]) -> Candidate:
    """Return the candidate with the facts that are printed, and with their pages in the reasons."""
    pages = {field: fact.page for fact in facts for field in REASON_FIELDS.get(fact.field, ())}
    reasons = tuple(
        replace(reason, detail=f"{reason.detail} (page {page})")
        if (page := pages.get(reason.code.partition(":")[0]))
        else reason
        for reason in candidate.reasons
    )
    return replace(candidate, printed=facts, reasons=reasons)


def printed_reasons(best: Candidate, others: Sequence[Candidate]) -> Iterator[Reason]:
    """Yield why the places of the facts prevent automatic filing to the best candidate."""
    rival = next((other for other in others if names_second_patient(best, other)), None)
    if rival is not None:
        name = fact_of(rival, "patient_name")
        detail = "The pages identify another patient as well"
        detail += f" (page {name.page})." if name else "."
        yield Reason(code="mixed_patients", detail=detail)
    if not is_together(best):
        yield Reason(
            code="insufficient_identifiers",
            detail="The name has no label, and no other identifier is printed next to it",
        )
    if not _has_exact_second_identifier(best):
        yield Reason(
            code="insufficient_identifiers",
            detail="Besides the name, no identifier agrees exactly: it may be a namesake",
        )


def _has_exact_second_identifier(best: Candidate) -> bool:
    """Return whether an identifier other than the name agrees exactly. A birth date that was misread and one
    that differs look alike, and so do those of a parent and a child of one name."""
    levels = levels_by_field(best)
    return any(levels.get(field) in EXACT_LEVELS for field in SECOND_EVIDENCE)


def fact_of(candidate: Candidate, field: str) -> PrintedFact | None:
    """Return the candidate's printed fact of a field."""
    return next((fact for fact in candidate.printed if fact.field == field), None)


def names_second_patient(best: Candidate, other: Candidate) -> bool:
    """Return whether the pages print another person's name and one of that person's identifiers, both in
    other places than those of the best candidate.
    """
    name = fact_of(other, "patient_name")
    if name is None or name.level not in EXACT_SPELLING_LEVELS or _is_shared(name, best):
        return False
    seconds = [fact for field in SECOND_IDENTIFIERS if (fact := fact_of(other, field))]
    return any(fact.level == "exact" and not _is_shared(fact, best) for fact in seconds)


def _is_shared(fact: PrintedFact, best: Candidate) -> bool:
    return any(same_print(fact.page, fact.box, own.page, own.box) for own in best.printed)


def is_together(best: Candidate) -> bool:
    """Return whether a name that no label states to be the patient's has a second identifier: labeled as the
    patient's, or near the name.
    """
    name = fact_of(best, "patient_name")
    if name is None or name.chosen or name.role is Role.PATIENT:
        return True
    seconds = [fact for field in SECOND_IDENTIFIERS if (fact := fact_of(best, field))]
    return any(
        fact.level == "exact" and (fact.role is Role.PATIENT or _is_near(name, fact)) for fact in seconds
    )


def _is_near(name: PrintedFact, fact: PrintedFact) -> bool:
    gap = max(fact.box[1] - name.box[3], name.box[1] - fact.box[3])
    return name.page == fact.page and gap <= MAX_DISTANCE_LINES * max(name.height, 1.0)
