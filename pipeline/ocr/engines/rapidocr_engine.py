"""The second engine: rapidocr's recognition network (PP-OCR, ONNX) on strips of print. It ships in rapidocr's
wheel.

The network is run through onnxruntime itself: strips of like width go together without padding to a page's
width, which halves the CPU, and only characters of Latin text are computed, a quarter less, so that a smudge
does not become Chinese."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigurationError
from pipeline.ocr.engines.engine import StripWord
from pipeline.ocr.engines.onnx_truncate import read_metadata, truncate_model
from pipeline.ocr.image.pixels import GrayImage

STRIP_HEIGHT_PX = 48
"""Pixels: the height the network was trained at."""
MAX_STRIPS_PER_BATCH, MAX_BATCH_WIDTH_PX = 8, 2400
"""Strips in one run, and pixels of width: more gain nothing on one core and cost memory, 22 kB a pixel of
width (eight strips of 2,400 pixels took 424 MB, one 47 MB, at the same CPU a strip)."""
MAX_WIDTH_RATIO = 1.15
"""Strips go together if the widest is at most this much wider than the narrowest: padding is computed like
print.
"""
MAX_STRIP_WIDTH_PX = 2400
"""Pixels at STRIP_HEIGHT_PX: wider strips are squeezed."""
EXTRA_LATIN_SYMBOLS = "–—‘’“”•…€™°±≤≥×÷½¼¾§©®µ"


@cache
def get_engine() -> RapidOcrStripReader:
    """The engine, started once in a process (0.1 s). Raises ConfigurationError if rapidocr is not installed."""
    return RapidOcrStripReader(model_file())


def model_file() -> Path:
    """The recognition network in rapidocr's wheel. Raises ConfigurationError."""
    spec = find_spec("rapidocr")
    found = sorted(Path(spec.origin).parent.glob("models/*rec*.onnx")) if spec and spec.origin else []
    if not found:
        raise ConfigurationError(
            "The second engine needs the package rapidocr with its models.",
            'Or set ocr.second_engine = "never".',
        )
    return found[0]


class RapidOcrStripReader:
    """The network, ready to read."""

    def __init__(self, model: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        whole = model.read_bytes()
        characters = ["", *read_metadata(whole, "character").split("\n"), " "]
        latin = [number for number, character in enumerate(characters) if all(map(is_latin, character))]
        cut = truncate_model(whole, len(characters))
        self._characters = [characters[number] for number in latin]
        self._weights, self._biases = np.ascontiguousarray(cut.weights[:, latin]), cut.biases[latin]
        self._session: Any = onnxruntime.InferenceSession(
            cut.model, options, providers=["CPUExecutionProvider"]
        )
        self._input: str = self._session.get_inputs()[0].name

    def read(self, strips: Sequence[GrayImage]) -> list[list[StripWord]]:
        """The words of each strip (H x W, dark on light) from left to right."""
        sized = [normalize_strip(strip) for strip in strips]
        found: list[list[StripWord]] = [[] for _ in strips]
        for group in group_by_width([strip.shape[1] for strip in sized]):
            width = -(-max(sized[number].shape[1] for number in group) // 8) * 8
            batch = np.zeros((len(group), 3, STRIP_HEIGHT_PX, width), np.float32)
            for row, number in enumerate(group):
                batch[row, :, :, : sized[number].shape[1]] = sized[number]
            scores = self._probabilities(self._session.run(None, {self._input: batch})[0])
            for row, number in enumerate(group):
                found[number] = self._decode(scores[row], sized[number].shape[1] / width)
        return found

    def _probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """How probable each Latin character (or none) is at each step: strips x steps x characters."""
        scores = features @ self._weights + self._biases
        scores = np.exp(scores - scores.max(axis=2, keepdims=True))
        return np.asarray(scores / scores.sum(axis=2, keepdims=True), np.float32)

    def _decode(self, scores: NDArray[np.float32], share: float) -> list[StripWord]:
        """The words of one strip: the best character at each step, repeats and blanks left out."""
        best, sure = scores.argmax(axis=1), scores.max(axis=1)
        new = best != 0
        new[1:] &= best[1:] != best[:-1]
        steps = np.nonzero(new)[0]
        length = len(best) * share
        letters = [
            (self._characters[best[step]], step / length, (step + 1) / length, float(sure[step]))
            for step in steps
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


def is_latin(character: str) -> bool:
    """Whether the character may stand in Latin text."""
    return ord(character) < 0x250 or character in EXTRA_LATIN_SYMBOLS


def normalize_strip(strip: GrayImage) -> NDArray[np.float32]:
    """The strip at the network's height, values from -1 to 1."""
    height, width = strip.shape
    wide = int(np.clip(round(width * STRIP_HEIGHT_PX / height), 16, MAX_STRIP_WIDTH_PX))
    how = cv2.INTER_AREA if height > STRIP_HEIGHT_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(strip, (wide, STRIP_HEIGHT_PX), interpolation=how), np.float32) / np.float32(
        127.5
    ) - np.float32(1)


def group_by_width(widths: Sequence[int]) -> list[list[int]]:
    """Numbers of strips of like width, in groups of at most MAX_STRIPS_PER_BATCH with room for all."""
    groups: list[list[int]] = []
    for number in sorted(range(len(widths)), key=lambda n: widths[n]):
        group = groups[-1] if groups else []
        like = group and widths[number] <= MAX_WIDTH_RATIO * widths[group[0]] + 8
        if (
            like
            and len(group) < MAX_STRIPS_PER_BATCH
            and widths[number] * (len(group) + 1) <= MAX_BATCH_WIDTH_PX
        ):
            group.append(number)
        else:
            groups.append([number])
    return groups
