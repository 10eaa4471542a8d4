"""Trains a type model, measures it on documents that it has not seen, and says whether it is better than the
one in use.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from pipeline.classify.text_features import BLOCKS
from pipeline.classify.training.corpus import Example, generated, group_near_duplicates, simulate_paper
from pipeline.classify.training.metrics import Prediction, TypeMetrics, compute_metrics, threshold_for
from pipeline.classify.training.type_fit import (
    FOLDS,
    GENERATED_WEIGHT,
    fit_belief,
    calibrate,
    featurize,
    held_back_scores,
    fit_separation,
)
from pipeline.classify.type_model import Floats, TypeModel, apply_belief, score
from pipeline.classify.types import files_as
from pipeline.config import document_types

SEED = 7
# one group of documents in this many is never trained on, by any model: new and old are compared on them
EXAM = 12
# Of a type's answers above its threshold that are right or near. Of all that is then typed alone 99.1 % are
# (86 % of documents);
# with .99 for each type 99.5 % are (81 %). Thresholds of either half of 1,412 documents tried on the other.
PRECISION = 0.97
STRANGE = 0.05  # share of documents of taught types whose best score counts as strangely low
UNKNOWN = -9.0  # lower than any score: without real documents nothing counts as strange
TITLE_ONLY_THRESHOLD = (
    0.999  # highest threshold: where words alone are never right often enough, a title on the page still is
)
MIN_THRESHOLD = 0.6  # lowest threshold: the surest answers of a type do not vouch for one that is a coin's throw
FEWEST_MEASURED = 20  # answers of a type that must be measured before it gets a threshold of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A new model. `folds`: its figures over real documents, each answered by a fit that saw nothing of its
    group. `new`, `old`: both models on the exam documents, where there are any."""

    model: TypeModel
    folds: TypeMetrics
    answers: tuple[Prediction, ...]
    new: TypeMetrics | None
    old: TypeMetrics | None

    @property
    def better(self) -> bool:
        """Is it to be used? It is where there is no other, and where it answers more of the exam rightly,
        types weighed alike.
        """
        if self.old is None or self.new is None:
            return True
        return (self.new.accuracy, self.new.macro_f1) >= (self.old.accuracy, self.old.macro_f1)


def train_type_model(texts: Sequence[Example], per_type: int, old: TypeModel | None) -> TrainingResult:
    """Learn from real texts and `per_type` generated documents of each type."""
    real = group_near_duplicates(texts)
    exam = [e for e in real if in_exam(e)]
    taught = [e for e in real if not in_exam(e)]
    rng = random.Random(SEED)
    examples = [*taught, *(simulate_paper(e, rng) for e in taught), *generated(per_type, SEED)]
    features = featurize([e.text for e in examples])
    labels, groups = [e.type for e in examples], [e.group for e in examples]
    weight = [1.0 if e.real else GENERATED_WEIGHT for e in examples]
    fitted = fit_separation(features, range(features.count), labels, weight)
    scores = held_back_scores(features, labels, groups, weight, fitted.types)
    real_rows = [i for i, e in enumerate(examples) if e.real]
    answers = crossed_answers(examples, scores, fitted.types, real_rows)
    sure = [1.0 if e.real else 0.0 for e in examples]
    scale, shift = calibrate(scores, labels, sure if any(sure) else weight, fitted.types)
    sure_rows = real_rows or list(range(len(examples)))
    belief = fit_belief(
        scores[sure_rows], scores[sure_rows] * scale + shift, [labels[i] for i in sure_rows], fitted.types
    )
    plain = [a for a, i in zip(answers, real_rows, strict=True) if i < len(taught)]
    folds = compute_metrics(plain)
    model = TypeModel(
        types=fitted.types,
        blocks=BLOCKS,
        slots=fitted.slots,
        rarity=fitted.rarity,
        weights=fitted.weights.astype(np.float16),
        bias=fitted.bias,
        calibration=scale,
        shift=shift,
        belief=belief,
        usual=float(np.quantile(scores[real_rows].max(axis=1), STRANGE)) if real_rows else UNKNOWN,
        thresholds=type_thresholds(answers),
        facts={
            "made": date.today().isoformat(),
            "documents": len(real),
            "generated": features.count - 2 * len(taught),
        },
    )
    new = compute_metrics([answer(model, e) for e in exam]) if exam else None
    was = compute_metrics([answer(old, e) for e in exam]) if exam and old else None
    return TrainingResult(model=model, folds=folds, answers=tuple(plain), new=new, old=was)


def in_exam(example: Example) -> bool:
    """Is it one of the documents that no model is taught?"""
    return zlib.crc32(example.group.encode()) % EXAM == 0


def answer(model: TypeModel, example: Example) -> Prediction:
    """The model's answer from the words alone."""
    odds = score(model, example.text).log_probability
    best = int(odds.argmax())
    return Prediction(
        id=example.id, truth=example.type, said=model.types[best], probability=float(np.exp(odds[best]))
    )


def crossed_answers(
    examples: Sequence[Example], scores: Floats, types: Sequence[str], rows: Sequence[int]
) -> list[Prediction]:
    """Answers for `rows` from held-back scores, calibrated on documents of other groups."""
    fold = np.array([zlib.crc32(("fold " + e.group).encode()) % FOLDS for e in examples])
    out: dict[int, Prediction] = {}
    for number in range(FOLDS):
        seen = [i for i in rows if fold[i] != number]
        told = [examples[i].type for i in seen]
        scale, shift = calibrate(scores[seen], told, [1.0] * len(seen), types)
        belief = fit_belief(scores[seen], scores[seen] * scale + shift, told, types)
        for i in (i for i in rows if fold[i] == number):
            odds = apply_belief(scores[i], scores[i] * scale + shift, belief)
            p = np.exp(odds - odds.max())
            best, e = int(p.argmax()), examples[i]
            out[i] = Prediction(id=e.id, truth=e.type, said=types[best], probability=float(p[best] / p.sum()))
    return [out[i] for i in rows]


def type_thresholds(answers: Sequence[Prediction]) -> dict[str, float]:
    """For each type as which a chart files the probability above which an answer was right or near often
    enough, and no answer near it was worse than LEAST. Types of which too few were measured are missing."""
    found = {}
    filed = [near(replace(a, truth=files_as(a.truth), said=files_as(a.said))) for a in answers]
    for kind in sorted({a.said for a in filed}):
        mine = [a for a in filed if a.said == kind]
        if len(mine) >= FEWEST_MEASURED:
            own = threshold_for(mine, PRECISION)
            found[kind] = TITLE_ONLY_THRESHOLD if own is None else round(min(TITLE_ONLY_THRESHOLD, max(MIN_THRESHOLD, own)), 4)
    return found


def near(answer: Prediction) -> Prediction:
    """The answer as a right one, where the catalogue says that its type is near the true one."""
    kind = document_types().get(answer.said)
    return replace(answer, truth=answer.said) if kind is not None and answer.truth in kind.near else answer
