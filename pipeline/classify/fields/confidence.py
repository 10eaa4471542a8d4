"""The confidence of an index field: a score over its evidence, then a calibration by measurement.

First a small logistic model, one set of weights for each field, scores the evidence of a candidate. Then the
calibration table (models/field_confidence.json, made by `chartloom train fields`) turns this raw confidence
into the share of values that were correct at that raw confidence. The table has three numbers for each
measured field. A field that was not measured keeps its raw confidence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache

from pipeline.classify.fields.field_candidates import FieldCandidate
from pipeline.classify.fields.identifiers import has_valid_check_digit
from pipeline.config import ClassifySettings
from pipeline.resources import model_path

FAILED_CHECK_DIGIT_CONFIDENCE = 0.2
"""Confidence of a record number whose check digit is wrong: it was misread, or belongs to another hospital.
"""

DEFAULT_WEIGHTS = {
    "bias": -3.0,
    "label_strength": 4.0,
    "colon": 0.7,
    "below": -0.4,
    "distance": -1.0,
    "in_header": 1.2,
    "mean_confidence": 1.5,
    "min_confidence": 0.5,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "patient_name": DEFAULT_WEIGHTS | {"in_header": 1.5, "comma": 0.7, "anchors": 1.0},
    "mrn": DEFAULT_WEIGHTS | {"bias": -4.0, "matches_pattern": 1.5},
    "date_of_service": DEFAULT_WEIGHTS
    | {"bias": -4.0, "label_strength": 4.5, "in_header": 1.5, "signature": 1.0},
}
"""Field -> weight of each kind of evidence, in nats. Evidence that is not listed has no weight."""

IDENTIFYING_FIELDS = frozenset(("patient_name", "mrn", "dob"))
"""Fields that decide which patient's chart it is: calibration may lower their confidence, never raise it
above the raw confidence.
"""

MAX_UNCONFIRMED_CONFIDENCE = 0.89
"""Calibration alone never raises a confidence above this. People who check only values above 0.9 then never
see a weakly supported one.
"""

MIN_PROBABILITY = 1e-4
"""Probabilities are kept this far from 0 and 1: anything closer claims more than the number of measured
answers can support.
"""

TABLE_FILE = "field_confidence.json"


def raw_confidence(candidate: FieldCandidate, settings: ClassifySettings) -> float:
    """Return the probability that the candidate is the document's value, before other candidates are
    considered.
    """
    weights = WEIGHTS.get(candidate.field, DEFAULT_WEIGHTS)
    evidence = dict(candidate.evidence)
    if candidate.field == "mrn":
        if not has_valid_check_digit(candidate.value, settings.mrn_check):
            return FAILED_CHECK_DIGIT_CONFIDENCE
        evidence["matches_pattern"] = float(
            any(re.fullmatch(pattern, candidate.value) for pattern in settings.mrn_patterns)
        )
    score = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in evidence.items())
    return 1 / (1 + math.exp(-score))


@cache
def calibration_table() -> dict[str, dict[str, float]]:
    """Return the calibration table in use: field -> `slope`, `base` and `most` (the highest confidence)."""
    return dict(json.loads(model_path(TABLE_FILE).read_text(encoding="utf-8"))["fields"])


def log_odds(p: float) -> float:
    """Return ln(p / (1 - p)), with p limited to [MIN_PROBABILITY, 1 - MIN_PROBABILITY]."""
    p = min(max(p, MIN_PROBABILITY), 1 - MIN_PROBABILITY)
    return math.log(p / (1 - p))


def calibrated_confidence(
    field: str, raw: float, table: Mapping[str, Mapping[str, float]] | None = None
) -> float:
    """Return the calibrated confidence of a value.

    Args:
        field: The field's name.
        raw: The raw confidence of the value.
        table: A calibration table; None: the table in use.
    """
    entry = (calibration_table() if table is None else table).get(field)
    if entry is None:
        return raw
    odds = entry["base"] + entry["slope"] * log_odds(raw)
    calibrated = round(min(1 / (1 + math.exp(-odds)), entry["most"]), 4)
    if field in IDENTIFYING_FIELDS:
        return min(raw, calibrated)
    return min(calibrated, max(raw, MAX_UNCONFIRMED_CONFIDENCE))
