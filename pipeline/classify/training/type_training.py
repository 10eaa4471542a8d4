"""Train a type model, measure it on documents that it was not trained on, and compare it with the model in
use.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from pipeline.classify.text_features import BLOCK_WEIGHTS
from pipeline.classify.training.corpus import (
    Example,
    generate_examples,
    group_near_duplicates,
    simulate_paper,
)
from pipeline.classify.training.metrics import Prediction, TypeMetrics, compute_metrics, threshold_for
from pipeline.classify.training.type_fit import (
    FOLDS,
    GENERATED_WEIGHT,
    LinearClassifier,
    featurize,
    fit_belief,
    fit_calibration,
    fit_linear_classifier,
    held_out_scores,
)
from pipeline.classify.type_model import DEFAULT_LOW_SCORE, Floats, TypeModel, apply_belief, score_text
from pipeline.classify.types import filing_type
from pipeline.config import document_types

SEED = 7
HOLDOUT_DIVISOR = 12
"""One group of documents in this many is never used for training, by any model: new and old are compared on
these.
"""

PRECISION = 0.97
"""Share of a type's predictions above its threshold that are correct or near. Of all documents that are then
typed automatically, 99.1 % are (86 % of documents); with 0.99 for each type, 99.5 % are (81 %). Thresholds of
either half of 1,412 documents, tried on the other.
"""

UNUSUAL_SHARE = 0.05
"""Share of documents of known types whose best score counts as unusually low."""

TITLE_ONLY_THRESHOLD = 0.999
"""Highest threshold: if words alone are never correct often enough, a title on the page still is."""

MIN_THRESHOLD = 0.6
"""Lowest threshold: a type's most confident predictions do not justify one that is as good as random."""

MIN_PREDICTIONS = 20
"""Predictions of a type that must be measured before it gets its own threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A new model and its metrics.

    `folds`: over the real documents, each predicted by a model trained without its group. `predictions`:
    those of `folds`. `new`, `old`: the new model and the one in use on the holdout documents, if there are
    any.
    """

    model: TypeModel
    folds: TypeMetrics
    predictions: tuple[Prediction, ...]
    new: TypeMetrics | None
    old: TypeMetrics | None

    @property
    def better(self) -> bool:
        """Whether the new model should be used: there is no other, or the new one is at least as accurate on
        the holdout documents; of equally accurate models the one with the higher macro-F1.
        """
        if self.old is None or self.new is None:
            return True
        return (self.new.accuracy, self.new.macro_f1) >= (self.old.accuracy, self.old.macro_f1)


def train_type_model(texts: Sequence[Example], per_type: int, old: TypeModel | None) -> TrainingResult:
    """Train on real texts and generated documents.

    Args:
        texts: Real texts.
        per_type: How many documents of each type to generate.
        old: The model in use.
    """
    real = group_near_duplicates(texts)
    holdout = [example for example in real if in_holdout(example)]
    taught = [example for example in real if not in_holdout(example)]
    rng = random.Random(SEED)
    on_paper = [simulate_paper(example, rng) for example in taught]
    generated = generate_examples(per_type, SEED)
    examples = [*taught, *on_paper, *generated]
    classifier, scores = _fit(examples)
    real_rows = list(range(len(taught) + len(on_paper)))
    predictions = cross_validated_predictions(examples, scores, classifier.types, real_rows)
    facts = {
        "made": date.today().isoformat(),
        "documents": len(real),
        "generated": len(generated),
    }
    thresholds = type_thresholds(predictions)
    model = _calibrated_model(classifier, examples, scores, thresholds, facts)
    on_original_text = predictions[: len(taught)]
    return TrainingResult(
        model=model,
        folds=compute_metrics(on_original_text),
        predictions=tuple(on_original_text),
        new=_holdout_metrics(model, holdout),
        old=_holdout_metrics(old, holdout),
    )


def _fit(examples: Sequence[Example]) -> tuple[LinearClassifier, Floats]:
    """Return a classifier fitted on all examples, and the held-out scores of each, shape (examples,
    types).
    """
    features = featurize([example.text for example in examples])
    labels, groups = [example.type for example in examples], [example.group for example in examples]
    weight = [_weight(example) for example in examples]
    classifier = fit_linear_classifier(features, range(features.count), labels, weight)
    return classifier, held_out_scores(features, labels, groups, weight, classifier.types)


def _weight(example: Example) -> float:
    return 1.0 if example.real else GENERATED_WEIGHT


