"""Dark print on a dotted ground: what a fax or a bilevel scanner makes of a shaded band. The dots are blurred
into the paper.

An engine takes the dots for letters, or the whole band for a picture, and the name of the patient stands in
such bands on many forms. Print has one or two upper ends of strokes in the space of a letter, a dotted ground
ten and more; nothing lies between."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, connected_components

MIN_STROKE_ENDS_PER_CELL = 5.0
"""Upper ends of ink in the space of a letter, on average over its neighbors, from which the ground is
dotted: print on pages of office scanners, copiers and faxes has 3.4 at most, a ground of 20 % dots 10 to
20."""

BLUR_SIGMA_LETTER_SIZES = 0.07
"""Standard deviation of the blur in letter sizes: 1.1 pixels on a fax. Dots run together, strokes stay."""

STROKE_SIGMA_LETTER_SIZES = 0.15
"""Standard deviation of the blur in letter sizes in which dots are one gray and strokes still stand out."""

BLACK_POINT_SHARE, WHITE_POINT_SHARE = 0.15, 0.7
"""Shares of the ground's own gray that become black and white."""

MIN_AREA_CELLS = 8
"""Letters' spaces in the smallest area that is looked at: a shaded cell with a word. A logo's dots are
fewer.
"""

MIN_LETTER_SIZE_PX = 8.0
"""Pixels of the smallest letter reckoned with."""

NEIGHBORS_ABOVE = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], np.uint8)
"""The neighbors of a pixel none of which is inked where it is an upper end."""


def remove_halftone(gray: GrayImage, size: float) -> GrayImage:
    """The page with dark print on dotted grounds made print on paper; itself where there is none. `size`: the
    usual letter in pixels."""
    space = round(max(size, MIN_LETTER_SIZE_PX))
    if min(gray.shape) < 3 * space:
        return gray
    areas = _halftone_cells(gray, space)
    if not areas.any():
        return gray
    count, labels, stats, _ = connected_components(areas, 4)
    out = gray.copy()
    for number in range(1, count):
        x, y, wide, high, cells = (int(v) for v in stats[number])
        if cells < MIN_AREA_CELLS:
            continue
        part = out[y * space : (y + high) * space, x * space : (x + wide) * space]
        own = np.asarray(labels[y : y + high, x : x + wide] == number, np.uint8)
        inside = cv2.resize(own, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
        blurred = cv2.GaussianBlur(part, (0, 0), BLUR_SIGMA_LETTER_SIZES * space)
        ground = float(np.median(blurred[inside]))
        if ground > 0 and _print_is_dark(part, inside, space):
            stretched = (np.arange(256, dtype=np.float32) - BLACK_POINT_SHARE * ground) * (
                255 / (ground * (WHITE_POINT_SHARE - BLACK_POINT_SHARE))
            )
            part[inside] = cv2.LUT(blurred, np.clip(stretched, 0, 255).astype(np.uint8))[inside]
    return out


def _halftone_cells(gray: GrayImage, space: int) -> GrayImage:
    """The letters' spaces, H x W, that lie on a dotted ground: 1, else 0."""
    down, right = gray.shape[0] // space, gray.shape[1] // space
    dark = cv2.threshold(gray, 128, 255, cv2.THRESH_BINARY_INV)[1]
    ends = cv2.bitwise_and(dark, cv2.bitwise_not(cv2.dilate(dark, NEIGHBORS_ABOVE)))
    share = cv2.resize(
        ends[: down * space, : right * space], (right, down), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    dots = share * (space * space / 255)
    inner = cv2.morphologyEx(
        (cv2.blur(dots, (3, 3)) > MIN_STROKE_ENDS_PER_CELL).astype(np.uint8),
        cv2.MORPH_CLOSE,
        np.ones((3, 3), np.uint8),
    )
    rim = cv2.bitwise_and(
        cv2.dilate(inner, np.ones((3, 3), np.uint8)), (dots > MIN_STROKE_ENDS_PER_CELL).astype(np.uint8)
    )
    return np.asarray(cv2.bitwise_or(inner, rim), np.uint8)


def _print_is_dark(part: GrayImage, inside: NDArray[np.bool_], space: int) -> bool:
    """Whether strokes are further from their ground towards black than towards white: light print is turned
    elsewhere.
    """
    strokes = cv2.GaussianBlur(part, (0, 0), STROKE_SIGMA_LETTER_SIZES * space)[inside]
    darkest, ground, lightest = np.percentile(strokes, (0.5, 50, 99.5))
    return bool(ground - darkest >= lightest - ground)
