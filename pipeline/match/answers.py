"""The match command's lines: a record or a pair of records in, the decision with its candidates and reasons out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.config import MatchSettings
from pipeline.match.index import candidates
from pipeline.match.person import person_from
from pipeline.match.verdict import Verdict, judge, levels_of, probabilities, reasons_of
from pipeline.match.weights import Frequencies, weigh
from pipeline.records import Candidate, PatientRef, Reason
from pipeline.store.database import Connection

THIRDS = ("middle", "guardian", "mother_maiden", "home", "phone", "email", "mrn", "ssn", "medicaid")
ALIKE = ("exact", "misread", "digit", "close", "initial", "home", "near_home", "last_four")
NOBODY = PatientRef(id=0, mrn=None)  # a pair is not about a patient of an index


def answer(connection: Connection, record: Mapping[str, Any], settings: MatchSettings) -> dict[str, Any]:
    """Whom in the index the record is about."""
    found = candidates(connection, person_from(record), settings)
    verdict = judge(found, settings, record.get("date_of_service"))
    return {
        "id": record.get("id"),
        "decision": verdict.decision,
        "patient": patient(verdict.best) if verdict.best and verdict.decision == "match" else None,
        "probability": verdict.best.probability if verdict.best else 0.0,
        "reasons": [line(reason) for reason in verdict.reasons],
        "candidates": [
            {"patient": patient(c), "probability": c.probability, "weight": c.weight, "reasons": [line(r) for r in c.reasons]}
            for c in found
        ],
    }


def answer_pair(record: Mapping[str, Any], settings: MatchSettings) -> dict[str, Any]:
    """Whether `left` and `right` of the record are about one person."""
    left, right = record.get("left"), record.get("right")
    weighing = weigh(person_from(left or {}), person_from(right or {}), Frequencies())
    unrelated = settings.model_copy(update={"absent": settings.pairs_absent})
    (probability,) = probabilities([weighing], settings.pairs_population, unrelated)
    only = Candidate(patient=NOBODY, probability=probability, weight=round(weighing.bits, 2), reasons=reasons_of(weighing))
    verdict = judge([only], settings)
    if verdict.decision == "match" and (alone := no_third(levels_of(only))):
        verdict = Verdict(decision="possible", best=only, reasons=(alone,))
    return {
        "id": record.get("id"),
        "decision": verdict.decision,
        "weight": only.weight,
        "probability": probability,
        "reasons": [line(reason) for reason in (*verdict.reasons, *only.reasons)],
    }


def no_third(levels: Mapping[str, str]) -> Reason | None:
    """Name and birth date alone do not join two records: without an index nobody knows how many share them."""
    further = [field for field in THIRDS if levels.get(field) in ALIKE]
    if further:
        return None
    return Reason(code="no_third_identifier", detail="Beyond name and date of birth nothing agrees")


def patient(candidate: Candidate) -> dict[str, Any]:
    """A patient as the answers name one."""
    return {"id": candidate.patient.id, "mrn": candidate.patient.mrn}


def line(reason: Reason) -> dict[str, Any]:
    """A reason as the answers print it."""
    return {"code": reason.code, "detail": reason.detail, "weight": reason.weight}
