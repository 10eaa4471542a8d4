"""From weights to a decision: how probable each candidate is, and the rules that filing with nobody's help
must satisfy.

The probability is Bayes' over all candidates at once and over who else it may be: somebody whom the index
does not hold, a stranger or, more likely to be taken for a candidate, the candidate's twin, relative or
namesake at the same address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.config import MatchSettings
from pipeline.matching.weights import Weighing
from pipeline.records import Candidate, Reason

MIDDLE_AGREES = ("exact", "initial", "close")
CERTAIN = 1 - 1e-9  # nothing is surer than this
IDENTIFIERS_NEEDED = 2
CLEARLY = -2.0  # bits: what weighs less against a candidate than this is a doubt, no contradiction
AGREEING_IN_ALL = {"name", "dob", "mrn"}  # a sex that differs is then a slip of the text or of the index
AGREES = {
    "name": (
        "exact",
        "misread",
        "slip",
        "nickname",
        "close",
        "prefix",
        "former",
        "part",
        "turned",
        "swapped",
        "sounds",
    ),
    "dob": ("exact", "swapped", "misread"),
    "mrn": ("exact", "misread", "digit", "next"),
    "ssn": ("exact", "misread"),
    "medicaid": ("exact", "misread"),
    "home": ("home",),
    "phone": ("exact",),
    "email": ("exact",),
}
"""Levels at which an identifier counts as agreeing; given and family name are one identifier."""
DIGITS = ("dob", "mrn", "ssn")
WELL_SPELT = {"exact", "misread", "slip"}
SLIPS = 1  # in the name, the birth date and the numbers together, where none of these agrees to the digit
CONTRADICTS = {
    "sex": ("different",),
    "dob": ("different", "parts"),
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
WORDS = {
    "family": "Family name", "given": "Given name", "middle": "Middle name", "suffix": "Suffix", "dob": "Date of birth",
    "sex": "Sex", "mrn": "MRN", "ssn": "Social security number", "medicaid": "Medicaid number", "home": "Address",
    "phone": "Phone", "email": "E-mail", "mother_maiden": "Mother's maiden name", "guardian": "Guardian's name",
    "birth_order": "Order of birth",
}  # fmt: skip


MEANING = {
    "exact": "the same", "same": "the same", "named": "the same", "former": "a former or other name",
    "part": "one part is the same", "slip": "the same but for a slip of a letter", "close": "the same but for a letter or two",
    "sounds": "sounds alike", "swapped": "swapped", "turned": "given and middle name change places", "nickname": "a nickname",
    "prefix": "cut short", "initial": "the same initial", "middle": "stands as the middle name",
    "misread": "the same but for look-alikes", "digit": "one digit differs", "next": "a number given shortly before or after",
    "partial": "the same as far as it is known", "foreign": "a number of another form",
    "parts": "two parts of three are the same", "last_four": "the last four digits are the same",
    "home": "the same", "near_home": "nearly the same",
    "street": "the same street", "zip": "the same zip code", "city": "the same city", "elsewhere": "another",
    "different": "different",
}  # fmt: skip
OTHER_MRN, DECEASED = "mrn_of_another", "deceased"
"""Codes of a candidate's reasons that are not levels: they carry no weight but forbid filing alone."""
NOBODY = "unknown_patient"
"""Code of the reason that nobody in the index is meant."""


def reasons_of(weighing: Weighing) -> tuple[Reason, ...]:
    """The parts of a weight, the heaviest first; the code is field:level."""
    parts = sorted(weighing.evidence, key=lambda e: -abs(e.bits))
    return tuple(
        Reason(code=f"{e.field}:{e.level}", detail=f"{WORDS[e.field]}: {MEANING[e.level]}", weight=e.bits)
        for e in parts
    )


