"""From weights to a decision: how probable each candidate is, and the rules that filing with nobody's help
must satisfy.

The probability is Bayes' over all candidates at once and over who else it may be: somebody whom the index
does not hold, a stranger or, more likely to be taken for a candidate, the candidate's twin, relative or
namesake at the same address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.config import MatchingSettings
from pipeline.matching.weights import MatchScore
from pipeline.records import Candidate, Reason

MIDDLE_AGREEMENT_LEVELS = ("exact", "initial", "close")
MAX_PROBABILITY = 1 - 1e-9  # nothing is surer than this
MIN_AGREEING_IDENTIFIERS = 2
CONTRADICTION_BITS = -2.0  # bits: what weighs less against a candidate than this is a doubt, no contradiction
FULL_AGREEMENT = {"name", "dob", "mrn"}  # a sex that differs is then a slip of the text or of the index
AGREEMENT_LEVELS = {
    "name": (
        "exact",
        "misread",
        "typo",
        "nickname",
        "close",
        "prefix",
        "former",
        "part",
        "given_middle_swapped",
        "swapped",
        "phonetic",
    ),
    "dob": ("exact", "swapped", "misread"),
    "mrn": ("exact", "misread", "digit", "adjacent_number"),
    "ssn": ("exact", "misread"),
    "medicaid": ("exact", "misread"),
    "home": ("home",),
    "phone": ("exact",),
    "email": ("exact",),
}
"""Levels at which an identifier counts as agreeing; given and family name are one identifier."""
DIGIT_FIELDS = ("dob", "mrn", "ssn")
EXACT_SPELLING_LEVELS = {"exact", "misread", "typo"}
MAX_INEXACT_FIELDS = 1  # in the name, the birth date and the numbers together, where none of these agrees to the digit
CONTRADICTION_LEVELS = {
    "sex": ("different",),
    "dob": ("different", "partial_match"),
    "mrn": ("different",),
    "ssn": ("different",),
    "medicaid": ("different",),
    "suffix": ("different",),
    "given": ("different",),
    "family": ("different",),
    "middle": ("different",),
    "birth_order": ("different",),
}
"""Levels that speak so clearly against that a person must look, whatever else agrees."""
FIELD_LABELS = {
    "family": "Family name", "given": "Given name", "middle": "Middle name", "suffix": "Suffix",
    "dob": "Date of birth", "sex": "Sex", "mrn": "MRN", "ssn": "Social security number",
    "medicaid": "Medicaid number", "home": "Address", "phone": "Phone", "email": "E-mail",
    "mother_maiden": "Mother's maiden name", "guardian": "Guardian's name", "birth_order": "Order of birth",
}  # fmt: skip


LEVEL_LABELS = {
    "exact": "the same", "same": "the same", "implied": "the same", "former": "a former or other name",
    "part": "one part is the same", "typo": "the same but for a slip of a letter",
    "close": "the same but for a letter or two", "phonetic": "sounds alike", "swapped": "swapped",
    "given_middle_swapped": "given and middle name change places", "nickname": "a nickname", "prefix": "cut short",
    "initial": "the same initial", "middle": "stands as the middle name",
    "misread": "the same but for look-alikes", "digit": "one digit differs",
    "adjacent_number": "a number given shortly before or after", "partial": "the same as far as it is known",
    "incompatible_format": "a number of another form", "partial_match": "two parts of three are the same",
    "last_four": "the last four digits are the same", "home": "the same", "near_home": "nearly the same",
    "street": "the same street", "zip": "the same zip code", "city": "the same city", "elsewhere": "another",
    "different": "different",
}  # fmt: skip
MRN_OF_ANOTHER, DECEASED = "mrn_belongs_to_other_patient", "deceased"
"""Codes of a candidate's reasons that are not levels: they carry no weight but forbid filing alone."""
UNKNOWN_PATIENT = "no_patient_found"
"""Code of the reason that nobody in the index is meant."""


def reasons_from_score(weighing: MatchScore) -> tuple[Reason, ...]:
    """The parts of a weight, the heaviest first; the code is field:level."""
    parts = sorted(weighing.evidence, key=lambda e: -abs(e.bits))
    return tuple(
        Reason(code=f"{e.field}:{e.level}", detail=f"{FIELD_LABELS[e.field]}: {LEVEL_LABELS[e.level]}", weight=e.bits)
        for e in parts
    )


