"""Fits the type model: one linear separation per type (support vectors), then a calibration on scores that
were held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.classify.text_features import BLOCKS, extract_features, slot, weighted
from pipeline.classify.type_model import Floats, lead

FEWEST_DOCUMENTS = 3  # a feature of fewer documents may be somebody's name
COST = 0.3  # of a training error against the size of the weights; 0.3 measured best of 0.1, 0.3, 1, 3
EVENNESS = (
    0.6  # power of a type's rarity that its documents count more by: at 1 rare types are guessed too often
)
FOLDS = 5
BELIEF_COST = (
    1.0  # inverse of the cost of a type's own belief: a type with few documents keeps to the common one
)
SHIFT_COST = 0.01  # of a type's shift: rare types keep theirs near nothing
GENERATED_WEIGHT = 0.5  # of a generated document beside one that somebody wrote


SURE_LEAD = (-0.5, 4.0)  # base and slope of the belief where too little was answered wrongly to learn them


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as features: for each block the slots and damped counts of each text, and what is known of the
    texts.
    """

    blocks: Mapping[str, list[tuple[NDArray[np.uint32], Floats]]]
    count: int


def featurize(texts: Sequence[str]) -> Texts:
    """The texts' features, to be fitted on again and again."""
    blocks: dict[str, list[tuple[NDArray[np.uint32], Floats]]] = {block: [] for block in BLOCKS}
    for text in texts:
        for block, counts in extract_features(text).items():
            pairs = list(weighted({block: counts}))
            slots = np.array([slot(name) for name, _ in pairs], dtype=np.uint32)
            blocks[block].append((slots, np.array([value for _, value in pairs], dtype=np.float32)))
    return Texts(blocks, len(texts))


@dataclass(frozen=True, slots=True)
class Separation:
    """A fitted model before its calibration."""

    types: tuple[str, ...]
    slots: NDArray[np.uint32]
    rarity: Floats
    weights: Floats
    bias: Floats

    def scores(self, texts: Texts, rows: Sequence[int]) -> Floats:
        """(rows, types)"""
        matrix = _matrix(texts, rows, self.slots, self.rarity)
        return np.asarray(matrix @ self.weights + self.bias, dtype=np.float32)


def fit_separation(texts: Texts, rows: Sequence[int], labels: Sequence[str], weight: Sequence[float]) -> Separation:
    """Fit on those rows; `labels` and `weight` are theirs."""
    from sklearn.svm import LinearSVC

    slots, rarity = _vocabulary(texts, rows)
    matrix = _matrix(texts, rows, slots, rarity)
    counts = Counter(labels)
    even = {kind: (len(labels) / len(counts) / count) ** EVENNESS for kind, count in counts.items()}
    machine = LinearSVC(C=COST, class_weight=even, random_state=0)
    machine.fit(matrix, np.array(labels), sample_weight=np.array(weight))
    types = tuple(str(t) for t in machine.classes_)
    return Separation(
        types, slots, rarity, machine.coef_.T.astype(np.float32), machine.intercept_.astype(np.float32)
    )


def held_back_scores(
    texts: Texts, labels: Sequence[str], groups: Sequence[str], weight: Sequence[float], types: Sequence[str]
) -> Floats:
    """Each text's scores from a fit that saw neither it nor anything of its group: (texts, types)."""
    from sklearn.model_selection import StratifiedGroupKFold

    out = np.full((texts.count, len(types)), -2.0, dtype=np.float32)
    place = {t: i for i, t in enumerate(types)}
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=1)
    for train, test in folds.split(np.zeros(texts.count), np.array(labels), np.array(groups)):
        fitted = fit_separation(texts, list(train), [labels[i] for i in train], [weight[i] for i in train])
        columns = [place[t] for t in fitted.types]
        out[np.ix_(test, columns)] = fitted.scores(texts, list(test))
    return out


