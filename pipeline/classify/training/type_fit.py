"""Fit the type model: one linear classifier for each type (support vector machines, one against the rest),
then a calibration on held-out scores.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.classify.text_features import BLOCK_WEIGHTS, damped_counts, extract_features, feature_hash
from pipeline.classify.type_model import ALWAYS_KNOWN, OTHER, Floats, score_lead

MIN_FEATURE_DOCUMENTS = 3
"""A feature of fewer documents may be a person's name."""

SVM_COST = 0.3
"""Cost of a training error relative to the size of the weights; 0.3 measured best of 0.1, 0.3, 1, 3."""

RARITY_POWER = 0.6
"""Documents of rare types count more, by this power of the type's rarity: at 1 rare types are predicted too
often.
"""

FOLDS = 5
BELIEF_INVERSE_REGULARIZATION = 1.0
"""scikit-learn's C for each type's own confidence: a type with few documents stays close to the common one.
"""

SHIFT_PENALTY = 0.01
"""Penalty on each type's shift: rare types keep theirs near zero."""

GENERATED_WEIGHT = 0.5
"""Weight of a generated document, compared with one that a person wrote."""

UNFITTED_SCORE = -2.0
"""Score of a type that was not in the training part of a fold."""

UNKNOWN_SHARE = 0.08
"""Share of documents that are assumed to be of no type of the catalog. With 0.2, half of the documents of
types left out are taken for unknown, and the calibration error on known types is 0.03; with 0.1 a third, and
0.02.
"""

NOVELTY_INVERSE_REGULARIZATION = 10.0
"""scikit-learn's C for the three numbers that tell unknown types: there is more than enough data."""

DEFAULT_BASE, DEFAULT_SLOPE = -0.5, 4.0
"""Base and slope of the confidence if there are too few errors to fit them."""


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """The features of some texts. `blocks`: block -> for each text the feature hashes and their damped
    counts.
    """

    blocks: Mapping[str, list[tuple[NDArray[np.uint32], Floats]]]
    count: int


def featurize(texts: Sequence[str]) -> TextFeatures:
    """Return the texts' features, so that several models can be fitted on them."""
    blocks: dict[str, list[tuple[NDArray[np.uint32], Floats]]] = {block: [] for block in BLOCK_WEIGHTS}
    for text in texts:
        for block, counts in extract_features(text).items():
            features = list(damped_counts({block: counts}))
            hashes = np.array([feature_hash(name) for name, _ in features], dtype=np.uint32)
            blocks[block].append((hashes, np.array([value for _, value in features], dtype=np.float32)))
    return TextFeatures(blocks, len(texts))


@dataclass(frozen=True, slots=True)
class LinearClassifier:
    """A fitted model before its calibration; the arrays are those of TypeModel."""

    types: tuple[str, ...]
    slots: NDArray[np.uint32]
    rarity: Floats
    weights: Floats
    bias: Floats

    def scores(self, texts: TextFeatures, rows: Sequence[int]) -> Floats:
        """Return the scores of the texts `rows`, shape (rows, types)."""
        matrix = _feature_matrix(texts, rows, self.slots, self.rarity)
        return np.asarray(matrix @ self.weights + self.bias, dtype=np.float32)


def fit_linear_classifier(
    texts: TextFeatures, rows: Sequence[int], labels: Sequence[str], weight: Sequence[float]
) -> LinearClassifier:
    """Fit on the texts `rows`; `labels` and `weight` are those of these texts."""
    from sklearn.svm import LinearSVC

    slots, rarity = _vocabulary(texts, rows)
    matrix = _feature_matrix(texts, rows, slots, rarity)
    counts = Counter(labels)
    class_weight = {
        kind: (len(labels) / len(counts) / count) ** RARITY_POWER for kind, count in counts.items()
    }
    svm = LinearSVC(C=SVM_COST, class_weight=class_weight, random_state=0)
    svm.fit(matrix, np.array(labels), sample_weight=np.array(weight))
    return LinearClassifier(
        types=tuple(str(kind) for kind in svm.classes_),
        slots=slots,
        rarity=rarity,
        weights=svm.coef_.T.astype(np.float32),
        bias=svm.intercept_.astype(np.float32),
    )


