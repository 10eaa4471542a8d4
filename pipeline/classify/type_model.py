"""The trained type model. Its file has only numbers and JSON, no words: reading it cannot execute code.

score      = sum over blocks of (unit vector of the block's known features x weights) + bias
log odds   = score x scale + shift
confidence = logistic(base + slope x lead over the next type's score + height x own score), for the best type
known      = softmax(log odds at the temperature at which the best type has this confidence)
unknown    = logistic(base + slope x lead + height x best score): the document is of no type of the catalog
answer     = known x (1 - unknown), and `unknown` is added to `other`

Scale, shift, base, slope and height are fitted on documents that training had held out; those of `unknown` on
documents of whole types that training had left out.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.classify.text_features import damped_counts, extract_features, feature_hash
from pipeline.errors import ConfigurationError
from pipeline.resources import model_path

MODEL_FILE = "document_types.npz"
METADATA_KEY = "metadata"
"""Name of the JSON metadata in the model file, next to the arrays."""

ARRAYS = ("slots", "rarity", "weights", "bias", "calibration", "shift", "belief", "novelty")
"""Names of the arrays in the model file, and of the fields of TypeModel."""

ALWAYS_KNOWN = (-30.0, 0.0, 0.0)
"""`novelty` of a model that was not fitted on types that were left out: no document is of an unknown type."""

MAX_UNKNOWN_NATS = 30.0
"""Log odds of an unknown type are limited to this, so that the exponential function cannot overflow."""

OTHER = "other"

WORD_BLOCKS = ("w", "f", "h")
"""Blocks whose features are words that a person can find on the page."""

TEMPERATURE_RANGE = (0.0, 20.0)
"""Factors on log odds among which the temperature is searched: at 0 all types are equally probable."""

BISECTION_STEPS = 24
"""Halvings of that range: the result is more precise than a probability is ever printed."""

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeModel:
    """A type model.

    `types`: the n types. `blocks`: block of features -> its weight. `slots`: the m known feature hashes,
    sorted. `rarity`, shape (m,), and `weights`, shape (m, n): of each feature. `bias`, shape (n,).
    `calibration`, shape (1,), and `shift`, shape (n,): turn scores into log odds. `belief`, shape (3, n):
    base, slope and height of each type, for the confidence in the best type. `novelty`, shape (3,): base,
    slope and height of the probability that the type is none of the catalog. `thresholds`: type ->
    probability from which no reviewer is needed. `facts`: about the training.
    """

    types: tuple[str, ...]
    blocks: Mapping[str, float]
    slots: NDArray[np.uint32]
    rarity: Floats
    weights: NDArray[np.float16]
    bias: Floats
    calibration: Floats
    shift: Floats
    belief: Floats
    novelty: Floats
    thresholds: Mapping[str, float]
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A document as scored by the model: log probabilities by type; and its known features with their rows in
    `weights` and their values.
    """

    log_probability: Floats
    names: tuple[str, ...]
    rows: NDArray[np.intp]
    values: Floats


def score_text(model: TypeModel, text: str) -> ScoredText:
    """Return the log probabilities of the types from the text alone."""
    features = extract_features(text)
    blocks = [_block_vector(model, block, features[block]) for block in model.blocks]
    names = tuple(name for block_names, _, _ in blocks for name in block_names)
    rows = np.concatenate([block_rows for _, block_rows, _ in blocks])
    values = np.concatenate([block_values for _, _, block_values in blocks])
    scores = values @ model.weights[rows].astype(np.float32) + model.bias
    odds = apply_belief(scores, scores * model.calibration + model.shift, model.belief)
    log_probability = _log_softmax(odds)
    if OTHER in model.types:
        unknown = unknown_probability(scores, model.novelty)
        log_probability = allow_unknown(log_probability, unknown, model.types.index(OTHER))
    return ScoredText(log_probability, names, rows, values)


def unknown_probability(scores: Floats, novelty: Floats) -> float:
    """Return the probability that a document with these scores is of no type of the catalog.

    Args:
        scores: Scores of the types, shape (types,).
        novelty: Base, slope of the lead and height of the best score, shape (3,).
    """
    best = int(scores.argmax())
    base, slope, height = map(float, novelty)
    odds = base + slope * score_lead(scores, best) + height * float(scores[best])
    return 1 / (1 + math.exp(-max(-MAX_UNKNOWN_NATS, min(MAX_UNKNOWN_NATS, odds))))


