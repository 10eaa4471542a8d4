"""How good answers are: accuracy, F1, how many may be believed at a given precision, and how true the
probabilities are.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

BINS = 15  # of equal width, for the calibration error


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """An answer beside the truth."""

    id: str
    truth: str
    said: str
    probability: float

    @property
    def right(self) -> bool:
        return self.truth == self.said


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeMetrics:
    """What was measured. `coverage` and `precision`: share of documents above a threshold of 99 % precision
    that was chosen on the one half and applied to the other, and the share of them that is right."""

    documents: int
    accuracy: float
    macro_f1: float
    coverage_99: float
    precision_99: float
    calibration_error: float
    f1: dict[str, float]
    confused: dict[str, int]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def compute_metrics(answers: Sequence[Prediction]) -> TypeMetrics:
    """All figures of some answers."""
    f1 = f1_by_type(answers)
    coverage, precision = crossed_coverage(answers, 0.99)
    wrong = Counter(f"{a.truth} -> {a.said}" for a in answers if not a.right)
    return TypeMetrics(
        documents=len(answers),
        accuracy=sum(a.right for a in answers) / max(1, len(answers)),
        macro_f1=sum(f1.values()) / max(1, len(f1)),
        coverage_99=coverage,
        precision_99=precision,
        calibration_error=calibration_error(answers),
        f1=f1,
        confused=dict(wrong.most_common(20)),
    )


def f1_by_type(answers: Sequence[Prediction]) -> dict[str, float]:
    """F1 of every type that occurs in the truth."""
    hits = Counter(a.truth for a in answers if a.right)
    truths, said = Counter(a.truth for a in answers), Counter(a.said for a in answers)
    return {t: 2 * hits[t] / (truths[t] + said[t]) for t in sorted(truths)}


def threshold_for(answers: Sequence[Prediction], precision: float) -> float | None:
    """The lowest probability above which that share is right; None where there is none. Equal probabilities
    go together.
    """
    best, right = None, 0
    ranked = sorted(answers, key=lambda a: -a.probability)
    for number, answer in enumerate(ranked, 1):
        right += answer.right
        last = number == len(ranked) or ranked[number].probability != answer.probability
        if last and right >= precision * number:
            best = answer.probability
    return best


def crossed_coverage(answers: Sequence[Prediction], precision: float) -> tuple[float, float]:
    """(share above the threshold, share right of these), the threshold of either half being chosen on the
    other.
    """
    halves = [[a for a in answers if zlib.crc32(a.id.encode()) % 2 == half] for half in (0, 1)]
    taken: list[Prediction] = []
    for half in (0, 1):
        threshold = threshold_for(halves[1 - half], precision)
        taken += [a for a in halves[half] if threshold is not None and a.probability >= threshold]
    return len(taken) / max(1, len(answers)), sum(a.right for a in taken) / max(1, len(taken))


def calibration_error(answers: Sequence[Prediction]) -> float:
    """Mean gap between what was promised and what was kept, over bins of probability."""
    bins: dict[int, list[Prediction]] = {}
    for answer in answers:
        bins.setdefault(min(BINS - 1, int(answer.probability * BINS)), []).append(answer)
    gaps = (abs(sum(a.probability - a.right for a in group)) for group in bins.values())
    return sum(gaps) / max(1, len(answers))