def held_out_scores(
    texts: TextFeatures,
    labels: Sequence[str],
    groups: Sequence[str],
    weight: Sequence[float],
    types: Sequence[str],
) -> Floats:
    """Return each text's scores by a model that was fitted without its group, shape (texts, types)."""
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.full((texts.count, len(types)), UNFITTED_SCORE, dtype=np.float32)
    column = {kind: i for i, kind in enumerate(types)}
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=1)
    for train, test in folds.split(np.zeros(texts.count), np.array(labels), np.array(groups)):
        fitted = fit_linear_classifier(
            texts, list(train), [labels[i] for i in train], [weight[i] for i in train]
        )
        columns = [column[kind] for kind in fitted.types]
        scores[np.ix_(test, columns)] = fitted.scores(texts, list(test))
    return scores


def fit_calibration(
    scores: Floats, labels: Sequence[str], weight: Sequence[float], types: Sequence[str]
) -> tuple[Floats, Floats]:
    """Fit how held-out scores become log odds: log odds = score x scale + shift.

    Args:
        scores: Held-out scores, shape (texts, types).
        labels: The true type of each text.
        weight: The weight of each text.
        types: The type of each column.

    Returns:
        The scale, shape (1,), which all types share, and the shift of each type, shape (types,).
    """
    from scipy.optimize import minimize

    rows = np.arange(len(labels))
    truth = np.array([list(types).index(label) for label in labels])
    share = np.array(weight) / np.sum(weight)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, shift = np.exp(parameters[0]), parameters[1:]
        odds = scores * scale + shift
        odds -= odds.max(axis=1, keepdims=True)
        p = np.exp(odds)
        p /= p.sum(axis=1, keepdims=True)
        error = p.copy()
        error[rows, truth] -= 1.0
        error *= share[:, None]
        gradient = np.concatenate(
            [[(error * scores).sum() * scale], error.sum(axis=0) + 2 * SHIFT_PENALTY * shift]
        )
        log_loss = -(share * np.log(p[rows, truth] + 1e-12)).sum() + SHIFT_PENALTY * (shift**2).sum()
        return float(log_loss), gradient

    start = np.concatenate([[1.0], np.zeros(len(types))])
    best = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return np.array([np.exp(best[0])], dtype=np.float32), best[1:].astype(np.float32)


def fit_belief(
    scores: Floats, odds: Floats, labels: Sequence[str], types: Sequence[str], weight: Sequence[float]
) -> Floats:
    """Fit the confidence in the best type, from its lead over the next type's score and its own score.

    A logistic regression over whether the best type was correct. Each type has its own base and slope in
    addition to the common ones.

    Args:
        scores: Held-out scores, shape (texts, types).
        odds: Their log odds, shape (texts, types).
        labels: The true type of each text.
        types: The type of each column.
        weight: The weight of each text.

    Returns:
        Base, slope and height by type, shape (3, types).
    """
    from sklearn.linear_model import LogisticRegression

    best = odds.argmax(axis=1)
    correct = np.array([types[i] == label for i, label in zip(best, labels, strict=True)])
    if correct.all() or not correct.any():
        default = [[DEFAULT_BASE], [DEFAULT_SLOPE], [0.0]]
        return np.array(default, dtype=np.float32).repeat(len(types), axis=1)
    leads = np.array([score_lead(row, i) for row, i in zip(scores, best, strict=True)])
    best_scores = scores[np.arange(len(best)), best]
    is_type = np.eye(len(types))[best]
    fitted = LogisticRegression(C=BELIEF_INVERSE_REGULARIZATION, max_iter=1000)
    measures = np.column_stack([leads, best_scores, is_type, is_type * leads[:, None]])
    fitted.fit(measures, correct, sample_weight=np.array(weight))
    slope, height = fitted.coef_[0][:2]
    own_bases, own_slopes = np.split(fitted.coef_[0][2:], 2)
    return np.array(
        [own_bases + fitted.intercept_[0], own_slopes + slope, np.full(len(types), height)], dtype=np.float32
    )


@dataclass(frozen=True, slots=True)
class Novelty:
    """How held-out texts of known and of unknown types are scored.

    `measures`: lead over the next type and best score, shape (predictions, 2). `unknown`: whether the type
    was left out, shape (predictions,). `share`: the weight of each prediction, such that all types weigh the
    same, shape (predictions,).
    """

    measures: Floats
    unknown: NDArray[np.bool_]
    share: Floats

    def fit(self) -> Floats:
        """Return base, slope and height as `fit_novelty` does."""
        return fit_novelty(self.measures, self.unknown, self.share)