def levels_of(candidate: Candidate) -> dict[str, str]:
    """{field: level} of a candidate's reasons."""
    return {
        field: level for field, colon, level in (r.code.partition(":") for r in candidate.reasons) if colon
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """match: file alone; possible: a person decides; none: nobody in the index. `reasons` name the rules that
    decided.
    """

    decision: Literal["match", "possible", "none"]
    best: Candidate | None
    reasons: tuple[Reason, ...]


def probabilities(weighings: Sequence[Weighing], population: int, settings: MatchSettings) -> list[float]:
    """How probable it is of each candidate that the record is about him; together at most 1."""
    present = 1 - settings.absent
    prior = present / population
    kin = (settings.twins, settings.relatives, settings.namesakes)
    same = [prior * 2**w.bits for w in weighings]
    others = sum(
        prior * settings.absent * share * 2**rival
        for w in weighings
        for share, rival in zip(kin, w.rivals, strict=True)
    )
    total = sum(same) + others + settings.absent
    return [min(odds / total, CERTAIN) for odds in same]


def judge(
    candidates: Sequence[Candidate], settings: MatchSettings, date_of_service: str | None = None
) -> Verdict:
    """Decide on candidates, the most probable first."""
    best = candidates[0] if candidates else None
    if best is None or sum(c.probability for c in candidates) < settings.possible:
        nobody = Reason(code=NOBODY, detail="Nobody in the patient index is likely enough to be meant")
        return Verdict(decision="none", best=best, reasons=(nobody,))
    reasons = tuple(objections(best, candidates[1:], settings, date_of_service))
    if reasons:
        return Verdict(decision="possible", best=best, reasons=reasons)
    detail = f"Agreeing: {', '.join(agreements(levels_of(best)))}; nothing speaks against it, and nobody else comes near"
    return Verdict(
        decision="match",
        best=best,
        reasons=(Reason(code="filed_alone", detail=detail, weight=round(best.weight, 1)),),
    )


def objections(
    best: Candidate, others: Sequence[Candidate], settings: MatchSettings, date_of_service: str | None
) -> Iterator[Reason]:
    """Every rule that forbids filing to the best candidate with nobody's help."""
    levels = levels_of(best)
    if best.probability < settings.threshold:
        detail = f"The probability {best.probability:.5f} is below {settings.threshold}"
        yield Reason(code="below_threshold", detail=detail, weight=round(best.weight, 1))
    agreeing = agreements(levels)
    if len(agreeing) < IDENTIFIERS_NEEDED:
        yield Reason(code="one_identifier", detail="Fewer than two identifiers agree")
    if others and best.weight - others[0].weight < settings.distance:
        apart = round(best.weight - others[0].weight, 1)
        yield Reason(code="second_candidate", detail="Another patient is nearly as likely", weight=apart)
    if levels.get("given") == "initial" and "name" not in agreeing and not {"mrn", "ssn"} & set(agreeing):
        yield Reason(code="initial_only", detail="An initial and a birth date may be a twin's")
    if slips(levels) > SLIPS:
        yield Reason(
            code="two_slips",
            detail="Neither the birth date nor a number agrees to the digit, and more is amiss",
        )
    for field in contradictions(best):
        if field != "sex" or not set(agreeing) >= AGREEING_IN_ALL:
            yield Reason(code=f"{field}_contradicts", detail=f"{WORDS[field]} speaks against this patient")
    for reason in best.reasons:
        if reason.code == OTHER_MRN:
            yield reason
        if (
            reason.code == DECEASED
            and date_of_service
            and date_of_service[: len(reason.detail)] > reason.detail
        ):
            yield Reason(code="died_before", detail="The patient died before the date of service")


def slips(levels: Mapping[str, str]) -> int:
    """How many of name, birth date and numbers agree but for a slip; 0 where a birth date or a number agrees
    to the digit. Two, as a nickname and a birth date a digit off, are somebody else too often."""
    if any(levels.get(field) == "exact" for field in DIGITS):
        return 0
    spelt = {levels[part] for part in ("given", "family") if part in levels}
    return (not spelt <= WELL_SPELT) + sum(field in levels for field in DIGITS)


def contradictions(candidate: Candidate) -> Iterator[str]:
    """The fields that speak clearly against a candidate. A value that was hardly read contradicts nothing."""
    for reason in candidate.reasons:
        field, _, level = reason.code.partition(":")
        if level in CONTRADICTS.get(field, ()) and (reason.weight is None or reason.weight <= CLEARLY):
            yield field


def agreements(levels: Mapping[str, str]) -> list[str]:
    """The identifiers that agree: name (given and family together), dob, mrn, ssn, home, phone, email.

    An initial alone is no given name: twins are often given the same. With an agreeing middle name it is.
    """
    given, family = (levels.get(part) in AGREES["name"] for part in ("given", "family"))
    given = given or (levels.get("given") == "initial" and levels.get("middle") in MIDDLE_AGREES)
    named = given and family
    return ["name"] * named + [
        field for field in AGREES if field != "name" and levels.get(field) in AGREES[field]
    ]
