"""Turn match weights into a decision: the probability of each candidate, and the rules for automatic filing.

The probability is Bayes' over all candidates and over the alternative that the person is not in the index: a
stranger or, more easily confused with a candidate, the candidate's twin, relative or namesake at the same
address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.config import MatchingSettings
from pipeline.matching.weights import MatchScore
from pipeline.records import Candidate, Reason

MIDDLE_AGREEMENT_LEVELS = ("exact", "initial", "close")
MAX_PROBABILITY = 1 - 1e-9
MIN_AGREEING_IDENTIFIERS = 2
CONTRADICTION_BITS = -2.0  # weight of a field; a weaker disagreement is not a contradiction
FULL_AGREEMENT = {
    "name",
    "dob",
    "mrn",
}  # if these agree, a different sex is an error in the text or the index
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
"""Levels at which an identifier agrees; given and family name together are one identifier."""
DIGIT_FIELDS = ("dob", "mrn", "ssn")
EXACT_SPELLING_LEVELS = {"exact", "misread", "typo"}
MAX_INEXACT_FIELDS = 1  # of name, birth date and numbers, if neither the date nor a number agrees exactly
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
"""Levels that contradict a candidate so clearly that a person must decide, whatever else agrees."""
FIELD_LABELS = {
    "family": "Family name", "given": "Given name", "middle": "Middle name", "suffix": "Suffix",
    "dob": "Date of birth", "sex": "Sex", "mrn": "MRN", "ssn": "Social security number",
    "medicaid": "Medicaid number", "home": "Address", "phone": "Phone", "email": "E-mail",
    "mother_maiden": "Mother's maiden name", "guardian": "Guardian's name", "birth_order": "Order of birth",
}  # fmt: skip


LEVEL_LABELS = {
    "exact": "the same", "same": "the same", "implied": "the same", "former": "a former or other name",
    "part": "one part is the same", "typo": "the same except for a typo",
    "close": "the same except for a letter or two", "phonetic": "sounds alike", "swapped": "swapped",
    "given_middle_swapped": "given and middle name are swapped", "nickname": "a nickname",
    "prefix": "shortened", "initial": "the same initial", "middle": "used as the middle name",
    "misread": "the same except for look-alike characters", "digit": "one digit differs",
    "adjacent_number": "a number assigned shortly before or after",
    "partial": "the same as far as it is known", "incompatible_format": "a number in another format",
    "partial_match": "two of three parts are the same", "last_four": "the last four digits are the same",
    "home": "the same", "near_home": "nearly the same", "street": "the same street",
    "zip": "the same zip code", "city": "the same city", "elsewhere": "another", "different": "different",
}  # fmt: skip
MRN_OF_ANOTHER, DECEASED = "mrn_belongs_to_other_patient", "deceased"
"""Codes of a candidate's reasons that are not levels: they have no weight but prevent automatic filing."""
UNKNOWN_PATIENT = "no_patient_found"
"""Code of the reason that no patient in the index is a likely match."""


def reasons_from_score(weighing: MatchScore) -> tuple[Reason, ...]:
    """Return the evidence as reasons, the largest weight first; the code is field:level."""
    evidence = sorted(weighing.evidence, key=lambda e: -abs(e.bits))
    return tuple(
        Reason(
            code=f"{e.field}:{e.level}",
            detail=f"{FIELD_LABELS[e.field]}: {LEVEL_LABELS[e.level]}",
            weight=e.bits,
        )
        for e in evidence
    )


