"""Which way up a page is, from the shapes of its letters: a small network looks at a few hundred of them and
they vote.

It costs some 10 ms a page, where Tesseract's own detection costs a second and more. Where the vote is close
(a page of figures, of rules, of another script) the answer is doubtful and the caller decides by reading a
part of the page both ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale
from pipeline.resources import model_path

ROTATIONS_DEGREES = (0, 90, 180, 270)
"""Degrees clockwise that make the page upright; the order of the network's outputs."""
MAX_SIDE_PX = 2200
"""Longest side at which letters are looked at: print of 6 points is still 18 pixels high."""
PATCH_SIDE_PX = 20
MAX_LETTERS = 400
"""Letters that vote at most: more change nothing."""
MIN_LETTERS = 12
"""With fewer letters than this the page says too little."""
MIN_LEAD_LOG_PROBABILITY = 0.25
"""Mean log probability by which the best turn must lead the second (measured in models/orientation.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrientationEstimate:
    """Degrees clockwise that make the page upright; `sure` if the letters agree; `second`: the next best
    turn.
    """

    rotation: int
    second_rotation: int
    lead: float
    letter_countpatches: int
    letter_size: float = 0.0
    """Usual size (longer side) of a letter in pixels; 0 where there are none."""

    @property
    def is_confident(self) -> bool:
        return self.letter_count >= MIN_LETTERS and self.lead >= MIN_LEAD_LOG_PROBABILITY


def estimate_orientation(gray: GrayImage) -> OrientationEstimate:
    """The turn that makes the page upright. `gray` may be skewed by some degrees."""
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


def letter_patches(gray: GrayImage, most: int = MAX_LETTERS) -> tuple[NDArray[np.float32], float]:
    """Patches of what may be letters, N x PATCH_SIDE_PX*PATCH_SIDE_PX, ink 1, spread over the page; and their usual size in
    pixels of `gray`.
    """
    scale = min(1.0, MAX_SIDE_PX / max(gray.shape))
    small = downscale(gray, scale)
    window = max(15, (max(small.shape) // 40) | 1)
    dark = np.asarray(
        cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15),
        np.uint8,
    )
    _, _, stats, _ = connected_components(dark)
    x, y, wide, high, area = stats[1:].T
    side = np.maximum(wide, high)
    solid = area / (wide * high)
    plausible = (side >= 6) & (side <= 90) & (np.minimum(wide, high) >= 3) & (solid < 0.9) & (solid > 0.12)
    if not plausible.any():
        return np.empty((0, PATCH_SIDE_PX * PATCH_SIDE_PX), np.float32), 0.0
    usual = (
        float(np.median(side[plausible & (side >= 8)]))
        if (plausible & (side >= 8)).any()
        else float(np.median(side[plausible]))
    )
    chosen = np.nonzero(plausible & (side >= 0.6 * usual) & (side <= 2.2 * usual))[0]
    chosen = chosen[:: max(1, len(chosen) // most)]
    boxes = zip(x[chosen], y[chosen], wide[chosen], high[chosen], strict=True)
    return np.array([letter_patch(dark, *box) for box in boxes], np.float32), usual / scale


def letter_patch(dark: NDArray[np.uint8], x: int, y: int, wide: int, high: int) -> NDArray[np.float32]:
    """A letter in the middle of a square, its longer side filling it."""
    part = dark[y : y + high, x : x + wide]
    side = max(wide, high)
    square = np.zeros((side, side), np.uint8)
    top, left = (side - high) // 2, (side - wide) // 2
    square[top : top + high, left : left + wide] = part
    small = np.asarray(
        cv2.resize(square, (PATCH_SIDE_PX, PATCH_SIDE_PX), interpolation=cv2.INTER_AREA), np.float32
    )
    return (small / np.float32(255)).ravel()


def log_probabilities(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """N x 4: how probable each turn is for each letter."""
    weights = _network()
    hidden = np.maximum(patches @ weights["w1"] + weights["b1"], 0)
    scores = hidden @ weights["w2"] + weights["b2"]
    scores -= scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


@cache
def _network() -> dict[str, NDArray[np.float32]]:
    with np.load(model_path("orientation.npz")) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}
