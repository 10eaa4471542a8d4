"""The second engine: rapidocr's recognition network (PP-OCR, ONNX) on strips of print. The model is part of
rapidocr's wheel.

The network runs directly in onnxruntime. Strips of similar width share a batch without padding to a page's
width, which halves the CPU time. Only characters of Latin text are computed, a quarter less, so that a smudge
does not become Chinese.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import StripWord
from pipeline.ocr.engines.onnx_models import open_session, packaged_model
from pipeline.ocr.engines.onnx_truncate import read_metadata, truncate_model
from pipeline.ocr.image.pixels import GrayImage

STRIP_HEIGHT_PX = 48
"""The height that the network was trained at."""
MAX_STRIPS_PER_BATCH, MAX_BATCH_WIDTH_PX = 8, 2400
"""Limits of one batch: its strips, and the sum of their padded widths. More gain nothing on one core and cost
memory, 22 kB per pixel of width (eight strips of 2,400 pixels took 424 MB, one 47 MB, at the same CPU time
per strip).
"""
MAX_WIDTH_RATIO = 1.15
"""Strips share a batch if the widest is at most this much wider than the narrowest: padding costs as much as
print.
"""
MAX_STRIP_WIDTH_PX = 2400
"""Width at STRIP_HEIGHT_PX; wider strips are squeezed."""
EXTRA_LATIN_SYMBOLS = "–—‘’“”•…€™°±≤≥×÷½¼¾§©®µ"


@cache
def get_engine() -> RapidOcrStripReader:
    """Return the engine, which is started once per process (0.1 s).

    Raises:
        ConfigurationError: rapidocr is not installed.
    """
    return RapidOcrStripReader(model_file())


def model_file() -> Path:
    """Return the path of the recognition model in rapidocr's wheel.

    Raises:
        ConfigurationError: rapidocr is not installed.
    """
    return packaged_model("rec", "The second engine")


class RapidOcrStripReader:
    """The loaded network."""

    def __init__(self, model: Path) -> None:
        model_bytes = model.read_bytes()
        characters = ["", *read_metadata(model_bytes, "character").split("\n"), " "]
        latin_indexes = [
            number for number, character in enumerate(characters) if all(map(is_latin, character))
        ]
        truncated = truncate_model(model_bytes, len(characters))
        self._characters = [characters[number] for number in latin_indexes]
        self._weights, self._biases = (
            np.ascontiguousarray(truncated.weights[:, latin_indexes]),
            truncated.biases[latin_indexes],
        )
        self._session = open_session(truncated.model)
        self._input: str = self._session.get_inputs()[0].name

    def read(self, strips: Sequence[GrayImage]) -> list[list[StripWord]]:
        """Return the words of each strip (shape (height, width), dark on light) from left to right."""
        normalized = [normalize_strip(strip) for strip in strips]
        words: list[list[StripWord]] = [[] for _ in strips]
        for group in group_by_width([strip.shape[1] for strip in normalized]):
            width = -(-max(normalized[number].shape[1] for number in group) // 8) * 8
            batch = np.zeros((len(group), 3, STRIP_HEIGHT_PX, width), np.float32)
            for row, number in enumerate(group):
                batch[row, :, :, : normalized[number].shape[1]] = normalized[number]
            scores = self._session.run(None, {self._input: batch})[0] @ self._weights + self._biases
            for row, number in enumerate(group):
                words[number] = self._decode(scores[row], normalized[number].shape[1] / width)
        return words

    def _decode(self, scores: NDArray[np.float32], share: float) -> list[StripWord]:
        """Decode one strip by greedy CTC decoding: the best character at each step, without repeats and
        blanks.

        Args:
            scores: Logits of the Latin characters (and none), shape (steps, characters).
            share: Share of the padded width that is the strip.
        """
        best = scores.argmax(axis=1)
        is_new = best != 0
        is_new[1:] &= best[1:] != best[:-1]
        steps = np.nonzero(is_new)[0]
        length = len(best) * share
        confidences = best_probabilities(scores[steps])
        letters = [
            (self._characters[best[step]], step / length, (step + 1) / length, float(confidence))
            for step, confidence in zip(steps, confidences, strict=True)
        ]
        words = (
            list(group) for blank, group in groupby(letters, key=lambda letter: letter[0] == " ") if not blank
        )
        return [
            StripWord(
                text=unicodedata.normalize("NFKC", "".join(letter[0] for letter in word)),
                start=min(1.0, word[0][1]),
                end=min(1.0, word[-1][2]),
                confidence=float(np.mean([letter[3] for letter in word])),
            )
            for word in words
        ]


def best_probabilities(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of the best character of each step by softmax.

    Args:
        scores: Logits, shape (steps, characters).
    """
    return np.asarray(1 / np.exp(scores - scores.max(axis=1, keepdims=True)).sum(axis=1), np.float32)


def is_latin(character: str) -> bool:
    """Return whether the character may occur in Latin text."""
    return ord(character) < 0x250 or character in EXTRA_LATIN_SYMBOLS


def normalize_strip(strip: GrayImage) -> NDArray[np.float32]:
    """Scale a strip to the network's height, with values from -1 to 1."""
    height, width = strip.shape
    scaled_width = int(np.clip(round(width * STRIP_HEIGHT_PX / height), 16, MAX_STRIP_WIDTH_PX))
    interpolation = cv2.INTER_AREA if height > STRIP_HEIGHT_PX else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(strip, (scaled_width, STRIP_HEIGHT_PX), interpolation=interpolation), np.float32
    ) / np.float32(127.5) - np.float32(1)


def group_by_width(widths: Sequence[int]) -> list[list[int]]:
    """Group strips of similar width into batches within the limits of a batch.

    Args:
        widths: Widths of the strips in pixels.

    Returns:
        Indexes into `widths`, grouped.
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(widths)), key=lambda n: widths[n]):
        group = groups[-1] if groups else []
        has_similar_width = group and widths[number] <= MAX_WIDTH_RATIO * widths[group[0]] + 8
        if (
            has_similar_width
            and len(group) < MAX_STRIPS_PER_BATCH
            and widths[number] * (len(group) + 1) <= MAX_BATCH_WIDTH_PX
        ):
            group.append(number)
        else:
            groups.append([number])
    return groups
