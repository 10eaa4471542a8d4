"""Calibrate a word's confidence: the probability that it is correct, from the results of both engines
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

MODEL_FILE = "word_confidence.json"
MIN_WORD_PROBABILITY = 0.3
"""Words below this probability are omitted from the text: five in six are noise (FUNSD: word F1 0.884 with
them, 0.902 without). Their ink stays in the image.
"""


def word_probability(word: OcrWord) -> float:
    """Return the probability that the word is correct, in [0, 1], by logistic regression."""
    weights = _weights()
    score = sum(weight * value for weight, value in zip(weights, features(word), strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def features(word: OcrWord) -> list[float]:
    """Return the features of the logistic regression. There are four cases: only one engine was used; both
    agree; the first engine's word; the second engine's word.
    """
    second = word.second_confidence
    only_one = second is None
    both_agree = second is not None and second > 0 and word.confidence > 0
    is_first = not only_one and not both_agree and word.confidence > 0
    is_second = not only_one and not both_agree and not is_first
    first_odds, second_odds = log_odds(word.confidence), log_odds(second or 0.0)
    letters = sum(map(str.isalnum, word.text))
    return [
        float(only_one), only_one * first_odds,
        float(both_agree), both_agree * first_odds, both_agree * second_odds,
        float(is_first), is_first * first_odds,
        float(is_second), is_second * second_odds,
        min(letters, 8) / 8, float(letters <= 1), float(letters < len(word.text)),
        float(any(map(str.isdigit, word.text))),
    ]  # fmt: skip


def log_odds(share: float) -> float:
    """Return the log odds of a confidence, limited to what an engine can mean."""
    share = min(0.999, max(0.01, share))
    return math.log(share / (1 - share))


@cache
def _weights() -> tuple[float, ...]:
    return tuple(json.loads(model_path(MODEL_FILE).read_text(encoding="utf-8"))["weights"])


def calibrate(words: Sequence[OcrWord]) -> list[OcrWord]:
    """Return the words that are more than noise, each with its probability as its confidence."""
    calibrated = [replace(word, confidence=round(word_probability(word), 4)) for word in words]
    return [word for word in calibrated if word.confidence >= MIN_WORD_PROBABILITY]
