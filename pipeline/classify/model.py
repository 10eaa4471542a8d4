"""The trained type model: numbers only, no words. Arrays and JSON, so that reading one can run no code.

score  = sum over blocks of (unit vector of the block's known features x weights) + bias
answer = softmax(score x scale + shift), the calibration fitted on documents that training had held back
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.classify.features import features, slot, weighted
from pipeline.config import MODELS
from pipeline.errors import BadSettings

MODEL = MODELS / "document_types.npz"
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeModel:
    """`slots` sorted, with `rarity` and a row of `weights` for each; `calibration` (types, types) and `shift` turn scores into
    log odds; `usual` is the least share of known words that documents of the taught types have (1 in 100 has less)."""

    types: tuple[str, ...]
    blocks: Mapping[str, float]
    slots: NDArray[np.uint32]
    rarity: Floats
    weights: NDArray[np.float16]
    bias: Floats
    calibration: Floats
    shift: Floats
    thresholds: Mapping[str, float]
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Scored:
    """A document under the model: log probabilities by type, and what it showed: (feature, row of `weights`, value)."""

    log_probability: Floats
    shown: tuple[tuple[str, int, float], ...]


def score(model: TypeModel, text: str) -> Scored:
    """The types' log probabilities from the text alone."""
    total = model.bias.copy()
    shown: list[tuple[str, int, float]] = []
    for block, counts in features(text).items():
        known = _known(model, {block: counts})
        length = float(np.sqrt(sum(value * value for _, _, value in known)))
        if length:
            scale = model.blocks[block] / length
            rows = np.array([row for _, row, _ in known])
            values = np.array([value * scale for _, _, value in known], dtype=np.float32)
            total += values @ model.weights[rows].astype(np.float32)
            shown.extend((name, row, value * scale) for name, row, value in known)
    odds = total @ model.calibration + model.shift
    return Scored(_log_softmax(odds), tuple(shown))


def words_for(model: TypeModel, scored: Scored, kind: str, count: int) -> tuple[str, ...]:
    """The words that spoke most for a type against the average of the others."""
    column = model.types.index(kind)
    best: dict[str, float] = {}
    for name, row, value in scored.shown:
        block, _, words = name.partition(":")
        if block != "x":
            gain = value * float(model.weights[row, column] - model.weights[row].mean())
            best[words] = max(best.get(words, 0.0), gain)
    return tuple(sorted((w for w in best if best[w] > 0), key=lambda w: -best[w])[:count])


def save(model: TypeModel, path: Path) -> None:
    """Write the model as one .npz file without pickled objects."""
    told = {"types": model.types, "blocks": dict(model.blocks), "thresholds": dict(model.thresholds), "facts": dict(model.facts)}
    names = ("slots", "rarity", "weights", "bias", "calibration", "shift")
    arrays = {name: getattr(model, name) for name in names}
    with path.open("wb") as file:
        np.savez_compressed(file, told=np.frombuffer(json.dumps(told).encode(), dtype=np.uint8), **arrays)


@cache
def load(path: Path = MODEL) -> TypeModel:
    """The model of that file. Raises BadSettings where it is missing or no such model."""
    try:
        with np.load(path, allow_pickle=False) as file:
            told = json.loads(file["told"].tobytes())
            arrays = {name: file[name] for name in ("slots", "rarity", "weights", "bias", "calibration", "shift")}
    except (OSError, ValueError, KeyError) as error:
        raise BadSettings(f"The type model {path} cannot be read: {error}.", "Make it with: chartloom train") from None
    return TypeModel(
        types=tuple(told["types"]), blocks=told["blocks"], thresholds=told["thresholds"], facts=told["facts"], **arrays
    )


def _known(model: TypeModel, blocks: Mapping[str, object]) -> list[tuple[str, int, float]]:
    names, values = [], []
    for name, value in weighted(blocks):  # type: ignore[arg-type]
        names.append(name)
        values.append(value)
    if not names:
        return []
    wanted = np.array([slot(name) for name in names], dtype=np.uint32)
    rows = np.minimum(np.searchsorted(model.slots, wanted), len(model.slots) - 1)
    hits = np.flatnonzero(model.slots[rows] == wanted)
    return [(names[i], int(rows[i]), values[i] * float(model.rarity[rows[i]])) for i in hits]


def _log_softmax(odds: Floats) -> Floats:
    high = odds - odds.max()
    return np.asarray(high - np.log(np.exp(high).sum()), dtype=np.float32)
