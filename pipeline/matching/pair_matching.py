"""Two records without an index: are they of one person?

Nothing is known of how many others there are, so name and birth date alone do not join them. On the other
hand both were typed by a clerk, so that one wrong entry among many that agree does not keep them apart, as it
would a printed page and a chart."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.config import MatchSettings
from pipeline.matching.decision_rules import (
    AGREES,
    Verdict,
    agreements,
    judge,
    levels_of,
    probabilities,
    reasons_of,
)
from pipeline.matching.person import Person
from pipeline.matching.weights import Frequencies, weigh
from pipeline.records import Candidate, PatientRef, Reason

NOBODY = PatientRef(id=0, mrn=None)  # a pair is not about a patient of an index
THIRDS = ("middle", "guardian", "mother_maiden", "home", "phone", "email", "mrn", "ssn", "medicaid")
ALIKE = (
    "exact",
    "misread",
    "slip",
    "digit",
    "close",
    "initial",
    "home",
    "near_home",
    "street",
    "zip",
    "last_four",
)
"""Fields beyond name and birth date, and the levels at which one of them joins two records."""
APART = ("different", "elsewhere")
THIRDS_OF_KIN = tuple(field for field in THIRDS if field not in ("home", "mother_maiden"))
"""Where one half of a family name agrees it may be a relative's, with whom one shares a home."""
NUMBERS = ("mrn", "ssn")
NUMBER_AGREES = ("exact", "misread", "digit")
ENTRY_ERRORS = ("given", "family", "middle", "dob")
"""What a clerk may have entered wrongly: outvoted where a number that is given to one person agrees to the
digit and more fields agree than differ. (Medicaid numbers are not: a twin is often entered under the
other's.)"""
VOTES = {field: levels for field, levels in AGREES.items() if field != "name"} | {
    "given": ("exact", "misread", "slip", "nickname", "close", "prefix", "turned", "swapped"),
    "family": ("exact", "misread", "slip", "close", "former", "part", "swapped"),
    "middle": ("exact",),
    "guardian": ("exact",),
    "home": ("home", "near_home", "street", "zip"),
}
VOTES_NEEDED = 3  # fields that agree, and more than differ
THIRD_BITS = 0.1  # what agrees beyond name and birth date must outweigh what differs there


def compare(left: Person, right: Person, settings: MatchSettings) -> tuple[Candidate, Verdict]:
    """The pair's weight, probability and evidence, and the decision."""
    weighing = weigh(left, right, Frequencies(), settings.weights)
    unrelated = settings.model_copy(update={"absent": settings.pairs_absent})
    (probability,) = probabilities([weighing], settings.pairs_population, unrelated)
    pair = Candidate(
        patient=NOBODY, probability=probability, weight=round(weighing.bits, 2), reasons=reasons_of(weighing)
    )
    return pair, decide_pair(pair, settings)


def decide_pair(pair: Candidate, settings: MatchSettings) -> Verdict:
    """The rules of filing, but contradictions can be outvoted, and a third identifier must agree."""
    verdict = judge([pair], settings.model_copy(update={"threshold": settings.pairs_threshold}))
    if verdict.decision == "none":
        return verdict
    levels = levels_of(pair)
    reasons = [
        r
        for r in verdict.reasons
        if not (r.code.endswith("_contradicts") and outvoted(r.code[: -len("_contradicts")], levels))
    ]
    reasons = [r for r in reasons if r.code not in ("filed_alone", "two_slips")]
    thirds = THIRDS_OF_KIN if levels.get("family") == "part" else THIRDS
    if (
        levels.get("given") == "turned"
    ):  # twins may be given the same two names in turn, and share their guardian
        thirds = tuple(field for field in thirds if field != "guardian")
    if third_evidence(pair, thirds) < THIRD_BITS:
        detail = "Beyond name and date of birth no more agrees than differs"
        reasons.append(Reason(code="no_third_identifier", detail=detail))
    if "given" not in levels and not any(levels.get(number) in ALIKE for number in NUMBERS):
        reasons.append(
            Reason(code="no_given_name", detail="Without a given name it may be a brother or sister")
        )
    if reasons:
        return Verdict(decision="possible", best=pair, reasons=tuple(reasons))
    agreeing = Reason(
        code="agreeing", detail=f"Agreeing: {', '.join(agreements(levels))}", weight=pair.weight
    )
    return Verdict(decision="match", best=pair, reasons=(agreeing,))


def third_evidence(pair: Candidate, thirds: tuple[str, ...]) -> float:
    """Bits of what agrees and differs beyond name and birth date."""
    levels = levels_of(pair)
    bits = {
        field: reason.weight or 0.0
        for reason in pair.reasons
        if (field := reason.code.partition(":")[0]) in thirds
    }
    return sum(weight for field, weight in bits.items() if weight < 0 or levels[field] in ALIKE)


def outvoted(field: str, levels: Mapping[str, str]) -> bool:
    """May the rest of the evidence overrule this field's contradiction? Sex, suffix and MRN are never
    overruled.
    """
    agreeing = [name for name, agree in VOTES.items() if levels.get(name) in agree]
    if field in ENTRY_ERRORS:
        against = sum(level in APART for level in levels.values())
        sure = NUMBER_AGREES if field == "family" else ("exact",)
        return any(levels.get(n) in sure for n in NUMBERS) and len(agreeing) >= max(VOTES_NEEDED, against + 1)
    return field in ("ssn", "medicaid") and {"given", "family", "dob"} < set(agreeing)
