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
    Novelty,
    featurize,
    fit_belief,
    fit_calibration,
    fit_linear_classifier,
    held_out_novelty,
    held_out_scores,
)
from pipeline.classify.type_model import (
    OTHER,
    Floats,
    TypeModel,
    allow_unknown,
    apply_belief,
    score_text,
    unknown_probability,
)
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

TITLE_ONLY_THRESHOLD = 0.999
"""Highest threshold: if words alone are never correct often enough, a title on the page still is."""

MIN_THRESHOLD = 0.6
"""Lowest threshold: a type's most confident predictions do not justify one that is as good as random."""

MIN_PREDICTIONS = 20
"""Predictions of a type that must be measured before it gets its own threshold."""


@dataclass(frozen=True, slots=True)
class FittedTypes:
    """A classifier fitted on all examples. `scores`: the held-out scores of each example, shape (examples,
    types). `novelty`: how texts of types that were left out are scored.
    """

    classifier: LinearClassifier
    scores: Floats
    novelty: Novelty


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
    fitted = _fit(examples)
    rows = [i for i, example in enumerate(examples) if _is_honest(example)]
    predictions = cross_validated_predictions(examples, fitted, rows)
    on_real_text = predictions[: len(taught) + len(on_paper)]
    on_original_text = predictions[: len(taught)]
    on_new_forms = predictions[len(on_real_text) :]
    facts = {
        "made": date.today().isoformat(),
        "documents": len(real),
        "generated": len(generated),
        "new_forms": _summary(on_new_forms),
        "unknown_types": unknown_type_metrics(fitted.novelty),
    }
    model = _calibrated_model(fitted, examples, type_thresholds(on_real_text), facts)
    return TrainingResult(
        model=model,
        folds=compute_metrics(on_original_text),
        predictions=tuple(on_original_text),
        new=_holdout_metrics(model, holdout),
        old=_holdout_metrics(old, holdout),
    )


def _fit(examples: Sequence[Example]) -> FittedTypes:
    features = featurize([example.text for example in examples])
    labels, groups = [example.type for example in examples], [example.group for example in examples]
    weight = [_weight(example) for example in examples]
    classifier = fit_linear_classifier(features, range(features.count), labels, weight)
    scores = held_out_scores(features, labels, groups, weight, classifier.types)
    return FittedTypes(classifier, scores, held_out_novelty(features, labels, groups, weight))


def _weight(example: Example) -> float:
    return 1.0 if example.real else GENERATED_WEIGHT


def _is_honest(example: Example) -> bool:
    """Return whether the held-out score of an example shows how well new documents are recognized: a real
    one, or a generated one whose form was left out with it.
    """
    return example.real or example.group != example.id


def _calibrated_model(
    fitted: FittedTypes, examples: Sequence[Example], thresholds: dict[str, float], facts: dict[str, object]
) -> TypeModel:
    """Return the model with a calibration fitted on held-out scores.

    Args:
        fitted: The fitted classifier, and the scores of held-out texts.
        examples: The examples that it was fitted on.
        thresholds: Type -> probability from which no reviewer is needed.
        facts: About the training.
    """
    classifier = fitted.classifier
    rows = [i for i, example in enumerate(examples) if _is_honest(example)] or list(range(len(examples)))
    scale, shift, belief = _calibrate(examples, fitted.scores, classifier.types, rows)
    return TypeModel(
        types=classifier.types,
        blocks=BLOCK_WEIGHTS,
        slots=classifier.slots,
        rarity=classifier.rarity,
        weights=classifier.weights.astype(np.float16),
        bias=classifier.bias,
        calibration=scale,
        shift=shift,
        belief=belief,
        novelty=fitted.novelty.fit(),
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


def _calibrate(
    examples: Sequence[Example], scores: Floats, types: Sequence[str], rows: Sequence[int]
) -> tuple[Floats, Floats, Floats]:
    """Return scale, shift and belief fitted on the held-out scores of the examples `rows`."""
    labels, weight = [examples[i].type for i in rows], [_weight(examples[i]) for i in rows]
    scale, shift = fit_calibration(scores[rows], labels, weight, types)
    belief = fit_belief(scores[rows], scores[rows] * scale + shift, labels, types, weight)
    return scale, shift, belief


def cross_validated_predictions(
    examples: Sequence[Example], fitted: FittedTypes, rows: Sequence[int]
) -> list[Prediction]:
    """Return predictions for the examples `rows` from held-out scores, calibrated on documents of other
    groups.

    Args:
        examples: The examples.
        fitted: The fitted classifier, and the scores of held-out texts.
        rows: Which examples to predict.
    """
    scores, types = fitted.scores, fitted.classifier.types
    novelty, other = fitted.novelty.fit(), types.index(OTHER)
    fold_of = np.array([zlib.crc32(("fold " + example.group).encode()) % FOLDS for example in examples])
    predictions: dict[int, Prediction] = {}
    for fold in range(FOLDS):
        train = [i for i in rows if fold_of[i] != fold]
        scale, shift, belief = _calibrate(examples, scores, types, train)
        for i in (i for i in rows if fold_of[i] == fold):
            odds = apply_belief(scores[i], scores[i] * scale + shift, belief)
            known = odds - np.logaddexp.reduce(odds)
            p = np.exp(allow_unknown(known, unknown_probability(scores[i], novelty), other))
            best, example = int(p.argmax()), examples[i]
            predictions[i] = Prediction(
                id=example.id,
                truth=example.type,
                predicted=types[best],
                probability=float(p[best] / p.sum()),
            )
    return [predictions[i] for i in rows]


def unknown_type_metrics(novelty: Novelty) -> dict[str, float]:
    """Return how well documents of types that were left out of training are distinguished from those of known
    types: the mean probability of being of no type of the catalog of both, all types alike.
    """
    base, slope, height = novelty.fit()
    odds = base + novelty.measures @ np.array([slope, height])
    probability = 1 / (1 + np.exp(-odds))
    unknown, share = novelty.unknown, novelty.share
    mean = {
        name: round(float((probability * share)[part].sum() / share[part].sum()), 4)
        for name, part in (("unknown", unknown), ("known", ~unknown))
    }
    return {"documents": int(unknown.sum()), **{f"mean_{name}": value for name, value in mean.items()}}


def _summary(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Return the main metrics of the predictions."""
    metrics = compute_metrics(predictions)
    return {
        "documents": metrics.documents,
        "accuracy": round(metrics.accuracy, 4),
        "coverage_99": round(metrics.coverage_99, 4),
        "calibration_error": round(metrics.calibration_error, 4),
    }


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
