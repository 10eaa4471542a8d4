"""Two records without an index: are they of one person?

Nothing is known of how many others there are, so name and birth date alone do not join them. On the other hand both were typed
by a clerk, so that one wrong entry among many that agree does not keep them apart, as it would a printed page and a chart.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.config import MatchSettings
from pipeline.match.person import Person
from pipeline.match.verdict import AGREES, Verdict, agreements, judge, levels_of, probabilities, reasons_of
from pipeline.match.weights import Frequencies, weigh
from pipeline.records import Candidate, PatientRef, Reason

NOBODY = PatientRef(id=0, mrn=None)  # a pair is not about a patient of an index
THIRDS = ("middle", "guardian", "mother_maiden", "home", "phone", "email", "mrn", "ssn", "medicaid")
ALIKE = ("exact", "misread", "digit", "close", "initial", "home", "near_home", "last_four")
"""Fields beyond name and birth date, and the levels at which one of them joins two records."""
THIRDS_OF_KIN = tuple(field for field in THIRDS if field not in ("home", "mother_maiden"))
"""Where one half of a family name agrees it may be a relative's, with whom one shares a home."""
NUMBERS = ("mrn", "ssn")
ENTRY_ERRORS = ("given", "family", "middle", "dob")
"""What a clerk may have entered wrongly: outvoted by three fields that agree, one of them a number to the digit that is given to
one person. (Medicaid numbers are not: a twin is often entered under the other's.)"""
VOTES = AGREES | {
    "given": ("exact", "misread", "nickname", "close", "prefix", "swapped"),
    "family": ("exact", "misread", "close", "former", "part", "swapped"),
    "home": ("home", "near_home", "zip"),
}
VOTES_NEEDED = 3


def compare(left: Person, right: Person, settings: MatchSettings) -> tuple[Candidate, Verdict]:
    """The pair's weight, probability and evidence, and the decision."""
    weighing = weigh(left, right, Frequencies(), settings.weights)
    unrelated = settings.model_copy(update={"absent": settings.pairs_absent})
    (probability,) = probabilities([weighing], settings.pairs_population, unrelated)
    pair = Candidate(patient=NOBODY, probability=probability, weight=round(weighing.bits, 2), reasons=reasons_of(weighing))
    return pair, decide_pair(pair, settings)


def decide_pair(pair: Candidate, settings: MatchSettings) -> Verdict:
    """The rules of filing, but contradictions can be outvoted, and a third identifier must agree."""
    verdict = judge([pair], settings.model_copy(update={"threshold": settings.pairs_threshold}))
    if verdict.decision == "none":
        return verdict
    levels = levels_of(pair)
    reasons = [
        r for r in verdict.reasons if not (r.code.endswith("_contradicts") and outvoted(r.code[: -len("_contradicts")], levels))
    ]
    reasons = [r for r in reasons if r.code != "filed_alone"]
    thirds = THIRDS_OF_KIN if levels.get("family") == "part" else THIRDS
    if not any(levels.get(field) in ALIKE for field in thirds):
        reasons.append(Reason(code="no_third_identifier", detail="Beyond name and date of birth nothing agrees"))
    if reasons:
        return Verdict(decision="possible", best=pair, reasons=tuple(reasons))
    agreeing = Reason(code="agreeing", detail=f"Agreeing: {', '.join(agreements(levels))}", weight=pair.weight)
    return Verdict(decision="match", best=pair, reasons=(agreeing,))


def outvoted(field: str, levels: Mapping[str, str]) -> bool:
    """May the rest of the evidence overrule this field's contradiction? Sex, suffix and MRN are never overruled."""
    if field in ENTRY_ERRORS:
        votes = sum(levels.get(name) in agree for name, agree in VOTES.items())
        return any(levels.get(n) == "exact" for n in NUMBERS) and votes >= VOTES_NEEDED
    agreeing = agreements(levels)
    return field in ("ssn", "medicaid") and {"name", "dob"} <= set(agreeing) and len(agreeing) >= VOTES_NEEDED
