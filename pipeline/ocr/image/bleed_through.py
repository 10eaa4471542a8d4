"""Remove bleed-through: print on the back of a thin sheet that shows as faint strokes among dark ones and is
recognized as nonsense.

Print that is faint itself (a form printed in gray, pencil, worn type) looks the same. Bleed-through is
mirrored, so a part of the faint strokes is recognized in mirror image before they are removed: only the back
of a sheet is readable text there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale, multiplication_table

MAX_FAINT_CONTRAST_SHARE = 0.55
"""Share of the print's own contrast below which a stroke is faint."""
MIN_STROKE_CONTRAST = 14
"""Gray values by which a stroke differs from the paper. Less is the scanner's noise."""
SOFT_EDGE_LETTER_SIZES = 0.22
"""Distance from dark strokes within which faint pixels are the strokes' soft edge."""
MIN_FAINT_LETTER_RATIO = 0.12
"""Faint letters per dark letter at which the page has bleed-through. Fewer are dirt, which does no harm."""
MIN_FAINT_INK_RATIO = 0.5
"""Ink of a faint letter as a share of a dark letter's. With fewer faint pixels there cannot be that many
letters.
"""
MIN_DARK_LETTERS = 40
"""Dark letters that a page needs as a reference for what is faint."""
LETTER_SIDE_RANGE = (0.5, 2.5)
"""Longer side of a letter, in typical letter sizes."""
ANALYSIS_LETTER_SIZE_PX = 10.0
"""Letter size of the downscaled page on which faint strokes are counted first."""
MIN_PRINT_CONTRAST = 60
"""Contrast in gray values at which a pixel is print when the typical contrast is measured."""
MIN_PRINT_SHARE = 1e-3
"""Share of the page that must be print."""


def remove_bleed_through(
    gray: GrayImage, letter_size: float, is_text: Callable[[GrayImage], bool]
) -> GrayImage:
    """Return the page without bleed-through; the same array if there is none.

    Args:
        gray: Shape (height, width).
        letter_size: Typical letter size in pixels.
        is_text: Whether an image of dark strokes on white is print that can be read.
    """
    scale = min(1.0, ANALYSIS_LETTER_SIZE_PX / letter_size) if letter_size else 1.0
    counted = separate_strokes(downscale(gray, scale), letter_size * scale) if letter_size else None
    if counted is None:
        return gray
    if np.count_nonzero(counted.faint) < MIN_FAINT_LETTER_RATIO * MIN_FAINT_INK_RATIO * np.count_nonzero(
        counted.dark
    ):
        return gray
    dark_letters = count_letters(counted.dark, letter_size * scale)
    if (
        dark_letters < MIN_DARK_LETTERS
        or count_letters(counted.faint, letter_size * scale) < MIN_FAINT_LETTER_RATIO * dark_letters
    ):
        return gray
    strokes = separate_strokes(gray, letter_size)
    if strokes is None or not is_text(mirrored_faint_strokes(gray, strokes)):
        return gray
    return np.asarray(np.where(strokes.near_dark > 0, gray, strokes.paper), np.uint8)


def mirrored_faint_strokes(gray: GrayImage, strokes: StrokeLayers) -> GrayImage:
    """Return only the faint strokes, as dark as print, in mirror image."""
    contrast = cv2.bitwise_and(cv2.subtract(strokes.paper, gray), strokes.faint)
    ink_contrast = contrast[contrast > 0]
    typical_contrast = float(np.percentile(ink_contrast, 75)) if ink_contrast.size else 1.0
    return np.asarray(
        cv2.flip(cv2.LUT(contrast, 255 - multiplication_table(200.0 / typical_contrast)), 1), np.uint8
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StrokeLayers:
    """The strokes of a page. Masks are 255 where set.

    Attributes:
        dark: Dark strokes.
        near_dark: Dark strokes and their surroundings.
        faint: Faint strokes away from dark ones.
        paper: The page without print, gray values.
    """

    dark: GrayImage
    near_dark: GrayImage
    faint: GrayImage
    paper: GrayImage


def separate_strokes(gray: GrayImage, letter_size: float) -> StrokeLayers | None:
    """Separate the strokes of a page by their contrast; None for a page without print."""
    coarse = cv2.dilate(downscale(gray, 0.125), np.ones((3, 3), np.uint8))
    paper = cv2.resize(cv2.medianBlur(coarse, 5), gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    contrast = cv2.subtract(paper, gray)
    counts = np.bincount(contrast[::2, ::2].ravel(), minlength=256)
    counts[:MIN_PRINT_CONTRAST] = 0
    if 4 * counts.sum() < MIN_PRINT_SHARE * gray.size:
        return None
    typical_contrast = int(np.searchsorted(np.cumsum(counts), 0.75 * counts.sum()))
    dark = np.asarray(
        cv2.threshold(contrast, MAX_FAINT_CONTRAST_SHARE * typical_contrast, 255, cv2.THRESH_BINARY)[1],
        np.uint8,
    )
    kernel_side = 2 * max(1, round(SOFT_EDGE_LETTER_SIZES * letter_size)) + 1
    near_dark = np.asarray(cv2.dilate(dark, np.ones((kernel_side, kernel_side), np.uint8)), np.uint8)
    visible = cv2.threshold(contrast, MIN_STROKE_CONTRAST, 255, cv2.THRESH_BINARY)[1]
    return StrokeLayers(
        dark=dark,
        near_dark=near_dark,
        faint=np.asarray(cv2.subtract(visible, near_dark), np.uint8),
        paper=np.asarray(paper, np.uint8),
    )


def count_letters(strokes: GrayImage, letter_size: float) -> int:
    """Return how many connected strokes have the size of a letter."""
    _, _, stats, _ = connected_components(strokes)
    longer_side, area = stats[1:, 2:4].max(axis=1), stats[1:, 4]
    return int(
        (
            (longer_side >= LETTER_SIDE_RANGE[0] * letter_size)
            & (longer_side <= LETTER_SIDE_RANGE[1] * letter_size)
            & (area >= 0.1 * letter_size * letter_size)
        ).sum()
    )
