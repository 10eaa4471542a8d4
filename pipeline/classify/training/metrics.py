"""Measure predictions: accuracy, F1, the share that can be accepted at a given precision, and how well the
probabilities are calibrated.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

CALIBRATION_BINS = 15
"""Bins of equal width for the calibration error."""

MAX_CONFUSIONS = 20
"""How many pairs of confused types are reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A prediction and the truth."""

    id: str
    truth: str
    predicted: str
    probability: float

    @property
    def is_correct(self) -> bool:
        """Whether the predicted type is the true one."""
        return self.truth == self.predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeMetrics:
    """The metrics of some predictions.

    `coverage_99`: the share of documents above a threshold of 99 % precision, chosen on one half and applied
    to the other. `precision_99`: the share of these that is correct. `f1`: by type. `confused`: "truth ->
    predicted" and how often, the most frequent first.
    """

    documents: int
    accuracy: float
    macro_f1: float
    coverage_99: float
    precision_99: float
    calibration_error: float
    f1: dict[str, float]
    confused: dict[str, int]

    def as_dict(self) -> dict[str, object]:
        """Return the metrics by name."""
        return asdict(self)


def compute_metrics(predictions: Sequence[Prediction]) -> TypeMetrics:
    """Return all metrics of the predictions."""
    f1 = f1_by_type(predictions)
    coverage, precision = cross_validated_coverage(predictions, 0.99)
    confusions = Counter(f"{p.truth} -> {p.predicted}" for p in predictions if not p.is_correct)
    return TypeMetrics(
        documents=len(predictions),
        accuracy=sum(p.is_correct for p in predictions) / max(1, len(predictions)),
        macro_f1=sum(f1.values()) / max(1, len(f1)),
        coverage_99=coverage,
        precision_99=precision,
        calibration_error=calibration_error(predictions),
        f1=f1,
        confused=dict(confusions.most_common(MAX_CONFUSIONS)),
    )


def f1_by_type(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Return the F1 score of every type that occurs in the truth."""
    correct = Counter(p.truth for p in predictions if p.is_correct)
    true, predicted = Counter(p.truth for p in predictions), Counter(p.predicted for p in predictions)
    return {kind: 2 * correct[kind] / (true[kind] + predicted[kind]) for kind in sorted(true)}


def threshold_for(predictions: Sequence[Prediction], precision: float) -> float | None:
    """Return the lowest probability from which at least that share of predictions is correct; None if there
    is none.

    Predictions of equal probability are accepted or rejected together.
    """
    threshold, correct = None, 0
    ranked = sorted(predictions, key=lambda p: -p.probability)
    for count, prediction in enumerate(ranked, 1):
        correct += prediction.is_correct
        is_last_of_equals = count == len(ranked) or ranked[count].probability != prediction.probability
        if is_last_of_equals and correct >= precision * count:
            threshold = prediction.probability
    return threshold


def cross_validated_coverage(predictions: Sequence[Prediction], precision: float) -> tuple[float, float]:
    """Return (share of predictions above the threshold, share of these that is correct).

    The threshold of each half is chosen on the other half.
    """
    halves = [[p for p in predictions if zlib.crc32(p.id.encode()) % 2 == half] for half in (0, 1)]
    accepted: list[Prediction] = []
    for half in (0, 1):
        threshold = threshold_for(halves[1 - half], precision)
        if threshold is not None:
            accepted += [p for p in halves[half] if p.probability >= threshold]
    return len(accepted) / max(1, len(predictions)), sum(p.is_correct for p in accepted) / max(
        1, len(accepted)
    )


def calibration_error(predictions: Sequence[Prediction]) -> float:
    """Return the expected calibration error: the mean gap between probability and accuracy over bins of
    probability.
    """
    bins: dict[int, list[Prediction]] = {}
    for prediction in predictions:
        number = min(CALIBRATION_BINS - 1, int(prediction.probability * CALIBRATION_BINS))
        bins.setdefault(number, []).append(prediction)
    gaps = (abs(sum(p.probability - p.is_correct for p in group)) for group in bins.values())
    return sum(gaps) / max(1, len(predictions))