def allow_unknown(log_probability: Floats, unknown: float, other: int) -> Floats:
    """Return the log probabilities of the types if the document is of an unknown type, which counts as
    `other`, with the probability `unknown`.

    Args:
        log_probability: Of the types if the document is of one of them, shape (types,).
        unknown: The probability that it is of none.
        other: The index of `other`.
    """
    known = log_probability + math.log1p(-unknown)
    known[other] = np.logaddexp(known[other], math.log(unknown))
    return np.asarray(known, dtype=np.float32)


def score_lead(scores: Floats, best: int) -> float:
    """Return by how much the score of type `best` is above every other score."""
    return float(scores[best] - np.delete(scores, best).max())


def apply_belief(scores: Floats, odds: Floats, belief: Floats) -> Floats:
    """Return the log odds at the temperature at which the best type is as probable as its confidence. Their
    order is unchanged.

    Args:
        scores: Scores of the types, shape (types,).
        odds: Log odds of the types, shape (types,).
        belief: Base, slope and height by type, shape (3, types).
    """
    best = int(odds.argmax())
    base, slope, height = belief[:, best]
    confidence = 1 / (1 + np.exp(-(base + slope * score_lead(scores, best) + height * scores[best])))
    relative_odds = odds - odds[best]
    low, high = TEMPERATURE_RANGE
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        if 1 / np.exp(relative_odds * middle).sum() < confidence:
            low = middle
        else:
            high = middle
    return np.asarray(relative_odds * (low + high) / 2, dtype=np.float32)


def supporting_words(model: TypeModel, scored: ScoredText, kind: str, count: int) -> tuple[str, ...]:
    """Return the words that most support a type, compared with the average of the types; at most `count`."""
    weights = model.weights[scored.rows].astype(np.float32)
    gains = scored.values * (weights[:, model.types.index(kind)] - weights.mean(axis=1))
    words: dict[str, None] = {}
    for i in np.argsort(-gains):
        block, _, detail = scored.names[i].partition(":")
        if gains[i] <= 0 or len(words) == count:
            break
        if block in WORD_BLOCKS:
            words.setdefault(detail)
    return tuple(words)


def save_model(model: TypeModel, path: Path) -> None:
    """Write the model as one .npz file without pickled objects."""
    metadata = {
        "types": model.types,
        "blocks": dict(model.blocks),
        "thresholds": dict(model.thresholds),
        "facts": dict(model.facts),
    }
    arrays = {name: getattr(model, name) for name in ARRAYS}
    arrays[METADATA_KEY] = np.frombuffer(json.dumps(metadata).encode(), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


@cache
def load_model(path: Path | None = None) -> TypeModel:
    """Return the model of that file; without a file, the model in use.

    Raises:
        ConfigurationError: The file is missing or is not a type model.
    """
    path = path or model_path(MODEL_FILE)
    try:
        with np.load(path, allow_pickle=False) as file:
            metadata = json.loads(file[METADATA_KEY].tobytes())
            default: dict[str, Any] = {"novelty": np.array(ALWAYS_KNOWN, dtype=np.float32)}
            arrays = default | {
                name: file[name] for name in ARRAYS if name in file.files or name not in default
            }
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"The type model {path} cannot be read: {error}.", "Make it with: chartloom train types"
        ) from None
    return TypeModel(
        types=tuple(metadata["types"]),
        blocks=metadata["blocks"],
        thresholds=metadata["thresholds"],
        facts=metadata["facts"],
        **arrays,
    )


def _block_vector(
    model: TypeModel, block: str, counts: Counter[str]
) -> tuple[list[str], NDArray[np.intp], Floats]:
    """Return the features of a block that the model knows: names, rows in the model, and values, scaled to a
    vector whose length is the block's weight.
    """
    features = list(damped_counts({block: counts}))
    hashes = np.array([feature_hash(name) for name, _ in features], dtype=np.uint32)
    rows = np.minimum(np.searchsorted(model.slots, hashes), len(model.slots) - 1)
    known = np.flatnonzero(model.slots[rows] == hashes)
    rows = rows[known]
    values = np.array([features[i][1] for i in known], dtype=np.float32) * model.rarity[rows]
    length = float(np.sqrt((values**2).sum())) or 1.0
    names = [features[i][0] for i in known]
    return names, rows, (values * (model.blocks[block] / length)).astype(np.float32)


def _log_softmax(odds: Floats) -> Floats:
    shifted = odds - odds.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()), dtype=np.float32)
