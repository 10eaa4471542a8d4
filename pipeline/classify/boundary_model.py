"""Compute the probability that a document starts at a page, from evidence that a person would look at.

Each piece of evidence is a number from about -1 to 1; a positive number indicates a new document. A logistic
regression (models/boundaries.json, made by `chartloom train boundaries`) weighs the evidence. Each weight can
be read, and so can the reasons for each probability.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.classify.fields.field_selection import names_match
from pipeline.classify.page_features import PageFeatures
from pipeline.resources import model_path

MODEL_FILE = "boundaries.json"

FULL_PAGE_SHARE = 0.8
"""Text that ends above this share of the page's height leaves room: the document probably ended there."""

NEARLY_EMPTY_PAGE_SHARE = 0.55
"""Text that ends above this share leaves much room."""

LOW_START_SHARE = 0.12
"""Text that starts below this share of the page's height starts low."""

MAX_HEADER_LABELS = 6
"""More labels than this in the header count as this many."""

MIN_HEADER_LABELS = 2
"""Labels in the header that support a title."""

MAX_SCORE_NATS = 30.0
"""Scores are limited to this, so that the exponential function cannot overflow."""

MIN_LETTERHEAD_SIMILARITY = 80.0
"""rapidfuzz's ratio, in percent, from which two letterheads are the same."""

COMPARED_FIELDS = ("patient_name", "mrn", "dob", "account", "date_of_service", "accession", "author")
MAX_PAGES_BACK = 6
"""Content pages before a page among which the last that names the patient is looked for."""

MIN_LABEL_STRENGTH = 0.6
"""Label strength from which a value of a page is compared with the other page's."""

LEFT_EDGE_SCALE, SIZE_SCALE = 0.05, 0.25
"""Differences that count fully: of edges as a share of the width, of sizes as a logarithm of their ratio."""

CELLS_SCALE, CAPITALS_SCALE, DIGITS_SCALE = 1.5, 0.3, 0.3
"""Differences that count fully: of cells per row, and of the shares of capitals and digits."""

MIN_REPEATED_SHARE = 0.5
"""Share of a page's first rows that are also on the page before, from which its head repeats."""

SMALL_PRINT_SHARE = 0.85
"""Height of small print, compared with the type of the page before."""

MIN_LONG_WORDS, WORDS_SCALE = 8, 0.5
"""Long words that two pages must have to be compared, and the share in common that counts fully."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryModel:
    """The weights of the evidence, in nats."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, evidence: Mapping[str, float]) -> float:
        """Return the probability of a document start, given the evidence by name."""
        score = self.bias + sum(self.weights.get(name, 0.0) * value for name, value in evidence.items())
        return 1 / (1 + math.exp(-max(-MAX_SCORE_NATS, min(MAX_SCORE_NATS, score))))


def model_as_dict() -> dict[str, Any]:
    """Return the model in use in the form in which training writes it."""
    return {"bias": load_model().bias, "weights": dict(load_model().weights)}


@cache
def load_model() -> BoundaryModel:
    """Return the model in use: boundaries.json of the home if it has been trained there, else as shipped."""
    table = json.loads(model_path(MODEL_FILE).read_text(encoding="utf-8"))
    return BoundaryModel(
        bias=float(table["bias"]), weights={name: float(weight) for name, weight in table["weights"].items()}
    )


def start_probability(earlier: Sequence[PageFeatures], page: PageFeatures, *, blank_between: bool) -> float:
    """Return the probability that a document starts at `page`, given the content pages before it."""
    return load_model().probability(boundary_evidence(earlier, page, blank_between=blank_between))


def boundary_evidence(
    earlier: Sequence[PageFeatures], page: PageFeatures, *, blank_between: bool
) -> dict[str, float]:
    """Return the evidence by name, as models/boundaries.json names it. Evidence that is missing counts as 0.

    Args:
        earlier: The content pages before `page`, in order; at least one. The last is compared with `page`;
            the others give the patient and visit if the last names none.
        page: The page at which a document may start.
        blank_between: A blank page is between the two.
    """
    before = earlier[-1]
    return (
        _page_number_evidence(before, page)
        | _identity_evidence(before, page)
        | _earlier_identity_evidence(earlier, page)
        | _text_flow_evidence(before, page)
        | _appearance_evidence(before, page)
        | _repeated_rows_evidence(before, page)
        | {"blank_between": float(blank_between)}
        | _header_evidence(before, page)
    )


