"""Decide whether two records without an index are about one person.

The number of other people is unknown, so name and birth date alone are not enough. On the other hand both
records were typed by a clerk, so one wrong entry among many that agree does not separate them, as it would a
printed page and a chart."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.config import MatchingSettings
from pipeline.matching.decision_rules import (
    AGREEMENT_LEVELS,
    MatchDecision,
    agreeing_identifiers,
    candidate_probabilities,
    decide_match,
    levels_by_field,
    reasons_from_score,
)
from pipeline.matching.person import Person
from pipeline.matching.weights import Frequencies, score_match
from pipeline.records import Candidate, PatientRef, Reason

NO_PATIENT = PatientRef(id=0, mrn=None)  # a pair is not about a patient in an index
THIRD_IDENTIFIERS = (
    "middle",
    "guardian",
    "mother_maiden",
    "home",
    "phone",
    "email",
    "mrn",
    "ssn",
    "medicaid",
)
JOINING_LEVELS = (
    "exact",
    "misread",
    "typo",
    "digit",
    "close",
    "initial",
    "home",
    "near_home",
    "street",
    "zip",
    "last_four",
)
"""Fields other than name and birth date, and the levels at which one of them supports a match."""
DISAGREEMENT_LEVELS = ("different", "elsewhere")
IDENTIFIERS_NOT_SHARED_BY_FAMILY = tuple(
    field for field in THIRD_IDENTIFIERS if field not in ("home", "mother_maiden")
)
"""Used if only one part of a family name agrees: relatives share an address."""
UNIQUE_NUMBERS = ("mrn", "ssn")
NUMBER_AGREEMENT_LEVELS = ("exact", "misread", "digit")
DIFFERENT_GIVEN_LEVELS = ("different", "middle")
"""Levels of a given name that is not a spelling, short form or initial of the other and not swapped with
another name: a twin, or a child under a parent's number, has the same number, birth date or address."""
CORRECTABLE_FIELDS = ("family", "middle", "dob")
"""Fields that a clerk may have entered wrongly. Their contradiction is outvoted if a unique number agrees
exactly and more fields agree than differ. (Medicaid numbers are not unique: a twin is often entered under the
other's.)"""
VOTE_LEVELS = {field: levels for field, levels in AGREEMENT_LEVELS.items() if field != "name"} | {
    "given": ("exact", "misread", "typo", "nickname", "close", "prefix", "given_middle_swapped", "swapped"),
    "family": ("exact", "misread", "typo", "close", "former", "part", "swapped"),
    "middle": ("exact",),
    "guardian": ("exact",),
    "home": ("home", "near_home", "street", "zip"),
}
MIN_AGREEING_FIELDS = 3  # and more than differ
MIN_THIRD_IDENTIFIER_BITS = 0.1  # third identifiers that agree must outweigh those that differ


def compare_people(
    left: Person, right: Person, settings: MatchingSettings
) -> tuple[Candidate, MatchDecision]:
    """Return the pair's weight, probability and evidence, and the decision."""
    weighing = score_match(left, right, Frequencies(), settings.weights)
    unrelated = settings.model_copy(update={"prior_not_in_index": settings.pair_prior_distinct})
    (probability,) = candidate_probabilities([weighing], settings.pair_population, unrelated)
    pair = Candidate(
        patient=NO_PATIENT,
        probability=probability,
        weight=round(weighing.bits, 2),
        reasons=reasons_from_score(weighing),
    )
    return pair, decide_pair(pair, settings)


def decide_pair(pair: Candidate, settings: MatchingSettings) -> MatchDecision:
    """Apply the rules of filing, except that contradictions can be outvoted and a third identifier must
    agree."""
    verdict = decide_match([pair], settings.model_copy(update={"threshold": settings.pair_threshold}))
    if verdict.decision == "none":
        return verdict
    levels = levels_by_field(pair)
    reasons = [
        r
        for r in verdict.reasons
        if not (r.code.endswith("_contradicts") and is_outvoted(r.code[: -len("_contradicts")], levels))
    ]
    reasons = [r for r in reasons if r.code not in ("auto_filed", "multiple_near_matches")]
    thirds = IDENTIFIERS_NOT_SHARED_BY_FAMILY if levels.get("family") == "part" else THIRD_IDENTIFIERS
    if (
        levels.get("given") == "given_middle_swapped"
    ):  # twins may have the same two names in the opposite order and share a guardian
        thirds = tuple(field for field in thirds if field != "guardian")
    if third_identifier_bits(pair, thirds) < MIN_THIRD_IDENTIFIER_BITS:
        detail = "Apart from name and date of birth, no more agrees than differs"
        reasons.append(Reason(code="no_third_identifier", detail=detail))
    contradicted = any(reason.code == "given_contradicts" for reason in reasons)
    if levels.get("given") in DIFFERENT_GIVEN_LEVELS and not contradicted:
        detail = "The given names differ: it may be a twin, or a child under a parent's number"
        reasons.append(Reason(code="given_contradicts", detail=detail))
    if "given" not in levels and not any(levels.get(number) in JOINING_LEVELS for number in UNIQUE_NUMBERS):
        reasons.append(Reason(code="no_given_name", detail="Without a given name it may be a sibling"))
    if reasons:
        return MatchDecision(decision="possible", best=pair, reasons=tuple(reasons))
    agreeing = Reason(
        code="agreeing", detail=f"Agreeing: {', '.join(agreeing_identifiers(levels))}", weight=pair.weight
    )
    return MatchDecision(decision="match", best=pair, reasons=(agreeing,))


def third_identifier_bits(pair: Candidate, thirds: tuple[str, ...]) -> float:
    """Return the total weight, in bits, of the third identifiers that agree or differ."""
    levels = levels_by_field(pair)
    bits = {
        field: reason.weight or 0.0
        for reason in pair.reasons
        if (field := reason.code.partition(":")[0]) in thirds
    }
    return sum(weight for field, weight in bits.items() if weight < 0 or levels[field] in JOINING_LEVELS)


def is_outvoted(field: str, levels: Mapping[str, str]) -> bool:
    """Return whether the other evidence overrules this field's contradiction. Sex, suffix and MRN are never
    overruled.
    """
    agreeing = [name for name, agree in VOTE_LEVELS.items() if levels.get(name) in agree]
    if field in CORRECTABLE_FIELDS:
        differing = sum(level in DISAGREEMENT_LEVELS for level in levels.values())
        required = NUMBER_AGREEMENT_LEVELS if field == "family" else ("exact",)
        return any(levels.get(n) in required for n in UNIQUE_NUMBERS) and len(agreeing) >= max(
            MIN_AGREEING_FIELDS, differing + 1
        )
    return field in ("ssn", "medicaid") and {"given", "family", "dob"} < set(agreeing)
