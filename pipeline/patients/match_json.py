"""The match command's lines: a record or a pair of records in, the decision with its candidates and reasons
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.config import MatchSettings
from pipeline.matching.decision_rules import judge
from pipeline.matching.pair_matching import compare
from pipeline.matching.person import person_from
from pipeline.patients.candidates import candidates
from pipeline.records import Candidate
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json


def answer(connection: Connection, record: Mapping[str, Any], settings: MatchSettings) -> dict[str, Any]:
    """Whom in the index the record is about."""
    found = candidates(connection, person_from(record), settings)
    verdict = judge(found, settings, record.get("date_of_service"))
    return {
        "id": record.get("id"),
        "decision": verdict.decision,
        "patient": patient(verdict.best) if verdict.best and verdict.decision == "match" else None,
        "probability": verdict.best.probability if verdict.best else 0.0,
        "reasons": reasons_json(verdict.reasons),
        "candidates": [
            {
                "patient": patient(c),
                "probability": c.probability,
                "weight": c.weight,
                "reasons": reasons_json(c.reasons),
            }
            for c in found
        ],
    }


def answer_pair(record: Mapping[str, Any], settings: MatchSettings) -> dict[str, Any]:
    """Whether `left` and `right` of the record are about one person."""
    pair, verdict = compare(
        person_from(record.get("left") or {}), person_from(record.get("right") or {}), settings
    )
    return {
        "id": record.get("id"),
        "decision": verdict.decision,
        "weight": pair.weight,
        "probability": pair.probability,
        "reasons": reasons_json((*verdict.reasons, *pair.reasons)),
    }


def patient(candidate: Candidate) -> dict[str, Any]:
    """A patient as the answers name one."""
    return {"id": candidate.patient.id, "mrn": candidate.patient.mrn}
