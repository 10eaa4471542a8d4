"""How sure a found value is, by measurement: raw confidences are turned into the share of values that were
right at them.

The table (models/field_confidence.json, made by `chartloom train-fields`) holds three numbers for each field
that was measured; a field that was not keeps its raw confidence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache

from pipeline.config import MODELS

IDENTIFIERS = frozenset(("patient_name", "mrn", "dob"))
"""Fields that decide whose chart it is: calibration may make them less sure, never surer than their
evidence.
"""

UNCONFIRMED = 0.89
"""Confidence that a value does not pass by calibration alone: whoever looks only at values above 0.9 never
sees a weak one.
"""

LEAST = 1e-4
"""How far from 0 and 1 a share is held: nearer, it claims more than any number of answers measured here can
tell.
"""

TABLE = MODELS / "field_confidence.json"


@cache
def table() -> dict[str, dict[str, float]]:
    """Field -> slope, base, most."""
    return dict(json.loads(TABLE.read_text(encoding="utf-8"))["fields"]) if TABLE.exists() else {}


def log_odds(p: float) -> float:
    """ln p/(1-p), p held away from 0 and 1."""
    held = min(max(p, LEAST), 1 - LEAST)
    return math.log(held / (1 - held))


def measured(field: str, raw: float, by: Mapping[str, Mapping[str, float]] | None = None) -> float:
    """The calibrated confidence of a value of that field, by the table in use or another."""
    known = (table() if by is None else by).get(field)
    if known is None:
        return raw
    odds = known["base"] + known["slope"] * log_odds(raw)
    sure = round(min(1 / (1 + math.exp(-odds)), known["most"]), 4)
    return min(raw, sure) if field in IDENTIFIERS else min(sure, max(raw, UNCONFIRMED))
