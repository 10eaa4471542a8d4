"""Remove halftone screens behind dark print: the dots that a fax or a bilevel scanner makes of a shaded band
are blurred into white paper.

The recognition engine takes the dots for letters, or the whole band for a picture, and many forms print the
patient's name in such a band. Print has one or two upper stroke ends in an area of one letter, a halftone ten
or more; nothing is in between.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, connected_components

MIN_STROKE_ENDS_PER_CELL = 5.0
"""Upper ends of ink in a letter-sized cell, averaged with its neighbors, at which the background is a
halftone. Print on pages of office scanners, copiers and faxes has 3.4 at most, a halftone of 20 % dots 10 to
20.
"""

BLUR_SIGMA_LETTER_SIZES = 0.07
"""Standard deviation of the blur: 1.1 pixels on a fax. Dots merge, strokes stay."""

STROKE_SIGMA_LETTER_SIZES = 0.15
"""Standard deviation of the blur at which dots become one gray and strokes still stand out."""

BLACK_POINT_SHARE, WHITE_POINT_SHARE = 0.15, 0.7
"""Shares of the background's own gray that become black and white."""

MIN_AREA_CELLS = 8
"""Letter-sized cells of the smallest area that is processed: a shaded cell with one word. A logo's dots cover
fewer.
"""

MAX_CLEAR_SHARE, CLEAR_SIDE_LETTER_SIZES = 0.5, 0.3
"""Largest share of a halftone that is clear of ink, and the side of the smallest square that counts as clear.
Dots leave 0.25 to 0.45, small print between its letters and lines 0.54 or more.
"""

MIN_LETTER_SIZE_PX = 8.0
"""Smallest letter size assumed."""

NEIGHBORS_ABOVE = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], np.uint8)
"""An ink pixel is an upper end if none of these neighbors is ink."""


def remove_halftone(gray: GrayImage, letter_size: float) -> GrayImage:
    """Return the page with dark print on halftone backgrounds changed to print on white paper; the same array
    if there is none.

    Args:
        gray: Shape (height, width).
        letter_size: Typical letter size in pixels.
    """
    cell_side = round(max(letter_size, MIN_LETTER_SIZE_PX))
    if min(gray.shape) < 3 * cell_side:
        return gray
    areas = _halftone_cells(gray, cell_side)
    if not areas.any():
        return gray
    count, labels, stats, _ = connected_components(areas, 4)
    out = gray.copy()
    for number in range(1, count):
        x, y, width, height, cells = (int(v) for v in stats[number])
        if cells < MIN_AREA_CELLS:
            continue
        part = out[y * cell_side : (y + height) * cell_side, x * cell_side : (x + width) * cell_side]
        component = np.asarray(labels[y : y + height, x : x + width] == number, np.uint8)
        is_inside = cv2.resize(component, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
        blurred = cv2.GaussianBlur(part, (0, 0), BLUR_SIGMA_LETTER_SIZES * cell_side)
        background = float(np.median(blurred[is_inside]))
        if (
            background > 0
            and _clear_share(part, is_inside, cell_side) <= MAX_CLEAR_SHARE
            and _print_is_dark(part, is_inside, cell_side)
        ):
            stretched = (np.arange(256, dtype=np.float32) - BLACK_POINT_SHARE * background) * (
                255 / (background * (WHITE_POINT_SHARE - BLACK_POINT_SHARE))
            )
            part[is_inside] = cv2.LUT(blurred, np.clip(stretched, 0, 255).astype(np.uint8))[is_inside]
    return out


def _halftone_cells(gray: GrayImage, cell_side: int) -> GrayImage:
    """Return a mask over letter-sized cells, shape (rows, columns): 1 on a halftone background, else 0."""
    rows, columns = gray.shape[0] // cell_side, gray.shape[1] // cell_side
    ink = cv2.threshold(gray, 128, 255, cv2.THRESH_BINARY_INV)[1]
    upper_ends = cv2.bitwise_and(ink, cv2.bitwise_not(cv2.dilate(ink, NEIGHBORS_ABOVE)))
    end_share = cv2.resize(
        upper_ends[: rows * cell_side, : columns * cell_side], (columns, rows), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    ends_per_cell = end_share * (cell_side * cell_side / 255)
    inner = cv2.morphologyEx(
        (cv2.blur(ends_per_cell, (3, 3)) > MIN_STROKE_ENDS_PER_CELL).astype(np.uint8),
        cv2.MORPH_CLOSE,
        np.ones((3, 3), np.uint8),
    )
    rim = cv2.bitwise_and(
        cv2.dilate(inner, np.ones((3, 3), np.uint8)),
        (ends_per_cell > MIN_STROKE_ENDS_PER_CELL).astype(np.uint8),
    )
    return np.asarray(cv2.bitwise_or(inner, rim), np.uint8)


def _clear_share(part: GrayImage, is_inside: NDArray[np.bool_], cell_side: int) -> float:
    """Return the share of an area that consists of squares without ink."""
    side = max(2, round(CLEAR_SIDE_LETTER_SIZES * cell_side))
    paper = cv2.threshold(part, 128, 255, cv2.THRESH_BINARY)[1]
    clear = cv2.morphologyEx(paper, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return float((clear[is_inside] > 0).mean())


def _print_is_dark(part: GrayImage, is_inside: NDArray[np.bool_], cell_side: int) -> bool:
    """Return whether strokes differ from their background more towards black than towards white. Light print
    is handled by `invert_dark_areas`.
    """
    strokes = cv2.GaussianBlur(part, (0, 0), STROKE_SIGMA_LETTER_SIZES * cell_side)[is_inside]
    darkest, background, lightest = np.percentile(strokes, (0.5, 50, 99.5))
    return bool(background - darkest >= lightest - background)