def levels_by_field(candidate: Candidate) -> dict[str, str]:
    """Return {field: level} of a candidate's reasons."""
    return {
        field: level for field, colon, level in (r.code.partition(":") for r in candidate.reasons) if colon
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchDecision:
    """The decision about candidates.

    `decision` is match (file automatically), possible (a person decides) or none (no patient in the index).
    `reasons` name the rules that decided."""

    decision: Literal["match", "possible", "none"]
    best: Candidate | None
    reasons: tuple[Reason, ...]


def candidate_probabilities(
    scores: Sequence[MatchScore], population: int, settings: MatchingSettings
) -> list[float]:
    """Return for each candidate the probability that the record is about that patient; their sum is at most
    1.

    Args:
        scores: the match scores of the candidates.
        population: the number of people whom the record may be about.
    """
    present = 1 - settings.prior_not_in_index
    prior = present / population
    kin = (settings.prior_twins, settings.prior_relatives, settings.prior_namesakes)
    same = [prior * 2**w.bits for w in scores]
    others = sum(
        prior * settings.prior_not_in_index * share * 2**rival
        for w in scores
        for share, rival in zip(kin, w.rivals, strict=True)
    )
    total = sum(same) + others + settings.prior_not_in_index
    return [min(odds / total, MAX_PROBABILITY) for odds in same]


def decide_match(
    candidates: Sequence[Candidate], settings: MatchingSettings, date_of_service: str | None = None
) -> MatchDecision:
    """Decide on the candidates.

    Args:
        candidates: the candidates, the most probable first.
        date_of_service: the document's date, in ISO form.
    """
    best = candidates[0] if candidates else None
    if best is None or sum(c.probability for c in candidates) < settings.review_threshold:
        unknown = Reason(code=UNKNOWN_PATIENT, detail="No patient in the index is a likely match")
        return MatchDecision(decision="none", best=best, reasons=(unknown,))
    reasons = tuple(review_reasons(best, candidates[1:], settings, date_of_service))
    if reasons:
        return MatchDecision(decision="possible", best=best, reasons=reasons)
    agreeing = ", ".join(agreeing_identifiers(levels_by_field(best)))
    detail = f"Agreeing: {agreeing}; no contradictions, and no other patient is similarly likely"
    return MatchDecision(
        decision="match",
        best=best,
        reasons=(Reason(code="auto_filed", detail=detail, weight=round(best.weight, 1)),),
    )


def review_reasons(
    best: Candidate, others: Sequence[Candidate], settings: MatchingSettings, date_of_service: str | None
) -> Iterator[Reason]:
    """Yield a reason for each rule that prevents automatic filing to the best candidate."""
    levels = levels_by_field(best)
    if best.probability < settings.threshold:
        detail = f"The probability {best.probability:.5f} is below {settings.threshold}"
        yield Reason(code="below_threshold", detail=detail, weight=round(best.weight, 1))
    agreeing = agreeing_identifiers(levels)
    if len(agreeing) < MIN_AGREEING_IDENTIFIERS:
        yield Reason(code="insufficient_identifiers", detail="Fewer than two identifiers agree")
    if others and best.weight - others[0].weight < settings.min_margin_bits:
        margin = round(best.weight - others[0].weight, 1)
        yield Reason(code="ambiguous_candidates", detail="Another patient is nearly as likely", weight=margin)
    if levels.get("given") == "initial" and "name" not in agreeing and not {"mrn", "ssn"} & set(agreeing):
        yield Reason(code="initial_only", detail="An initial and a birth date may be a twin's")
    if count_inexact(levels) > MAX_INEXACT_FIELDS:
        yield Reason(
            code="multiple_near_matches",
            detail="Neither the birth date nor a number agrees exactly, and more than one field is inexact",
        )
    for field in contradicting_fields(best):
        if field != "sex" or not set(agreeing) >= FULL_AGREEMENT:
            yield Reason(
                code=f"{field}_contradicts", detail=f"{FIELD_LABELS[field]} contradicts this patient"
            )
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
    """Return how many of name, birth date and numbers agree only inexactly; 0 if the birth date or a number
    agrees exactly.

    Two inexact fields, such as a nickname and a birth date with one wrong digit, are too often another
    person."""
    if any(levels.get(field) == "exact" for field in DIGIT_FIELDS):
        return 0
    name_levels = {levels[part] for part in ("given", "family") if part in levels}
    return (not name_levels <= EXACT_SPELLING_LEVELS) + sum(field in levels for field in DIGIT_FIELDS)


def contradicting_fields(candidate: Candidate) -> Iterator[str]:
    """Yield the fields that clearly contradict a candidate. A value that was read with little confidence has
    a small weight and contradicts nothing."""
    for reason in candidate.reasons:
        field, _, level = reason.code.partition(":")
        if level in CONTRADICTION_LEVELS.get(field, ()) and (
            reason.weight is None or reason.weight <= CONTRADICTION_BITS
        ):
            yield field


def agreeing_identifiers(levels: Mapping[str, str]) -> list[str]:
    """Return the identifiers that agree: name (given and family together), dob, mrn, ssn, home, phone, email.

    An initial alone does not count as a given name, because twins often have the same. With an agreeing
    middle name it counts."""
    given, family = (levels.get(part) in AGREEMENT_LEVELS["name"] for part in ("given", "family"))
    given = given or (levels.get("given") == "initial" and levels.get("middle") in MIDDLE_AGREEMENT_LEVELS)
    name_agrees = given and family
    return ["name"] * name_agrees + [
        field
        for field in AGREEMENT_LEVELS
        if field != "name" and levels.get(field) in AGREEMENT_LEVELS[field]
    ]
