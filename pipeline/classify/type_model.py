"""The trained type model: numbers only, no words. Arrays and JSON, so that reading one can run no code.

score  = sum over blocks of (unit vector of the block's known features x weights) + bias
odds   = score x scale + shift
sure   = logistic(belief of the best type: base + slope x lead over the next type's score + height x its own
       score)
answer = softmax(odds at the temperature that makes the best type as probable as `sure` says)

Calibration and belief are fitted on documents that training had held back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.classify.text_features import extract_features, slot, weighted
from pipeline.errors import ConfigurationError
from pipeline.resources import model_path

MODEL_FILE = "document_types.npz"
OTHER = "other"
ARRAYS = ("slots", "rarity", "weights", "bias", "calibration", "shift", "belief")
STRANGENESS = (
    6.0  # log odds for `other` by which a score lower than usual counts: it was measured on types held back
)
SHOWN = ("w", "f", "h")  # blocks whose features are words of the page: what a person can find on it
COLDEST = (0.0, 20.0)  # factors on log odds among which the temperature is sought: at 0 all types are alike
HALVINGS = 24  # of that range: closer than a probability is ever printed
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeModel:
    """`slots` sorted, with `rarity` and a row of `weights` for each; `calibration` (one scale) and `shift`
    turn scores into log odds; `belief` (base, slope, height; a column for each type) says how sure the best
    is; `usual` is the best score that only one in twenty documents of taught types stays below."""

    types: tuple[str, ...]
    blocks: Mapping[str, float]
    slots: NDArray[np.uint32]
    rarity: Floats
    weights: NDArray[np.float16]
    bias: Floats
    calibration: Floats
    shift: Floats
    belief: Floats
    usual: float
    thresholds: Mapping[str, float]
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Scored:
    """A document under the model: log probabilities by type, and what it showed: features, their rows of
    `weights`, values.
    """

    log_probability: Floats
    names: tuple[str, ...]
    rows: NDArray[np.intp]
    values: Floats


def score(model: TypeModel, text: str) -> Scored:
    """The types' log probabilities from the text alone."""
    found = extract_features(text)
    parts = [_block(model, block, found[block]) for block in model.blocks]
    names = tuple(name for part in parts for name in part[0])
    rows = np.concatenate([part[1] for part in parts])
    values = np.concatenate([part[2] for part in parts])
    total = values @ model.weights[rows].astype(np.float32) + model.bias
    odds = apply_belief(total, total * model.calibration + model.shift, model.belief)
    if OTHER in model.types:
        odds[model.types.index(OTHER)] += STRANGENESS * max(0.0, model.usual - float(total.max()))
    return Scored(_log_softmax(odds), names, rows, values)


def lead(scores: Floats, best: int) -> float:
    """By how much the best type's score is above every other's."""
    return float(scores[best] - np.delete(scores, best).max())


def apply_belief(scores: Floats, odds: Floats, belief: Floats) -> Floats:
    """The log odds at the temperature at which the best type is as probable as is believed. Their order
    stays.
    """
    best = int(odds.argmax())
    base, slope, height = belief[:, best]
    sure = 1 / (1 + np.exp(-(base + slope * lead(scores, best) + height * scores[best])))
    behind = odds - odds[best]
    low, high = COLDEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if 1 / np.exp(behind * middle).sum() < sure:
            low = middle
        else:
            high = middle
    return np.asarray(behind * (low + high) / 2, dtype=np.float32)


def words_for(model: TypeModel, scored: Scored, kind: str, count: int) -> tuple[str, ...]:
    """The words that spoke most for a type against the average of the others."""
    weights = model.weights[scored.rows].astype(np.float32)
    gains = scored.values * (weights[:, model.types.index(kind)] - weights.mean(axis=1))
    said: dict[str, None] = {}
    for i in np.argsort(-gains):
        block, _, words = scored.names[i].partition(":")
        if gains[i] <= 0 or len(said) == count:
            break
        if block in SHOWN:
            said.setdefault(words)
    return tuple(said)


def save_model(model: TypeModel, path: Path) -> None:
    """Write the model as one .npz file without pickled objects."""
    told = {
        "types": model.types,
        "blocks": dict(model.blocks),
        "usual": model.usual,
        "thresholds": dict(model.thresholds),
        "facts": dict(model.facts),
    }
    arrays = {name: getattr(model, name) for name in ARRAYS}
    with path.open("wb") as file:
        np.savez_compressed(file, told=np.frombuffer(json.dumps(told).encode(), dtype=np.uint8), **arrays)


@cache
def load_model(path: Path | None = None) -> TypeModel:
    """Return the model of that file; without a file, the model in use.

    Raises:
        ConfigurationError: The file is missing or holds no such model.
    """
    path = path or model_path(MODEL_FILE)
    try:
        with np.load(path, allow_pickle=False) as file:
            told = json.loads(file["told"].tobytes())
            arrays = {name: file[name] for name in ARRAYS}
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"The type model {path} cannot be read: {error}.", "Make it with: chartloom train types"
        ) from None
    return TypeModel(
        types=tuple(told["types"]),
        blocks=told["blocks"],
        usual=told.get("usual", -9.0),
        thresholds=told["thresholds"],
        facts=told["facts"],
        **arrays,
    )


def _block(model: TypeModel, block: str, counts: Counter[str]) -> tuple[list[str], NDArray[np.intp], Floats]:
    """The features of a block that the model knows, scaled to a vector as long as the block's weight."""
    pairs = list(weighted({block: counts}))
    wanted = np.array([slot(name) for name, _ in pairs], dtype=np.uint32)
    rows = np.minimum(np.searchsorted(model.slots, wanted), len(model.slots) - 1)
    hits = np.flatnonzero(model.slots[rows] == wanted)
    rows = rows[hits]
    values = np.array([pairs[i][1] for i in hits], dtype=np.float32) * model.rarity[rows]
    length = float(np.sqrt((values**2).sum())) or 1.0
    return [pairs[i][0] for i in hits], rows, (values * (model.blocks[block] / length)).astype(np.float32)


def _log_softmax(odds: Floats) -> Floats:
    high = odds - odds.max()
    return np.asarray(high - np.log(np.exp(high).sum()), dtype=np.float32)
