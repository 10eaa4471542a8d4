"""Print of the back of a thin sheet that shows through: faint strokes among dark ones, which read as
nonsense.

Print that is faint itself (a form printed in gray, pencil, worn type) looks the same. What shows through is
mirrored, so a part of the faint strokes is read in a mirror before they are taken away: only the back of a
sheet is text there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale, multiplication_table

MAX_FAINT_CONTRAST_SHARE = 0.55
"""Share of the print's own contrast below which a stroke is faint."""
MIN_STROKE_CONTRAST = 14
"""Gray values by which a stroke differs from the paper at least: less is the scanner's noise."""
SOFT_EDGE_LETTER_SIZES = 0.22
"""Letter sizes around dark strokes in which faint is the soft edge of these."""
MIN_FAINT_LETTER_RATIO = 0.12
"""Faint letters for each dark one from which the back shows through: fewer are dirt, and harm nothing."""
MIN_FAINT_INK_RATIO = 0.5
"""Ink of a faint letter, as a share of a dark one's: with fewer faint pixels there cannot be as many
letters.
"""
MIN_DARK_LETTERS = 40
"""Dark letters that a page needs to tell what is faint on it."""
LETTER_SIDE_RANGE = (0.5, 2.5)
"""Longer side of a letter in usual letter sizes."""
ANALYSIS_LETTER_SIZE_PX = 10.0
"""Pixels of a usual letter at which faint strokes are looked for."""
MIN_PRINT_CONTRAST = 60
"""Contrast in gray values from which a pixel is print when its usual contrast is measured."""
MIN_PRINT_SHARE = 1e-3
"""Share of the page that is print at least."""


def remove_bleed_through(gray: GrayImage, size: float, is_text: Callable[[GrayImage], bool]) -> GrayImage:
    """The page without what shows through. `size`: its usual letter in pixels; `is_text`: whether a picture
    of dark strokes on white is print that can be read."""
    scale = min(1.0, ANALYSIS_LETTER_SIZE_PX / size) if size else 1.0
    small = separate_strokes(downscale(gray, scale), size * scale) if size else None
    if small is None:
        return gray
    if np.count_nonzero(small.faint) < MIN_FAINT_LETTER_RATIO * MIN_FAINT_INK_RATIO * np.count_nonzero(
        small.dark
    ):
        return gray
    letters = count_letters(small.dark, size * scale)
    if (
        letters < MIN_DARK_LETTERS
        or count_letters(small.faint, size * scale) < MIN_FAINT_LETTER_RATIO * letters
    ):
        return gray
    found = separate_strokes(gray, size)
    if found is None or not is_text(mirrored_faint_strokes(gray, found)):
        return gray
    return np.asarray(np.where(found.near_dark > 0, gray, found.paper), np.uint8)


def mirrored_faint_strokes(gray: GrayImage, found: StrokeLayers) -> GrayImage:
    """The faint strokes alone, as dark as print, seen from behind."""
    contrast = cv2.bitwise_and(cv2.subtract(found.paper, gray), found.faint)
    inked = contrast[contrast > 0]
    usual = float(np.percentile(inked, 75)) if inked.size else 1.0
    return np.asarray(cv2.flip(cv2.LUT(contrast, 255 - multiplication_table(200.0 / usual)), 1), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrokeLayers:
    """Of a page: `dark` and `faint` strokes and what is `near` dark ones, 255 where they are; `paper`: it
    without print.
    """

    dark: GrayImage
    near_dark: GrayImage
    faint: GrayImage
    paper: GrayImage


def separate_strokes(gray: GrayImage, size: float) -> StrokeLayers | None:
    """The strokes of a page by their contrast; None for a page without print."""
    coarse = cv2.dilate(downscale(gray, 0.125), np.ones((3, 3), np.uint8))
    paper = cv2.resize(cv2.medianBlur(coarse, 5), gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    contrast = cv2.subtract(paper, gray)
    counts = np.bincount(contrast[::2, ::2].ravel(), minlength=256)
    counts[:MIN_PRINT_CONTRAST] = 0
    if 4 * counts.sum() < MIN_PRINT_SHARE * gray.size:
        return None
    usual = int(np.searchsorted(np.cumsum(counts), 0.75 * counts.sum()))
    dark = np.asarray(
        cv2.threshold(contrast, MAX_FAINT_CONTRAST_SHARE * usual, 255, cv2.THRESH_BINARY)[1], np.uint8
    )
    reach = 2 * max(1, round(SOFT_EDGE_LETTER_SIZES * size)) + 1
    near = np.asarray(cv2.dilate(dark, np.ones((reach, reach), np.uint8)), np.uint8)
    seen = cv2.threshold(contrast, MIN_STROKE_CONTRAST, 255, cv2.THRESH_BINARY)[1]
    return StrokeLayers(
        dark=dark,
        near_dark=near,
        faint=np.asarray(cv2.subtract(seen, near), np.uint8),
        paper=np.asarray(paper, np.uint8),
    )


def count_letters(strokes: GrayImage, size: float) -> int:
    """How many connected strokes have the size of a letter."""
    _, _, stats, _ = connected_components(strokes)
    longer, area = stats[1:, 2:4].max(axis=1), stats[1:, 4]
    return int(
        (
            (longer >= LETTER_SIDE_RANGE[0] * size)
            & (longer <= LETTER_SIDE_RANGE[1] * size)
            & (area >= 0.1 * size * size)
        ).sum()
    )
