"""Cleanup for reading: what distracts the engine is lifted out of a copy of the page. What is archived is
never touched.

Each step names itself in STEPS, so that `chartloom read --debug` can show and time it. What each gave is
measured in docs/decisions/0006-reading-engines.md; steps that did not earn their CPU are not here."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.halftone import remove_halftone
from pipeline.ocr.image.pixels import (
    DEFAULT_LETTER_SIZE_PX,
    GrayImage,
    connected_components,
    downscale,
    multiplication_table,
    paint_components,
    resize,
)

MAX_DARK_GRAY = 110
"""Gray value below which an area counts as printed dark."""
MIN_PAPER_GRAY_RANGE = 24.0
"""Gray values by which the paper may differ over the page before its light is evened."""
MIN_DARK_SHARE = 0.55
"""Share of a dark area that is dark: the rest is its light print."""
MEDIAN_FILTER_SIZES_PX = (0, 3, 5)
"""Sizes of the median filter tried on a dark area until its letters outnumber its dots: dark print is often a
screen.
"""
MAX_SPECK_LETTER_SIZES = 0.11
"""Longest side of a speck in letter sizes: at 20 pixels a letter, 2; a decimal point has 3 and more."""
CHECKBOX_SIDE_LETTER_SIZES = (0.7, 2.2)
"""Side of a tick box in letter sizes."""
MAX_EMPTY_CHECKBOX_INK_SHARE = 0.06
"""Share of ink inside a tick box up to which it is empty: a tick covers more, a speck less."""


def even_illumination(gray: GrayImage, size: float) -> GrayImage:
    """Divide by the paper's own brightness where that varies: shadows, yellowed edges, colored paper."""
    del size
    small = downscale(gray, 0.125)
    if min(small.shape) < 16:
        return gray
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((5, 5), np.uint8)), 15)
    low, high = np.percentile(paper, (10, 90))
    if (high - low < MIN_PAPER_GRAY_RANGE and high > 170) or high < MAX_DARK_GRAY:
        return gray
    whole = cv2.resize(paper, (gray.shape[1], gray.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(gray, np.maximum(whole, 60), scale=245), np.uint8)


def invert_dark_areas(gray: GrayImage, size: float) -> GrayImage:
    """Light print on dark made dark on light: header bands, table heads, a whole slide."""
    reach = max(3, round(size * 0.25))
    small = resize(gray, 0.25)
    dark = np.where(small < MAX_DARK_GRAY, np.uint8(255), np.uint8(0))
    if dark.mean() < 255 * 0.002:
        return gray
    filled = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    solid = cv2.morphologyEx(
        filled, cv2.MORPH_OPEN, np.ones((max(4, round(1.1 * reach * 4 / 3)), reach * 3), np.uint8)
    )
    _, labels, stats, _ = connected_components(solid, 4)
    out = gray
    for number, (x, y, wide, high, area) in enumerate(stats[1:], start=1):
        if area < 12 * reach * reach or dark[labels == number].mean() < 255 * MIN_DARK_SHARE:
            continue
        x0, y0, x1, y1 = 4 * x, 4 * y, min(4 * (x + wide), gray.shape[1]), min(4 * (y + high), gray.shape[0])
        if x1 <= x0 or y1 <= y0:
            continue
        own = np.where(labels[y : y + high, x : x + wide] == number, np.uint8(255), np.uint8(0))
        own = np.asarray(cv2.resize(own, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST), np.uint8)
        smoothed = (median_filter(gray[y0:y1, x0:x1], reach) for reach in MEDIAN_FILTER_SIZES_PX)
        part = next((part for part in smoothed if contains_letters(part, own, size)), None)
        if part is not None:
            out = out.copy() if out is gray else out
            turned = 255 - part
            paper = float(np.median(turned[own > 0]))
            bright = cv2.LUT(turned, multiplication_table(255.0 / max(paper, 1.0)))
            out[y0:y1, x0:x1] = np.where(own > 0, bright, gray[y0:y1, x0:x1])
    return out


def median_filter(part: GrayImage, reach: int) -> GrayImage:
    """The median filter, or the picture itself for 0."""
    return np.asarray(cv2.medianBlur(part, reach), np.uint8) if reach else part


def contains_letters(part: GrayImage, own: GrayImage, size: float) -> bool:
    """Whether a dark area has light letters in it; a photograph, a rule or a hole has not."""
    light = np.where((part > MAX_DARK_GRAY + 50) & (own > 0), np.uint8(255), np.uint8(0))
    if not 0.02 <= light.sum() / max(1, int(own.sum())) <= 0.45:
        return False
    _, _, stats, _ = connected_components(light)
    high, wide = stats[1:, 3], stats[1:, 2]
    letters = (high >= 0.4 * size) & (high <= 2.5 * size) & (wide <= 4 * size)
    specks = np.maximum(high, wide) < 0.4 * size
    return bool(letters.sum() >= 3 and letters.sum() > 0.5 * specks.sum())


def remove_specks_and_checkboxes(gray: GrayImage, size: float) -> GrayImage:
    """Paint over specks too small for a decimal point, and empty tick boxes, which an engine takes for O, C
    and D.
    """
    mask = specks_and_checkboxes_mask(binarize(gray), size)
    if not mask.any():
        return gray
    return np.asarray(cv2.max(gray, cv2.dilate(mask, np.ones((3, 3), np.uint8))), np.uint8)


def specks_and_checkboxes_mask(dark: GrayImage, size: float) -> GrayImage:
    """Where they are, 255 there. `dark`: the ink of a page."""
    _, labels, stats, _ = connected_components(dark)
    wide, high, area = stats[:, 2], stats[:, 3], stats[:, 4]
    lifted = np.maximum(wide, high) <= MAX_SPECK_LETTER_SIZES * size
    square = (np.minimum(wide, high) >= CHECKBOX_SIDE_LETTER_SIZES[0] * size) & (
        np.maximum(wide, high) <= CHECKBOX_SIDE_LETTER_SIZES[1] * size
    )
    square &= (np.abs(wide - high) <= 0.25 * np.maximum(wide, high)) & (area < 0.5 * wide * high)
    for number in np.nonzero(square)[0]:
        x, y, w, h, _ = stats[number]
        lifted[number] = is_empty_checkbox(
            labels[y : y + h, x : x + w] == number, dark[y : y + h, x : x + w] > 0
        )
    lifted[0] = False
    return paint_components(labels, lifted)


def is_empty_checkbox(own: NDArray[np.bool_], ink: NDArray[np.bool_]) -> bool:
    """Whether a part of ink is a frame with straight sides and nothing in it. `own`, `ink`: its bounding box,
    H x W.
    """
    height, width = own.shape
    edge = max(2, round(0.22 * min(height, width)))
    inside = ink[edge:-edge, edge:-edge]
    if not inside.size or np.count_nonzero(inside) > MAX_EMPTY_CHECKBOX_INK_SHARE * inside.size:
        return False  # most letters end here
    sides = (
        own[:edge].any(axis=0),
        own[-edge:].any(axis=0),
        own[:, :edge].any(axis=1),
        own[:, -edge:].any(axis=1),
    )
    corners = max(1, edge // 2)
    filled = (
        own[:corners, :corners],
        own[:corners, -corners:],
        own[-corners:, :corners],
        own[-corners:, -corners:],
    )
    return all(side.mean() > 0.9 for side in sides) and sum(bool(corner.any()) for corner in filled) >= 3


def binarize(gray: GrayImage) -> GrayImage:
    """The ink of a page, 255 where it is dark against its surroundings."""
    window = max(15, (max(gray.shape) // 40) | 1)
    return np.asarray(
        cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15),
        np.uint8,
    )


CleanupStep = Callable[[GrayImage, float], GrayImage]
STEPS: dict[str, CleanupStep] = {
    "screens": remove_halftone,
    "even-light": even_illumination,
    "dark-areas": invert_dark_areas,
    "specks-boxes": remove_specks_and_checkboxes,
}
StepObserver = Callable[[str, GrayImage], None]
"""Is told each step's name and result, for `chartloom read --debug`."""


def ignore_step(name: str, picture: GrayImage) -> None:
    """Nobody looks."""
    del name, picture


def clean_for_recognition(gray: GrayImage, size: float, watch: StepObserver = ignore_step) -> GrayImage:
    """All steps, in order. `size`: the usual letter in pixels."""
    for name, step in STEPS.items():
        gray = step(gray, size or DEFAULT_LETTER_SIZE_PX)
        watch(name, gray)
    return gray
