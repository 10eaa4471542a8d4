"""Estimate which way up a page is: a small neural network classifies a few hundred letters, and they vote.

This takes about 10 ms per page; Tesseract's own detection takes more than a second. If the vote is close (a
page of digits, of rules, or in another script), the result is not confident, and the caller recognizes a part
of the page both ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale
from pipeline.resources import model_path

MODEL_FILE = "orientation.npz"
ROTATIONS_DEGREES = (0, 90, 180, 270)
"""Degrees clockwise that make the page upright, in the order of the network's outputs."""
MAX_SIDE_PX = 2200
"""Longest side at which letters are examined: 6-point print is still 18 pixels high. Of a long strip, the
shorter side has half of it.
"""
PATCH_SIDE_PX = 20
"""Side of the square that the network sees."""
MAX_LETTERS = 400
"""More votes change nothing."""
MIN_LETTERS = 12
"""Fewer letters are too little evidence."""
MIN_LEAD_LOG_PROBABILITY = 0.25
"""Mean log probability by which the best rotation must lead the second for a confident result (measured in
models/orientation.md).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrientationEstimate:
    """The estimated rotation of a page.

    Attributes:
        rotation: Degrees clockwise that make the page upright.
        second_rotation: The second most probable rotation.
        lead: Mean log probability by which the first leads the second.
        letter_count: Letters that voted.
        letter_size: Typical size (longer side) of a letter in pixels; 0 if there are none.
    """

    rotation: int
    second_rotation: int
    lead: float
    letter_count: int
    letter_size: float = 0.0

    @property
    def evidence(self) -> float:
        """The log probability by which the letters together prefer the first rotation to the second."""
        return self.lead * self.letter_count

    @property
    def is_confident(self) -> bool:
        """Whether enough letters agree."""
        return self.letter_count >= MIN_LETTERS and self.lead >= MIN_LEAD_LOG_PROBABILITY


def estimate_orientation(gray: GrayImage) -> OrientationEstimate:
    """Estimate the rotation that makes the page upright. The page may be skewed by several degrees."""
    patches, size = letter_patches(gray)
    if not len(patches):
        return OrientationEstimate(rotation=0, second_rotation=180, lead=0.0, letter_count=0)
    votes = log_probabilities(patches).mean(axis=0)
    order = np.argsort(-votes)
    lead = float(votes[order[0]] - votes[order[1]])
    return OrientationEstimate(
        rotation=ROTATIONS_DEGREES[order[0]],
        second_rotation=ROTATIONS_DEGREES[order[1]],
        lead=lead,
        letter_count=len(patches),
        letter_size=size,
    )


def letter_patches(gray: GrayImage, max_letters: int = MAX_LETTERS) -> tuple[NDArray[np.float32], float]:
    """Cut out what may be letters, spread over the page.

    Args:
        gray: Shape (height, width).
        max_letters: Return at most about this many.

    Returns:
        The patches, shape (letters, PATCH_SIDE_PX ** 2), 1 for ink; and the typical letter size in pixels of
        `gray`.
    """
    scale = min(1.0, MAX_SIDE_PX / min(max(gray.shape), 2 * min(gray.shape)))
    small = downscale(gray, scale)
    window = max(15, (max(small.shape) // 40) | 1)
    ink = np.asarray(
        cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15),
        np.uint8,
    )
    _, _, stats, _ = connected_components(ink)
    x, y, width, height, area = stats[1:].T
    longer_side = np.maximum(width, height)
    fill = area / (width * height)
    is_plausible = (
        (longer_side >= 6)
        & (longer_side <= 90)
        & (np.minimum(width, height) >= 3)
        & (fill < 0.9)
        & (fill > 0.12)
    )
    if not is_plausible.any():
        return np.empty((0, PATCH_SIDE_PX * PATCH_SIDE_PX), np.float32), 0.0
    typical_size = (
        float(np.median(longer_side[is_plausible & (longer_side >= 8)]))
        if (is_plausible & (longer_side >= 8)).any()
        else float(np.median(longer_side[is_plausible]))
    )
    chosen = np.nonzero(
        is_plausible & (longer_side >= 0.6 * typical_size) & (longer_side <= 2.2 * typical_size)
    )[0]
    chosen = chosen[:: max(1, len(chosen) // max_letters)]
    boxes = zip(x[chosen], y[chosen], width[chosen], height[chosen], strict=True)
    return np.array([letter_patch(ink, *box) for box in boxes], np.float32), typical_size / scale


def letter_patch(ink: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
    """Return a letter centered in a square that its longer side fills, flattened to shape (PATCH_SIDE_PX **
    2,).
    """
    letter = ink[y : y + height, x : x + width]
    side = max(width, height)
    square = np.zeros((side, side), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = letter
    small = np.asarray(
        cv2.resize(square, (PATCH_SIDE_PX, PATCH_SIDE_PX), interpolation=cv2.INTER_AREA), np.float32
    )
    return (small / np.float32(255)).ravel()


def log_probabilities(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log probability of each rotation for each letter, shape (letters, 4)."""
    weights = _network()
    hidden = np.maximum(patches @ weights["w1"] + weights["b1"], 0)
    scores = hidden @ weights["w2"] + weights["b2"]
    scores -= scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


@cache
def _network() -> dict[str, NDArray[np.float32]]:
    with np.load(model_path(MODEL_FILE)) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}
