"""Find lines of text with rapidocr's detection network (PP-OCR, ONNX). The model is part of rapidocr's wheel.

The network returns the probability that a pixel belongs to the core of a line of text. It was trained on
lines that are shrunk at all sides, so that neighbors stay apart (Liao et al., 2020, "Real-time scene text
detection with differentiable binarization"); the boxes of the cores are expanded again here. Pages are level,
so that the boxes are too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.onnx_models import open_session, packaged_model
from pipeline.ocr.image.pixels import GrayImage, connected_components
from pipeline.records import Box

MIN_TEXT_PROBABILITY = 0.3
"""Probability at which a pixel belongs to the core of a line: rapidocr's own value."""
MIN_LINE_PROBABILITY = 0.5
"""Mean probability of a core at which it is a line: rapidocr's own value."""
EXPANSION_RATIO = 1.6
"""A core is expanded by this times its area divided by its perimeter: rapidocr's own value."""
MIN_CORE_SIDE_PX = 3
"""A smaller core is noise."""
SIDE_MULTIPLE_PX = 32
"""The network takes images whose sides are a multiple of this."""
MAX_BAND_PX, BAND_OVERLAP_PX = 640, 96
"""Rows of an image that are processed at once, and rows that neighboring bands share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedLine:
    """A line of text.

    Attributes:
        box: In pixels of the searched image.
        probability: Mean probability that its core is text.
    """

    box: Box
    probability: float


@cache
def get_detector() -> TextDetector:
    """Return the detector, which is started once per process (0.1 s).

    Raises:
        ConfigurationError: rapidocr is not installed.
    """
    return TextDetector(model_file())


def model_file() -> Path:
    """Return the path of the detection model in rapidocr's wheel.

    Raises:
        ConfigurationError: rapidocr is not installed.
    """
    return packaged_model("det", "The search for missed print")


class TextDetector:
    """The loaded network."""

    def __init__(self, model: Path) -> None:
        # A page's memory is given back: 180 MB that few pages need.
        self._session = open_session(str(model), keeps_memory=False)
        self._input: str = self._session.get_inputs()[0].name

    def detect(self, gray: GrayImage) -> list[DetectedLine]:
        """Return the lines of text of an image, shape (height, width), from the top."""
        return find_lines(self.probabilities(gray))

    def probabilities(self, gray: GrayImage) -> NDArray[np.float32]:
        """Return the probability that each pixel belongs to the core of a line, of the shape of `gray`.

        The image is processed in bands of rows that overlap, which limits the memory.
        """
        height, width = gray.shape
        result = np.zeros((height, width), np.float32)
        step = MAX_BAND_PX - BAND_OVERLAP_PX
        for top in range(0, max(1, height - BAND_OVERLAP_PX), step):
            band = gray[top : top + MAX_BAND_PX]
            found = self._run(band)
            keep = BAND_OVERLAP_PX // 2 if top else 0
            result[top + keep : top + len(band)] = found[keep:]
        return result

    def _run(self, gray: GrayImage) -> NDArray[np.float32]:
        height, width = gray.shape
        padded = np.full(
            (
                -(-height // SIDE_MULTIPLE_PX) * SIDE_MULTIPLE_PX,
                -(-width // SIDE_MULTIPLE_PX) * SIDE_MULTIPLE_PX,
            ),
            255,
            np.uint8,
        )
        padded[:height, :width] = gray
        values = padded.astype(np.float32) / np.float32(127.5) - np.float32(1)
        batch = np.broadcast_to(values, (1, 3, *values.shape))
        output = self._session.run(None, {self._input: np.ascontiguousarray(batch)})[0]
        return np.asarray(output[0, 0, :height, :width], np.float32)


def find_lines(probabilities: NDArray[np.float32]) -> list[DetectedLine]:
    """Return the lines of text of a map of probabilities, from the top.

    Args:
        probabilities: Shape (height, width).
    """
    height, width = probabilities.shape
    is_core = (probabilities > MIN_TEXT_PROBABILITY).astype(np.uint8)
    count, labels, stats, _ = connected_components(cv2.dilate(is_core, np.ones((2, 2), np.uint8)))
    sums = np.bincount(labels.ravel(), probabilities.ravel(), minlength=count)
    lines: list[DetectedLine] = []
    for (x, y, core_width, core_height, area), total in zip(stats[1:], sums[1:], strict=True):
        probability = float(total / area)
        if min(core_width, core_height) < MIN_CORE_SIDE_PX or probability < MIN_LINE_PROBABILITY:
            continue
        margin = EXPANSION_RATIO * core_width * core_height / (2 * (core_width + core_height))
        box = (
            max(0, round(x - margin)),
            max(0, round(y - margin)),
            min(width, round(x + core_width + margin)),
            min(height, round(y + core_height + margin)),
        )
        lines.append(DetectedLine(box=box, probability=probability))
    return sorted(lines, key=lambda line: (line.box[1], line.box[0]))
