"""How sure a found value is, by measurement: raw confidences are turned into the share of values that were
right at them.

The table (models/field_confidence.json, made by `chartloom train-fields`) holds three numbers for each field
that was measured; a field that was not keeps its raw confidence."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache

from pipeline.classify.fields.field_candidates import Offer
from pipeline.classify.fields.identifiers import checks
from pipeline.config import ClassifySettings
from pipeline.resources import model_path

IDENTIFIERS = frozenset(("patient_name", "mrn", "dob"))
"""Fields that decide whose chart it is: calibration may make them less sure, never surer than their
evidence.
"""

MAX_UNCONFIRMED_CONFIDENCE = 0.89
"""Confidence that a value does not pass by calibration alone: whoever looks only at values above 0.9 never
sees a weak one.
"""

LEAST = 1e-4
"""How far from 0 and 1 a share is held: nearer, it claims more than any number of answers measured here can
tell.
"""

TABLE_FILE = "field_confidence.json"


@cache
def calibration_table() -> dict[str, dict[str, float]]:
    """Field -> slope, base, most."""
    return dict(json.loads(model_path(TABLE_FILE).read_text(encoding="utf-8"))["fields"])


def log_odds(p: float) -> float:
    """ln p/(1-p), p held away from 0 and 1."""
    held = min(max(p, LEAST), 1 - LEAST)
    return math.log(held / (1 - held))


def calibrated_confidence(
    field: str, raw: float, by: Mapping[str, Mapping[str, float]] | None = None
) -> float:
    """The calibrated confidence of a value of that field, by the table in use or another."""
    known = (calibration_table() if by is None else by).get(field)
    if known is None:
        return raw
    odds = known["base"] + known["slope"] * log_odds(raw)
    sure = round(min(1 / (1 + math.exp(-odds)), known["most"]), 4)
    return min(raw, sure) if field in IDENTIFIERS else min(sure, max(raw, MAX_UNCONFIRMED_CONFIDENCE))


UNCHECKED = 0.2
"""Confidence of a record number whose check digit is wrong: it was misread, or is another hospital's."""

USUAL = {
    "bias": -3.0,
    "label": 4.0,
    "colon": 0.7,
    "below": -0.4,
    "far": -1.0,
    "head": 1.2,
    "read": 1.5,
    "worst": 0.5,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "patient_name": USUAL | {"head": 1.5, "order": 0.7},
    "mrn": USUAL | {"bias": -4.0, "pattern": 1.5},
    "date_of_service": USUAL | {"bias": -4.0, "label": 4.5, "head": 1.5, "signed": 1.0},
}


def raw_confidence(offer: Offer, settings: ClassifySettings) -> float:
    """The probability that the offered value is the document's, before its rivals are heard."""
    weights = WEIGHTS.get(offer.field, USUAL)
    evidence = dict(offer.evidence)
    if offer.field == "mrn":
        if not checks(offer.value, settings.mrn_check):
            return UNCHECKED
        evidence["pattern"] = float(
            any(re.fullmatch(pattern, offer.value) for pattern in settings.mrn_patterns)
        )
    score = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in evidence.items())
    return 1 / (1 + math.exp(-score))
