"""Clean up a copy of the page for recognition: remove what distracts the engine. The archived page is never
changed.

Each step has a name in STEPS so that `chartloom read --debug` can show and time it. The effect of each step
is measured in docs/decisions/0006-reading-engines.md; steps that were not worth their CPU time are not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
"""Range of the paper's gray values (10th to 90th percentile) at which its illumination is evened."""
MIN_DARK_SHARE = 0.55
"""Share of a dark area that must be dark; the rest is its light print."""
SEARCH_REDUCTION = 4
"""Dark areas are searched on a page smaller by this factor."""
MEDIAN_FILTER_SIZES_PX = (0, 3, 5)
"""Sizes of the median filter tried on a dark area until its letters outnumber its dots: dark print is often a
halftone.
"""
MAX_SPECK_LETTER_SIZES = 0.11
"""Longest side of a speck: 2 pixels for letters of 20 pixels. A decimal point has 3 or more."""
CHECKBOX_SIDE_LETTER_SIZES = (0.7, 2.2)
"""Shortest and longest side of a checkbox."""
MAX_EMPTY_CHECKBOX_INK_SHARE = 0.06
"""Share of ink inside a checkbox up to which it is empty. A check mark covers more, a speck less."""


def even_illumination(gray: GrayImage, letter_size: float) -> GrayImage:
    """Divide the page by its paper's brightness if that varies: shadows, yellowed edges, colored paper."""
    del letter_size
    small = downscale(gray, 0.125)
    if min(small.shape) < 16:
        return gray
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((5, 5), np.uint8)), 15)
    low, high = np.percentile(paper, (10, 90))
    if (high - low < MIN_PAPER_GRAY_RANGE and high > 170) or high < MAX_DARK_GRAY:
        return gray
    illumination = cv2.resize(paper, (gray.shape[1], gray.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(gray, np.maximum(illumination, 60), scale=245), np.uint8)


def invert_dark_areas(gray: GrayImage, letter_size: float) -> GrayImage:
    """Invert light print on dark areas: header bands, table heads, a whole slide.

    Args:
        gray: Shape (height, width).
        letter_size: Typical letter size in pixels.
    """
    out = gray
    kernel_side = max(3, round(letter_size * 0.25))
    labels, areas = label_dark_areas(gray, kernel_side)
    for number, (x, y, width, height) in areas:
        x0, y0 = SEARCH_REDUCTION * x, SEARCH_REDUCTION * y
        x1 = min(SEARCH_REDUCTION * (x + width), gray.shape[1])
        y1 = min(SEARCH_REDUCTION * (y + height), gray.shape[0])
        if x1 <= x0 or y1 <= y0:
            continue
        small_area = np.where(labels[y : y + height, x : x + width] == number, np.uint8(255), np.uint8(0))
        area = np.asarray(
            cv2.resize(small_area, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST), np.uint8
        )
        candidates = (median_filter(gray[y0:y1, x0:x1], size) for size in MEDIAN_FILTER_SIZES_PX)
        smoothed = next((each for each in candidates if contains_letters(each, area, letter_size)), None)
        if smoothed is not None:
            out = out.copy() if out is gray else out
            inverted = 255 - smoothed
            paper = float(np.median(inverted[area > 0]))
            bright = cv2.LUT(inverted, multiplication_table(255.0 / max(paper, 1.0)))
            out[y0:y1, x0:x1] = np.where(area > 0, bright, gray[y0:y1, x0:x1])
    return out


def label_dark_areas(
    gray: GrayImage, kernel_side: int
) -> tuple[NDArray[Any], list[tuple[int, tuple[int, int, int, int]]]]:
    """Label the solid dark areas of a page, downscaled by SEARCH_REDUCTION.

    Args:
        gray: Shape (height, width).
        kernel_side: Size in downscaled pixels of the gaps that are closed, about a quarter of a letter.

    Returns:
        The labels, and for each area its label and its box as (x, y, width, height), both of the downscaled
        page.
    """
    small = resize(gray, 1 / SEARCH_REDUCTION)
    dark = np.where(small < MAX_DARK_GRAY, np.uint8(255), np.uint8(0))
    if dark.mean() < 255 * 0.002:
        return dark, []
    closed = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((kernel_side, kernel_side), np.uint8))
    min_area = np.ones((max(4, round(1.1 * kernel_side * 4 / 3)), kernel_side * 3), np.uint8)
    solid = cv2.morphologyEx(closed, cv2.MORPH_OPEN, min_area)
    _, labels, stats, _ = connected_components(solid, 4)
    return labels, [
        (number, (int(x), int(y), int(width), int(height)))
        for number, (x, y, width, height, area) in enumerate(stats[1:], start=1)
        if area >= 12 * kernel_side * kernel_side and dark[labels == number].mean() >= 255 * MIN_DARK_SHARE
    ]


def median_filter(image: GrayImage, size: int) -> GrayImage:
    """Return the median-filtered image; the image itself for size 0."""
    return np.asarray(cv2.medianBlur(image, size), np.uint8) if size else image


