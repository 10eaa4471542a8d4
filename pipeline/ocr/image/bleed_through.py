"""Print of the back of a thin sheet that shows through: faint strokes among dark ones, which read as
nonsense.

Print that is faint itself (a form printed in grey, pencil, worn type) looks the same. What shows through is
mirrored, so a part of the faint strokes is read in a mirror before they are taken away: only the back of a
sheet is text there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.ocr.image.pixels import Grey, components, multiplied, reduced

FAINT = 0.55
"""Share of the print's own contrast below which a stroke is faint."""
SEEN = 14
"""Grey values by which a stroke differs from the paper at least: less is the scanner's noise."""
EDGE = 0.22
"""Letter sizes around dark strokes in which faint is the soft edge of these."""
MANY = 0.12
"""Faint letters for each dark one from which the back shows through: fewer are dirt, and harm nothing."""
SOFT = 0.5
"""Ink of a faint letter, as a share of a dark one's: with fewer faint pixels there cannot be as many
letters.
"""
FEWEST = 40
"""Dark letters that a page needs to tell what is faint on it."""
LETTER_SIDE = (0.5, 2.5)
"""Longer side of a letter in usual letter sizes."""
LETTER = 10.0
"""Pixels of a usual letter at which faint strokes are looked for."""
PRINT = 60
"""Contrast in grey values from which a pixel is print when its usual contrast is measured."""
LEAST = 1e-3
"""Share of the page that is print at least."""


def without_back(grey: Grey, size: float, is_text: Callable[[Grey], bool]) -> Grey:
    """The page without what shows through. `size`: its usual letter in pixels; `is_text`: whether a picture
    of dark strokes on white is print that can be read."""
    scale = min(1.0, LETTER / size) if size else 1.0
    small = layers(reduced(grey, scale), size * scale) if size else None
    if small is None:
        return grey
    if np.count_nonzero(small.faint) < MANY * SOFT * np.count_nonzero(small.dark):
        return grey
    letters = letters_of(small.dark, size * scale)
    if letters < FEWEST or letters_of(small.faint, size * scale) < MANY * letters:
        return grey
    found = layers(grey, size)
    if found is None or not is_text(mirrored(grey, found)):
        return grey
    return np.asarray(np.where(found.near > 0, grey, found.paper), np.uint8)


def mirrored(grey: Grey, found: Layers) -> Grey:
    """The faint strokes alone, as dark as print, seen from behind."""
    contrast = cv2.bitwise_and(cv2.subtract(found.paper, grey), found.faint)
    inked = contrast[contrast > 0]
    usual = float(np.percentile(inked, 75)) if inked.size else 1.0
    return np.asarray(cv2.flip(cv2.LUT(contrast, 255 - multiplied(200.0 / usual)), 1), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Of a page: `dark` and `faint` strokes and what is `near` dark ones, 255 where they are; `paper`: it
    without print.
    """

    dark: Grey
    near: Grey
    faint: Grey
    paper: Grey


def layers(grey: Grey, size: float) -> Layers | None:
    """The strokes of a page by their contrast; None for a page without print."""
    coarse = cv2.dilate(reduced(grey, 0.125), np.ones((3, 3), np.uint8))
    paper = cv2.resize(cv2.medianBlur(coarse, 5), grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    contrast = cv2.subtract(paper, grey)
    counts = np.bincount(contrast[::2, ::2].ravel(), minlength=256)
    counts[:PRINT] = 0
    if 4 * counts.sum() < LEAST * grey.size:
        return None
    usual = int(np.searchsorted(np.cumsum(counts), 0.75 * counts.sum()))
    dark = np.asarray(cv2.threshold(contrast, FAINT * usual, 255, cv2.THRESH_BINARY)[1], np.uint8)
    reach = 2 * max(1, round(EDGE * size)) + 1
    near = np.asarray(cv2.dilate(dark, np.ones((reach, reach), np.uint8)), np.uint8)
    seen = cv2.threshold(contrast, SEEN, 255, cv2.THRESH_BINARY)[1]
    return Layers(
        dark=dark,
        near=near,
        faint=np.asarray(cv2.subtract(seen, near), np.uint8),
        paper=np.asarray(paper, np.uint8),
    )


def letters_of(strokes: Grey, size: float) -> int:
    """How many connected strokes have the size of a letter."""
    _, _, stats, _ = components(strokes)
    longer, area = stats[1:, 2:4].max(axis=1), stats[1:, 4]
    return int(
        (
            (longer >= LETTER_SIDE[0] * size)
            & (longer <= LETTER_SIDE[1] * size)
            & (area >= 0.1 * size * size)
        ).sum()
    )