def _header_evidence(before: PageFeatures, page: PageFeatures) -> dict[str, float]:
    """Compare title, labels, letterhead and form number."""
    labels, labels_before = (min(p.header_labels, MAX_HEADER_LABELS) for p in (page, before))
    evidence = {
        "title": float(page.has_title),
        "title_and_labels": float(page.has_title and page.header_labels >= MIN_HEADER_LABELS),
        "head_labels": labels / MAX_HEADER_LABELS,
        "more_labels": (labels - labels_before) / MAX_HEADER_LABELS,
        "letterhead": float(page.letterhead is not None),
        "letterhead_new": float(page.letterhead is not None and before.letterhead is None),
    }
    if page.letterhead and before.letterhead:
        evidence["letterhead_differs"] = (
            -1.0 if letterheads_match(page.letterhead, before.letterhead) else 1.0
        )
    evidence |= _title_evidence(before, page)
    if page.title and before.title:
        evidence["title_differs"] = -1.0 if letterheads_match(page.title, before.title) else 1.0
    if page.form_number and before.form_number:
        evidence["form_differs"] = 1.0 if page.form_number != before.form_number else -1.0
    return evidence


def _title_evidence(before: PageFeatures, page: PageFeatures) -> dict[str, float]:
    """Compare titles of the catalog and lines in larger type, and state what a page has no part of."""
    repeats = _repeated_share(page.head, before.head) >= MIN_REPEATED_SHARE
    evidence = {
        "catalog_title": float(bool(page.catalog_title)),
        "large_line": float(page.large_line),
        "bare": -float(page.is_bare),
        "small_print": -float(
            not page.header_labels and 0 < page.line_height < SMALL_PRINT_SHARE * before.line_height
        ),
        "repeated_untitled": -float(repeats and not page.title and not page.catalog_title),
        "repeated_titled": float(repeats and bool(page.title or page.catalog_title)),
    }
    if page.catalog_title and before.catalog_title:
        evidence["catalog_title_differs"] = 1.0 if page.catalog_title != before.catalog_title else -1.0
    return evidence


def letterheads_match(left: str, right: str) -> bool:
    """Return whether two letterheads have the same words, allowing for OCR errors."""
    from rapidfuzz import fuzz

    a, b = (re.sub(r"\W", "", text).lower() for text in (left, right))
    return float(fuzz.ratio(a, b)) >= MIN_LETTERHEAD_SIMILARITY


def _page_number_evidence(before: PageFeatures, page: PageFeatures) -> dict[str, float]:
    """Compare the printed page numbers, and what the pages state about continuing."""
    number, total = page.printed_number, page.printed_total
    number_before, total_before = before.printed_number, before.printed_total
    is_later = number is not None and number > 1
    is_not_last_before = (
        total_before is not None and number_before is not None and number_before < total_before
    )
    evidence = {
        "first": float(number == 1),
        "first_of": float(number == 1 and total is not None),
        "later": -float(is_later),
        "later_of": -float(is_later and total is not None),
        "continued": -float(page.continued),
        "before_goes_on": -float(before.continues),
        "before_last": float(total_before is not None and number_before == total_before),
        "before_not_last": -float(is_not_last_before),
    }
    if number and number_before:
        follows = number == number_before + 1 and total == total_before
        evidence["number_follows"] = -1.0 if follows else 1.0
    if number is None and number_before is not None:
        evidence["number_stops"] = 1.0
    if is_later and number_before is None:
        evidence["number_begins_late"] = 1.0
    return evidence


def _identity_evidence(before: PageFeatures, page: PageFeatures) -> dict[str, float]:
    """Compare patient, visit and author of the two pages."""
    evidence: dict[str, float] = {}
    has_identity = had_identity = False
    for name in COMPARED_FIELDS:
        here, there = _labeled_values(page, name), _labeled_values(before, name)
        if name != "author":
            has_identity |= bool(here)
            had_identity |= bool(there)
        if here and there:
            same = any(_is_same_value(name, a, b) for a in here for b in there)
            evidence[f"{name}_differs"] = -1.0 if same else 1.0
        elif here:
            evidence[f"{name}_begins"] = 1.0
        elif there:
            evidence[f"{name}_stops"] = 1.0
    evidence["identity_missing"] = float(not has_identity and had_identity)
    return evidence


