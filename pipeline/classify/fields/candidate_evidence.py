"""A value that a page offers for an index field, and the numbers by which it is weighed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple, TypeAlias

from pipeline.classify.fields.label_values import LabelValue
from pipeline.classify.page_layout import Layout, bounding_box
from pipeline.records import Box, Word

HEADER_HEIGHT_SHARE = 0.4
"""The part of a page, from the top, in which a form names its patient and visit."""

FAR_LINES = 10
"""Distance from the label, in line heights, that counts fully as evidence against a value."""

WIDE_GAP_SPACES = 1.8
"""A gap wider than this many of the page's usual spaces may have lost a word of the value, mostly a middle
initial. Of 435 names read correctly 9 have such a gap; of names that lack an initial all have one (3.3 spaces
and more).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCandidate:
    """A value that a page offers for a field.

    `label`: the key of its label, or how the value was found without one (card, alone, signed, signer,
    letterhead). `evidence`: the numbers that the scorer weighs, see confidence.py.
    """

    field: str
    value: str
    page: int
    box: Box
    row: int
    label: str = ""
    evidence: Mapping[str, float] = dataclasses.field(default_factory=dict)


def make_candidate(
    layout: Layout,
    field: str,
    value: str,
    words: Sequence[Word],
    row: int,
    evidence: Mapping[str, float],
    label: str = "",
) -> FieldCandidate:
    """Return a candidate for a field whose value stands in `words` on row `row`."""
    return FieldCandidate(
        field=field,
        value=value,
        page=layout.number,
        box=bounding_box(words),
        row=row,
        label=label,
        evidence=evidence,
    )


def measure_evidence(
    layout: Layout, words: Sequence[Word], label_strength: float, label_value: LabelValue | None = None
) -> dict[str, float]:
    """Return what the scorer weighs, each number from 0 to about 1."""
    top = min(word.box[1] for word in words) / layout.height
    max_gap = WIDE_GAP_SPACES * layout.word_gap
    return {
        "label_strength": label_strength,
        "colon": float(label_value.label.colon) if label_value else 0.0,
        "below": float(label_value.position == "below") if label_value else 0.0,
        "distance": min(label_value.gap / FAR_LINES, 1.0) if label_value else 0.0,
        "in_header": float(top < HEADER_HEIGHT_SHARE),
        "mean_confidence": fmean(word.confidence for word in words),
        "min_confidence": min(word.confidence for word in words),
        "wide_gap": float(any(b.box[0] - a.box[2] > max_gap for a, b in pairwise(words))),
    }


class ScoredCandidate(NamedTuple):
    """A candidate and its raw confidence."""

    confidence: float
    candidate: FieldCandidate


ScoredByField: TypeAlias = dict[str, list[ScoredCandidate]]