def calibrate(
    scores: Floats, labels: Sequence[str], weight: Sequence[float], types: Sequence[str]
) -> tuple[Floats, Floats]:
    """(scale, shift): how held-back scores become log odds, the same scale for all types and a small shift
    for each.
    """
    from scipy.optimize import minimize

    rows = np.arange(len(labels))
    truth = np.array([list(types).index(label) for label in labels])
    share = np.array(weight) / np.sum(weight)

    def loss(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, shift = np.exp(free[0]), free[1:]
        odds = scores * scale + shift
        odds -= odds.max(axis=1, keepdims=True)
        p = np.exp(odds)
        p /= p.sum(axis=1, keepdims=True)
        wrong = p.copy()
        wrong[rows, truth] -= 1.0
        wrong *= share[:, None]
        slope = np.concatenate([[(wrong * scores).sum() * scale], wrong.sum(axis=0) + 2 * SHIFT_COST * shift])
        return float(-(share * np.log(p[rows, truth] + 1e-12)).sum() + SHIFT_COST * (shift**2).sum()), slope

    best = minimize(loss, np.concatenate([[1.0], np.zeros(len(types))]), jac=True, method="L-BFGS-B").x
    return np.array([np.exp(best[0])], dtype=np.float32), best[1:].astype(np.float32)


def fit_belief(scores: Floats, odds: Floats, labels: Sequence[str], types: Sequence[str]) -> Floats:
    """(base, slope, height) by type: how sure the best type of held-back scores was right to be, by its lead
    and its height.

    A logistic regression over whether it was right. Each type has a base and a slope of its own on top of the
    common ones."""
    from sklearn.linear_model import LogisticRegression

    best = odds.argmax(axis=1)
    right = np.array([types[i] == label for i, label in zip(best, labels, strict=True)])
    if right.all() or not right.any():
        return np.array([[SURE_LEAD[0]], [SURE_LEAD[1]], [0.0]], dtype=np.float32).repeat(len(types), axis=1)
    leads = np.array([lead(row, i) for row, i in zip(scores, best, strict=True)])
    heights = scores[np.arange(len(best)), best]
    own = np.eye(len(types))[best]
    fitted = LogisticRegression(C=BELIEF_COST, max_iter=1000)
    fitted.fit(np.column_stack([leads, heights, own, own * leads[:, None]]), right)
    slope, height = fitted.coef_[0][:2]
    bases, slopes = np.split(fitted.coef_[0][2:], 2)
    return np.array(
        [bases + fitted.intercept_[0], slopes + slope, np.full(len(types), height)], dtype=np.float32
    )


def _vocabulary(texts: Texts, rows: Sequence[int]) -> tuple[NDArray[np.uint32], Floats]:
    every = [texts.blocks[block][i][0] for block in texts.blocks for i in rows]
    slots, counts = np.unique(np.concatenate(every), return_counts=True)
    kept = counts >= FEWEST_DOCUMENTS
    rarity = np.log((1 + len(rows)) / (1 + counts[kept])) + 1
    return slots[kept], rarity.astype(np.float32)


def _matrix(texts: Texts, rows: Sequence[int], slots: NDArray[np.uint32], rarity: Floats) -> Any:
    """Unit vectors of each block, weighed and added: a sparse (rows, slots) matrix."""
    import scipy.sparse as sparse

    total = None
    for block, weight in BLOCKS.items():
        data, columns, starts = [], [], [0]
        for i in rows:
            seen, values = texts.blocks[block][i]
            at = np.minimum(np.searchsorted(slots, seen), len(slots) - 1)
            hit = slots[at] == seen
            value = values[hit] * rarity[at[hit]]
            length = float(np.sqrt((value**2).sum())) or 1.0
            data.append(value * (weight / length))
            columns.append(at[hit])
            starts.append(starts[-1] + len(value))
        part = sparse.csr_matrix(
            (np.concatenate(data), np.concatenate(columns), starts), shape=(len(rows), len(slots))
        )
        total = part if total is None else total + part
    return total
