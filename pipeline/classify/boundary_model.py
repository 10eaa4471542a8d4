"""The evidence that a document starts at a page, from what a person would look at, and the probability that
it amounts to.

Every piece of evidence is a number of about -1 to 1, positive where it speaks for a new document; a logistic
model (models/boundaries.json, made by `chartloom train-boundaries`) weighs them. Its weights are readable: so
are its reasons."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.classify.fields.field_selection import names_match
from pipeline.classify.page_features import PageMarks
from pipeline.resources import model_path

FULL_PAGE = 0.8
"""Text that ends above this share of the page leaves room: the document probably ended there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Weights of the evidence, in nats."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, found: Mapping[str, float]) -> float:
        """What that evidence amounts to."""
        score = self.bias + sum(self.weights.get(name, 0.0) * value for name, value in found.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


MODEL_FILE = "boundaries.json"


def model_as_dict() -> dict[str, Any]:
    """The model in use as training writes it."""
    return {"bias": load_model().bias, "weights": dict(load_model().weights)}


@cache
def load_model() -> Model:
    """Return the model in use: boundaries.json of the home if it has been trained there, else as shipped."""
    table = json.loads(model_path(MODEL_FILE).read_text(encoding="utf-8"))
    return Model(
        bias=float(table["bias"]), weights={name: float(weight) for name, weight in table["weights"].items()}
    )


def start_probability(before: PageMarks, page: PageMarks, *, blank_between: bool) -> float:
    """The probability that a document starts at `page`, given the content page before it."""
    return load_model().probability(evidence(before, page, blank_between=blank_between))


def evidence(before: PageMarks, page: PageMarks, *, blank_between: bool) -> dict[str, float]:
    """The evidence by name; what is not known is 0."""
    found = (
        _numbering(before, page) | _identity(before, page) | _text_flow(before, page) | _looks(before, page)
    )
    found["blank_between"] = float(blank_between)
    found["title"] = float(page.title)
    found["title_and_labels"] = float(page.title and page.head_labels >= 2)
    found["head_labels"] = min(page.head_labels, 6) / 6
    found["more_labels"] = (min(page.head_labels, 6) - min(before.head_labels, 6)) / 6
    found["letterhead"] = float(page.letterhead is not None)
    found["letterhead_new"] = float(page.letterhead is not None and before.letterhead is None)
    if page.letterhead and before.letterhead:
        found["letterhead_differs"] = -1.0 if same_letters(page.letterhead, before.letterhead) else 1.0
    if page.form and before.form:
        found["form_differs"] = 1.0 if page.form != before.form else -1.0
    return found


def same_letters(left: str, right: str) -> bool:
    """The same words, reading errors forgiven."""
    from rapidfuzz import fuzz

    return float(fuzz.ratio(re.sub(r"\W", "", left).lower(), re.sub(r"\W", "", right).lower())) >= 80.0


def _numbering(before: PageMarks, page: PageMarks) -> dict[str, float]:
    found = {
        "first": float(page.number == 1),
        "first_of": float(page.number == 1 and page.total is not None),
        "later": -float(page.number is not None and page.number > 1),
        "later_of": -float(page.number is not None and page.number > 1 and page.total is not None),
        "continued": -float(page.continued),
        "before_goes_on": -float(before.goes_on),
        "before_last": float(before.total is not None and before.number == before.total),
        "before_not_last": -float(
            before.total is not None and before.number is not None and before.number < before.total
        ),
    }
    if page.number and before.number:
        follows = page.number == before.number + 1 and page.total == before.total
        found["number_follows"] = -1.0 if follows else 1.0
    if page.number is None and before.number is not None:
        found["number_stops"] = 1.0
    if page.number is not None and page.number > 1 and before.number is None:
        found["number_begins_late"] = 1.0
    return found


IDENTIFIERS = ("patient_name", "mrn", "dob", "account", "date_of_service", "accession", "author")
SURE = 0.6
"""Label strength from which an identifier on a page is compared."""


def _identity(before: PageMarks, page: PageMarks) -> dict[str, float]:
    """Who and when, on both pages: staying or changing."""
    found: dict[str, float] = {}
    known_here = known_there = False
    for name in IDENTIFIERS:
        here, there = _values(page, name), _values(before, name)
        known_here |= bool(here) and name != "author"
        known_there |= bool(there) and name != "author"
        if here and there:
            same = any(_same(name, a, b) for a in here for b in there)
            found[f"{name}_differs"] = -1.0 if same else 1.0
        elif here:
            found[f"{name}_begins"] = 1.0
        elif there:
            found[f"{name}_stops"] = 1.0
    found["identity_missing"] = float(not known_here and known_there)
    return found


def _values(page: PageMarks, name: str) -> list[str]:
    return [offer.value for offer in page.offers if offer.field == name and offer.evidence["label"] >= SURE]


def _same(name: str, left: str, right: str) -> bool:
    if name in ("patient_name", "author"):
        return names_match(left, right)
    a, b = (re.sub(r"\W", "", text).lower() for text in (left, right))
    if name == "date_of_service":
        return a == b
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(a, b, score_cutoff=1) <= 1


def _text_flow(before: PageMarks, page: PageMarks) -> dict[str, float]:
    """Does the text run on over the break?"""
    last, first = before.last_text.rstrip(" |_-"), page.first_text.lstrip(" |_-'\"")
    found = {
        "before_ending": float(before.ending),
        "before_short": float(before.bottom < FULL_PAGE),
        "before_bottom": before.bottom,
        "before_very_short": float(before.bottom < 0.55),
        "starts_low": float(page.top > 0.12),
        "starts_lowercase": -float(first[:1].islower()),
        "open_sentence": -float((bool(last) and last[-1].isalpha()) or last.endswith((",", "-"))),
    }
    found["runs_on"] = -float(found["starts_lowercase"] < 0 and found["open_sentence"] < 0)
    if page.first_step and before.last_step:
        found["step_follows"] = -float(page.first_step == before.last_step + 1)
    elif page.first_step and page.first_step > 1:
        found["step_follows"] = -0.5
    return found


def _looks(before: PageMarks, page: PageMarks) -> dict[str, float]:
    """Type size, line pitch, margin and the picture of the page's head."""
    found = {"left_differs": min(abs(page.left - before.left) / 0.05, 1.0)}
    if page.line and before.line:
        found["size_differs"] = min(abs(math.log(page.line / before.line)) / 0.25, 1.0)
    if page.pitch and before.pitch:
        found["pitch_differs"] = min(abs(math.log(page.pitch / before.pitch)) / 0.25, 1.0)
    return found