def levels_by_field(candidate: Candidate) -> dict[str, str]:
    """{field: level} of a candidate's reasons."""
    return {
        field: level for field, colon, level in (r.code.partition(":") for r in candidate.reasons) if colon
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchDecision:
    """match: file alone; possible: a person decides; none: nobody in the index. `reasons` name the rules that
    decided.
    """

    decision: Literal["match", "possible", "none"]
    best: Candidate | None
    reasons: tuple[Reason, ...]


def candidate_probabilities(weighings: Sequence[MatchScore], population: int, settings: MatchingSettings) -> list[float]:
    """How probable it is of each candidate that the record is about him; together at most 1."""
    present = 1 - settings.prior_not_in_index
    prior = present / population
    kin = (settings.prior_twins, settings.prior_relatives, settings.prior_namesakes)
    same = [prior * 2**w.bits for w in weighings]
    others = sum(
        prior * settings.prior_not_in_index * share * 2**rival
        for w in weighings
        for share, rival in zip(kin, w.rivals, strict=True)
    )
    total = sum(same) + others + settings.prior_not_in_index
    return [min(odds / total, MAX_PROBABILITY) for odds in same]


def decide_match(
    candidates: Sequence[Candidate], settings: MatchingSettings, date_of_service: str | None = None
) -> MatchDecision:
    """Decide on candidates, the most probable first."""
    best = candidates[0] if candidates else None
    if best is None or sum(c.probability for c in candidates) < settings.review_threshold:
        nobody = Reason(code=UNKNOWN_PATIENT, detail="Nobody in the patient index is likely enough to be meant")
        return MatchDecision(decision="none", best=best, reasons=(nobody,))
    reasons = tuple(review_reasons(best, candidates[1:], settings, date_of_service))
    if reasons:
        return MatchDecision(decision="possible", best=best, reasons=reasons)
    detail = f"Agreeing: {', '.join(agreeing_identifiers(levels_by_field(best)))}; nothing speaks against it, and nobody else comes near"
    return MatchDecision(
        decision="match",
        best=best,
        reasons=(Reason(code="auto_filed", detail=detail, weight=round(best.weight, 1)),),
    )


def review_reasons(
    best: Candidate, others: Sequence[Candidate], settings: MatchingSettings, date_of_service: str | None
) -> Iterator[Reason]:
    """Every rule that forbids filing to the best candidate with nobody's help."""
    levels = levels_by_field(best)
    if best.probability < settings.threshold:
        detail = f"The probability {best.probability:.5f} is below {settings.threshold}"
        yield Reason(code="below_threshold", detail=detail, weight=round(best.weight, 1))
    agreeing = agreeing_identifiers(levels)
    if len(agreeing) < MIN_AGREEING_IDENTIFIERS:
        yield Reason(code="insufficient_identifiers", detail="Fewer than two identifiers agree")
    if others and best.weight - others[0].weight < settings.min_margin_bits:
        apart = round(best.weight - others[0].weight, 1)
        yield Reason(code="ambiguous_candidates", detail="Another patient is nearly as likely", weight=apart)
    if levels.get("given") == "initial" and "name" not in agreeing and not {"mrn", "ssn"} & set(agreeing):
        yield Reason(code="initial_only", detail="An initial and a birth date may be a twin's")
    if count_inexact(levels) > MAX_INEXACT_FIELDS:
        yield Reason(
            code="multiple_near_matches",
            detail="Neither the birth date nor a number agrees to the digit, and more is amiss",
        )
    for field in contradicting_fields(best):
        if field != "sex" or not set(agreeing) >= FULL_AGREEMENT:
            yield Reason(code=f"{field}_contradicts", detail=f"{FIELD_LABELS[field]} speaks against this patient")
    for reason in best.reasons:
        if reason.code == MRN_OF_ANOTHER:
            yield reason
        if (
            reason.code == DECEASED
            and date_of_service
            and date_of_service[: len(reason.detail)] > reason.detail
        ):
            yield Reason(code="service_after_death", detail="The patient died before the date of service")


def count_inexact(levels: Mapping[str, str]) -> int:
    """How many of name, birth date and numbers agree but for a slip; 0 where a birth date or a number agrees
    to the digit. Two, as a nickname and a birth date a digit off, are somebody else too often."""
    if any(levels.get(field) == "exact" for field in DIGIT_FIELDS):
        return 0
    spelt = {levels[part] for part in ("given", "family") if part in levels}
    return (not spelt <= EXACT_SPELLING_LEVELS) + sum(field in levels for field in DIGIT_FIELDS)


def contradicting_fields(candidate: Candidate) -> Iterator[str]:
    """The fields that speak clearly against a candidate. A value that was hardly read contradicts nothing."""
    for reason in candidate.reasons:
        field, _, level = reason.code.partition(":")
        if level in CONTRADICTION_LEVELS.get(field, ()) and (reason.weight is None or reason.weight <= CONTRADICTION_BITS):
            yield field


def agreeing_identifiers(levels: Mapping[str, str]) -> list[str]:
    """The identifiers that agree: name (given and family together), dob, mrn, ssn, home, phone, email.

    An initial alone is no given name: twins are often given the same. With an agreeing middle name it is.
    """
    given, family = (levels.get(part) in AGREEMENT_LEVELS["name"] for part in ("given", "family"))
    given = given or (levels.get("given") == "initial" and levels.get("middle") in MIDDLE_AGREEMENT_LEVELS)
    named = given and family
    return ["name"] * named + [
        field for field in AGREEMENT_LEVELS if field != "name" and levels.get(field) in AGREEMENT_LEVELS[field]
    ]