def _calibrated_model(
    classifier: LinearClassifier,
    examples: Sequence[Example],
    scores: Floats,
    thresholds: dict[str, float],
    facts: dict[str, object],
) -> TypeModel:
    """Return the model with a calibration fitted on the real examples, or on all if none is real.

    Args:
        classifier: The fitted classifier.
        examples: The examples that it was fitted on.
        scores: Their held-out scores, shape (examples, types).
        thresholds: Type -> probability from which no reviewer is needed.
        facts: About the training.
    """
    types, labels = classifier.types, [example.type for example in examples]
    has_real = any(example.real for example in examples)
    weight = [float(example.real) if has_real else _weight(example) for example in examples]
    rows = [i for i, example in enumerate(examples) if example.real or not has_real]
    scale, shift = fit_calibration(scores, labels, weight, types)
    belief = fit_belief(scores[rows], scores[rows] * scale + shift, [labels[i] for i in rows], types)
    usual = float(np.quantile(scores[rows].max(axis=1), UNUSUAL_SHARE)) if has_real else DEFAULT_LOW_SCORE
    return TypeModel(
        types=types,
        blocks=BLOCK_WEIGHTS,
        slots=classifier.slots,
        rarity=classifier.rarity,
        weights=classifier.weights.astype(np.float16),
        bias=classifier.bias,
        calibration=scale,
        shift=shift,
        belief=belief,
        usual=usual,
        thresholds=thresholds,
        facts=facts,
    )


def _holdout_metrics(model: TypeModel | None, holdout: Sequence[Example]) -> TypeMetrics | None:
    if model is None or not holdout:
        return None
    return compute_metrics([predict(model, example) for example in holdout])


def in_holdout(example: Example) -> bool:
    """Return whether the document is one of those that are never used for training."""
    return zlib.crc32(example.group.encode()) % HOLDOUT_DIVISOR == 0


def predict(model: TypeModel, example: Example) -> Prediction:
    """Return the model's prediction from the words alone."""
    log_probability = score_text(model, example.text).log_probability
    best = int(log_probability.argmax())
    return Prediction(
        id=example.id,
        truth=example.type,
        predicted=model.types[best],
        probability=float(np.exp(log_probability[best])),
    )


def cross_validated_predictions(
    examples: Sequence[Example], scores: Floats, types: Sequence[str], rows: Sequence[int]
) -> list[Prediction]:
    """Return predictions for the examples `rows` from held-out scores, calibrated on documents of other
    groups.

    Args:
        examples: The examples.
        scores: Their held-out scores, shape (examples, types).
        types: The type of each column.
        rows: Which examples to predict.
    """
    fold_of = np.array([zlib.crc32(("fold " + example.group).encode()) % FOLDS for example in examples])
    predictions: dict[int, Prediction] = {}
    for fold in range(FOLDS):
        train = [i for i in rows if fold_of[i] != fold]
        labels = [examples[i].type for i in train]
        scale, shift = fit_calibration(scores[train], labels, [1.0] * len(train), types)
        belief = fit_belief(scores[train], scores[train] * scale + shift, labels, types)
        for i in (i for i in rows if fold_of[i] == fold):
            odds = apply_belief(scores[i], scores[i] * scale + shift, belief)
            p = np.exp(odds - odds.max())
            best, example = int(p.argmax()), examples[i]
            predictions[i] = Prediction(
                id=example.id,
                truth=example.type,
                predicted=types[best],
                probability=float(p[best] / p.sum()),
            )
    return [predictions[i] for i in rows]


def type_thresholds(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Return filing type -> lowest probability from which predictions are correct (or near) often enough, at
    least MIN_THRESHOLD. Types with too few predictions are missing.
    """
    as_filed = [
        accept_near_type(replace(p, truth=filing_type(p.truth), predicted=filing_type(p.predicted)))
        for p in predictions
    ]
    thresholds = {}
    for kind in sorted({p.predicted for p in as_filed}):
        of_type = [p for p in as_filed if p.predicted == kind]
        if len(of_type) < MIN_PREDICTIONS:
            continue
        threshold = threshold_for(of_type, PRECISION)
        if threshold is None:
            thresholds[kind] = TITLE_ONLY_THRESHOLD
        else:
            thresholds[kind] = round(min(TITLE_ONLY_THRESHOLD, max(MIN_THRESHOLD, threshold)), 4)
    return thresholds


def accept_near_type(prediction: Prediction) -> Prediction:
    """Return the prediction as correct if the catalog lists the true type as near the predicted one."""
    entry = document_types().get(prediction.predicted)
    if entry is not None and prediction.truth in entry.near:
        return replace(prediction, truth=prediction.predicted)
    return prediction
