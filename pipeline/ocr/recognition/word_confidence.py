"""A word's calibrated probability of being right, from what both engines said of it
(models/word_confidence.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from pipeline.ocr.engines.engine import OcrWord
from pipeline.resources import model_path

MIN_WORD_PROBABILITY = 0.3
"""Below this probability a word is left out of the text: five in six are noise (FUNSD: word F1 .884 with
them, .902 without). Its ink stays in the picture."""


def word_probability(word: OcrWord) -> float:
    """How probably the word is right, in [0, 1]."""
    weights = _weights()
    score = sum(weight * value for weight, value in zip(weights, features(word), strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def features(word: OcrWord) -> list[float]:
    """What the probability is computed from. Four cases: one engine asked; both agree; the first's word; the
    second's word.
    """
    first, second = log_odds(word.confidence), log_odds(word.second_confidence or 0.0)
    alone = word.second_confidence is None
    agree = (
        not alone and word.confidence > 0 and word.second_confidence > 0
        if word.second_confidence is not None
        else False
    )
    ours = not alone and not agree and word.confidence > 0
    theirs = not alone and not agree and not ours
    letters = sum(map(str.isalnum, word.text))
    return [
        float(alone), alone * first,
        float(agree), agree * first, agree * second,
        float(ours), ours * first,
        float(theirs), theirs * second,
        min(letters, 8) / 8, float(letters <= 1), float(letters < len(word.text)), float(any(map(str.isdigit, word.text))),
    ]  # fmt: skip


def log_odds(share: float) -> float:
    """Log odds, kept within what an engine can mean."""
    share = min(0.999, max(0.01, share))
    return math.log(share / (1 - share))


@cache
def _weights() -> tuple[float, ...]:
    return tuple(json.loads(model_path("word_confidence.json").read_text(encoding="utf-8"))["weights"])


def calibrate(words: Sequence[OcrWord]) -> list[OcrWord]:
    """The words that are more than noise, each with its probability as its confidence."""
    judged = [replace(word, confidence=round(word_probability(word), 4)) for word in words]
    return [word for word in judged if word.confidence >= MIN_WORD_PROBABILITY]
