"""How probable it is that an offered value is right: a small logistic scorer over its evidence, one set of
weights a field.
"""

from __future__ import annotations

import math
import re

from pipeline.classify.fields.field_candidates import Offer
from pipeline.classify.fields.identifiers import checks
from pipeline.config import ClassifySettings

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


def confidence(offer: Offer, settings: ClassifySettings) -> float:
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