def contains_letters(part: GrayImage, area: GrayImage, letter_size: float) -> bool:
    """Return whether a dark area contains light letters. A photograph, a rule or a punch hole does not.

    Args:
        part: The area's bounding box, gray values.
        area: Mask of the area in that box, 255 where set.
        letter_size: Typical letter size in pixels.
    """
    light_ink = np.where((part > MAX_DARK_GRAY + 50) & (area > 0), np.uint8(255), np.uint8(0))
    if not 0.02 <= light_ink.sum() / max(1, int(area.sum())) <= 0.45:
        return False
    _, _, stats, _ = connected_components(light_ink)
    height, width = stats[1:, 3], stats[1:, 2]
    letters = (height >= 0.4 * letter_size) & (height <= 2.5 * letter_size) & (width <= 4 * letter_size)
    specks = np.maximum(height, width) < 0.4 * letter_size
    return bool(letters.sum() >= 3 and letters.sum() > 0.5 * specks.sum())


def remove_specks_and_checkboxes(gray: GrayImage, letter_size: float) -> GrayImage:
    """Paint over specks that are too small for a decimal point, and over empty checkboxes, which an engine
    reads as O, C or D.
    """
    mask = specks_and_checkboxes_mask(binarize(gray), letter_size)
    if not mask.any():
        return gray
    return np.asarray(cv2.max(gray, cv2.dilate(mask, np.ones((3, 3), np.uint8))), np.uint8)


def specks_and_checkboxes_mask(ink: GrayImage, letter_size: float) -> GrayImage:
    """Return the mask of specks and empty checkboxes.

    Args:
        ink: Mask of the page's ink.
        letter_size: Typical letter size in pixels.
    """
    _, labels, stats, _ = connected_components(ink)
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    is_chosen = np.maximum(width, height) <= MAX_SPECK_LETTER_SIZES * letter_size
    is_square = (np.minimum(width, height) >= CHECKBOX_SIDE_LETTER_SIZES[0] * letter_size) & (
        np.maximum(width, height) <= CHECKBOX_SIDE_LETTER_SIZES[1] * letter_size
    )
    is_square &= (np.abs(width - height) <= 0.25 * np.maximum(width, height)) & (area < 0.5 * width * height)
    for number in np.nonzero(is_square)[0]:
        x, y, w, h, _ = stats[number]
        is_chosen[number] = is_empty_checkbox(
            labels[y : y + h, x : x + w] == number, ink[y : y + h, x : x + w] > 0
        )
    is_chosen[0] = False
    return paint_components(labels, is_chosen)


def is_empty_checkbox(frame: NDArray[np.bool_], ink: NDArray[np.bool_]) -> bool:
    """Return whether a component is a frame with straight sides and nothing in it.

    Args:
        frame: The component in its bounding box, shape (height, width).
        ink: All ink in that box, same shape.
    """
    height, width = frame.shape
    edge = max(2, round(0.22 * min(height, width)))
    inside = ink[edge:-edge, edge:-edge]
    if not inside.size or np.count_nonzero(inside) > MAX_EMPTY_CHECKBOX_INK_SHARE * inside.size:
        return False  # most letters end here
    sides = (
        frame[:edge].any(axis=0),
        frame[-edge:].any(axis=0),
        frame[:, :edge].any(axis=1),
        frame[:, -edge:].any(axis=1),
    )
    corners = max(1, edge // 2)
    filled = (
        frame[:corners, :corners],
        frame[:corners, -corners:],
        frame[-corners:, :corners],
        frame[-corners:, -corners:],
    )
    return all(side.mean() > 0.9 for side in sides) and sum(bool(corner.any()) for corner in filled) >= 3


def binarize(gray: GrayImage) -> GrayImage:
    """Return the mask of ink that is dark against its surroundings."""
    window = max(15, (max(gray.shape) // 40) | 1)
    return np.asarray(
        cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15),
        np.uint8,
    )


CleanupStep = Callable[[GrayImage, float], GrayImage]
STEPS: dict[str, CleanupStep] = {
    "halftone": remove_halftone,
    "illumination": even_illumination,
    "dark-areas": invert_dark_areas,
    "specks-checkboxes": remove_specks_and_checkboxes,
}
StepObserver = Callable[[str, GrayImage], None]
"""Called with the name and the result of each step, for `chartloom read --debug`."""


def ignore_step(name: str, image: GrayImage) -> None:
    """Do nothing: the default observer."""
    del name, image


def clean_for_recognition(
    gray: GrayImage, letter_size: float, on_step: StepObserver = ignore_step
) -> GrayImage:
    """Run all steps in order.

    Args:
        gray: Shape (height, width).
        letter_size: Typical letter size in pixels, 0 if unknown.
        on_step: Called with the name and the result of each step.
    """
    for name, step in STEPS.items():
        gray = step(gray, letter_size or DEFAULT_LETTER_SIZE_PX)
        on_step(name, gray)
    return gray
