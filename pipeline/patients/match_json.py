"""The JSON of the match command: a record or a pair of records in, the decision with candidates and reasons
out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.config import MatchingSettings
from pipeline.matching.decision_rules import decide_match
from pipeline.matching.pair_matching import compare_people
from pipeline.matching.person import person_from_record
from pipeline.patients.candidates import find_candidates
from pipeline.records import Candidate
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json


def match_record(
    connection: Connection, record: Mapping[str, Any], settings: MatchingSettings
) -> dict[str, Any]:
    """Return the decision about a record, with candidates from the index."""
    found = find_candidates(connection, person_from_record(record), settings)
    decision = decide_match(found, settings, record.get("date_of_service"))
    return {
        "id": record.get("id"),
        "decision": decision.decision,
        "patient": patient_json(decision.best) if decision.best and decision.decision == "match" else None,
        "probability": decision.best.probability if decision.best else 0.0,
        "reasons": reasons_json(decision.reasons),
        "candidates": [
            {
                "patient": patient_json(c),
                "probability": c.probability,
                "weight": c.weight,
                "reasons": reasons_json(c.reasons),
            }
            for c in found
        ],
    }


def match_pair(record: Mapping[str, Any], settings: MatchingSettings) -> dict[str, Any]:
    """Return the decision whether `left` and `right` are about one person."""
    pair, decision = compare_people(
        person_from_record(record.get("left") or {}), person_from_record(record.get("right") or {}), settings
    )
    return {
        "id": record.get("id"),
        "decision": decision.decision,
        "weight": pair.weight,
        "probability": pair.probability,
        "reasons": reasons_json((*decision.reasons, *pair.reasons)),
    }


def patient_json(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate's patient as JSON."""
    return {"id": candidate.patient.id, "mrn": candidate.patient.mrn}