def held_out_novelty(
    texts: TextFeatures, labels: Sequence[str], groups: Sequence[str], weight: Sequence[float]
) -> Novelty:
    """Return lead and best score of texts by models that had neither their group nor, in a part, their type.

    Each of FOLDS models is fitted without the types of one part of the catalog and without one part of the
    groups. The texts of the types left out are unknown to it, those of the groups left out are known.
    """
    part_of_type = np.array([zlib.crc32(f"type {label}".encode()) % FOLDS for label in labels])
    part_of_group = np.array([zlib.crc32(f"novelty {group}".encode()) % FOLDS for group in groups])
    is_other = np.array([label == OTHER for label in labels])
    measures, unknown, kinds = [], [], []
    for part in range(FOLDS):
        is_unknown = (part_of_type == part) & ~is_other
        is_test = (is_unknown | (part_of_group == part)) & ~is_other
        train = [int(i) for i in np.flatnonzero(~is_unknown & (part_of_group != part))]
        fitted = fit_linear_classifier(texts, train, [labels[i] for i in train], [weight[i] for i in train])
        test = [int(i) for i in np.flatnonzero(is_test)]
        for row, i in zip(fitted.scores(texts, test), test, strict=True):
            best = int(row.argmax())
            if fitted.types[best] != OTHER:
                measures.append((score_lead(row, best), float(row[best])))
                unknown.append(bool(is_unknown[i]))
                kinds.append((unknown[-1], labels[i]))
    count = Counter(kinds)
    share = np.array([1 / count[kind] for kind in kinds], dtype=np.float32)
    return Novelty(np.array(measures, dtype=np.float32), np.array(unknown), share)


def fit_novelty(measures: Floats, unknown: NDArray[np.bool_], share: Floats) -> Floats:
    """Fit the probability that a document is of no type of the catalog, from the lead and the best score.

    Args:
        measures: Lead and best score, shape (predictions, 2), as `held_out_novelty` returns them.
        unknown: Whether the type was unknown, shape (predictions,).
        share: The weight of each prediction, shape (predictions,).

    Returns:
        Base, slope of the lead and height of the best score, shape (3,).
    """
    from sklearn.linear_model import LogisticRegression

    if unknown.all() or not unknown.any():
        return np.array(ALWAYS_KNOWN, dtype=np.float32)
    weight = np.where(
        unknown,
        UNKNOWN_SHARE * share / share[unknown].sum(),
        (1 - UNKNOWN_SHARE) * share / share[~unknown].sum(),
    )
    fitted = LogisticRegression(C=NOVELTY_INVERSE_REGULARIZATION, max_iter=1000)
    fitted.fit(measures, unknown, sample_weight=weight * len(weight))
    slope, height = fitted.coef_[0]
    return np.array([fitted.intercept_[0], slope, height], dtype=np.float32)


def _vocabulary(texts: TextFeatures, rows: Sequence[int]) -> tuple[NDArray[np.uint32], Floats]:
    """Return the feature hashes of enough texts, sorted, and their rarity (smoothed inverse document
    frequency).
    """
    hashes = [texts.blocks[block][i][0] for block in texts.blocks for i in rows]
    slots, counts = np.unique(np.concatenate(hashes), return_counts=True)
    is_kept = counts >= MIN_FEATURE_DOCUMENTS
    rarity = np.log((1 + len(rows)) / (1 + counts[is_kept])) + 1
    return slots[is_kept], rarity.astype(np.float32)


def _feature_matrix(
    texts: TextFeatures, rows: Sequence[int], slots: NDArray[np.uint32], rarity: Floats
) -> Any:
    """Return the weighted sum of the unit vectors of each block: a sparse matrix of shape (rows, slots)."""
    import scipy.sparse as sparse

    total = None
    for block, weight in BLOCK_WEIGHTS.items():
        data, columns, starts = [], [], [0]
        for i in rows:
            hashes, counts = texts.blocks[block][i]
            column = np.minimum(np.searchsorted(slots, hashes), len(slots) - 1)
            is_known = slots[column] == hashes
            value = counts[is_known] * rarity[column[is_known]]
            length = float(np.sqrt((value**2).sum())) or 1.0
            data.append(value * (weight / length))
            columns.append(column[is_known])
            starts.append(starts[-1] + len(value))
        part = sparse.csr_matrix(
            (np.concatenate(data), np.concatenate(columns), starts), shape=(len(rows), len(slots))
        )
        total = part if total is None else total + part
    return total