def _earlier_identity_evidence(earlier: Sequence[PageFeatures], page: PageFeatures) -> dict[str, float]:
    """Compare patient and visit with the last page that names them, if the page before does not."""
    evidence: dict[str, float] = {}
    for name in COMPARED_FIELDS:
        here = _labeled_values(page, name)
        if not here or _labeled_values(earlier[-1], name):
            continue
        pages_back = reversed(earlier[-MAX_PAGES_BACK:-1])
        there = next((values for p in pages_back if (values := _labeled_values(p, name))), [])
        if there:
            same = any(_is_same_value(name, a, b) for a in here for b in there)
            evidence[f"{name}_differs_earlier"] = -1.0 if same else 1.0
    return evidence


def _labeled_values(page: PageFeatures, field: str) -> list[str]:
    return [
        c.value
        for c in page.candidates
        if c.field == field and c.evidence["label_strength"] >= MIN_LABEL_STRENGTH
    ]


def _is_same_value(field: str, left: str, right: str) -> bool:
    """Return whether two values are the same, allowing for one misread character except in dates of
    service.
    """
    if field in ("patient_name", "author"):
        return names_match(left, right)
    a, b = (re.sub(r"\W", "", text).lower() for text in (left, right))
    if field == "date_of_service":
        return a == b
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(a, b, score_cutoff=1) <= 1


def _text_flow_evidence(before: PageFeatures, page: PageFeatures) -> dict[str, float]:
    """Compare the end of the text before with the beginning of the text here: does a sentence or a list
    continue?
    """
    last, first = before.last_text.rstrip(" |_-"), page.first_text.lstrip(" |_-'\"")
    starts_lowercase = first[:1].islower()
    ends_within_sentence = (bool(last) and last[-1].isalpha()) or last.endswith((",", "-"))
    evidence = {
        "before_ending": float(before.has_ending),
        "before_short": float(before.bottom < FULL_PAGE_SHARE),
        "before_bottom": before.bottom,
        "before_very_short": float(before.bottom < NEARLY_EMPTY_PAGE_SHARE),
        "starts_low": float(page.top > LOW_START_SHARE),
        "starts_lowercase": -float(starts_lowercase),
        "open_sentence": -float(ends_within_sentence),
        "runs_on": -float(starts_lowercase and ends_within_sentence),
    }
    if page.first_step and before.last_step:
        evidence["step_follows"] = -float(page.first_step == before.last_step + 1)
    elif page.first_step and page.first_step > 1:
        evidence["step_follows"] = -0.5
    return evidence


def _repeated_rows_evidence(before: PageFeatures, page: PageFeatures) -> dict[str, float]:
    """Compare the rows at the top and at the bottom, and the long words between them."""
    evidence = {"head_repeats": -_repeated_share(page.head, before.head)}
    if page.foot and before.foot:
        evidence["foot_repeats"] = -_repeated_share(page.foot[-1:], before.foot[-1:])
    fewer = min(len(page.long_words), len(before.long_words))
    if fewer >= MIN_LONG_WORDS:
        shared = len(page.long_words & before.long_words)
        evidence["words_shared"] = -min(1.0, shared / fewer / WORDS_SCALE)
    if page.fax_number is not None and before.fax_number is not None:
        evidence["fax_restarts"] = float(page.fax_number == 1)
    return evidence


def _repeated_share(rows: Sequence[str], rows_before: Sequence[str]) -> float:
    """Return the share of the rows that are also on the page before, allowing for OCR errors."""
    from rapidfuzz import fuzz

    if not rows:
        return 0.0
    repeated = sum(any(fuzz.ratio(a, b) >= MIN_LETTERHEAD_SIMILARITY for b in rows_before) for a in rows)
    return repeated / len(rows)


def _appearance_evidence(before: PageFeatures, page: PageFeatures) -> dict[str, float]:
    """Compare margin, type size and line pitch."""
    evidence = {
        "left_differs": min(abs(page.left - before.left) / LEFT_EDGE_SCALE, 1.0),
        "right_differs": min(abs(page.right - before.right) / LEFT_EDGE_SCALE, 1.0),
        "cells_differ": min(abs(page.cells - before.cells) / CELLS_SCALE, 1.0),
        "capitals_differ": min(abs(page.capitals - before.capitals) / CAPITALS_SCALE, 1.0),
        "digits_differ": min(abs(page.digits - before.digits) / DIGITS_SCALE, 1.0),
    }
    if page.line_height and before.line_height:
        evidence["size_differs"] = _log_ratio(page.line_height, before.line_height)
    if page.line_pitch and before.line_pitch:
        evidence["pitch_differs"] = _log_ratio(page.line_pitch, before.line_pitch)
    return evidence


def _log_ratio(a: float, b: float) -> float:
    return min(abs(math.log(a / b)) / SIZE_SCALE, 1.0)
