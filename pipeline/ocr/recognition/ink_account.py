"""Account for the ink of a page: every letter-like piece of ink is read, or is part of a rule, of noise or of
a drawing, or remains unread.

A word explains the ink in its box only if it is credible: a low confidence or a box that does not fit the
word's letters is what an engine makes of print that it could not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale, paint_components
from pipeline.ocr.image.rules import rule_mask
from pipeline.records import Box

DEFAULT_WORD_HEIGHT_PX = 24.0
"""Height of a word if no word was recognized."""
ANALYSIS_WORD_HEIGHT_PX = 14.0
"""Word height of the downscaled page that is examined: a third of the CPU time of the recognized size."""
LETTER_SIZE_WORD_HEIGHTS = 0.75
"""Typical letter size in heights of a word's box, which includes ascenders and descenders."""
LETTER_HEIGHT_RANGE = (0.35, 2.5)
"""Height of a letter, in heights of the page's words. Less is noise, more a drawing."""
MAX_TOUCHING_LETTERS_WORD_HEIGHTS = 8.0
"""Longest ink that may be touching letters, upright or sideways: letters of small print touch."""
MIN_LETTER_AREA_SHARE, MIN_LETTER_THICKNESS = 0.03, 0.08
"""Least ink of a letter, in squared word heights, and its thinnest side, in word heights."""
WORD_MARGIN_WORD_HEIGHTS = 0.25
"""Margin at either side of a word whose ink belongs to the word: a strip reader places a first letter up to
half a letter off. The initial between two names is further away.
"""
GROUP_GAP_WORD_HEIGHTS = 1.0
"""Letters closer than this on a line are one group."""
LETTER_ASPECT_RANGE = (0.08, 2.0)
"""Width of a letter of a word, in heights of the word's box, within which the box fits the word: from an l to
letter-spaced headings.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageInk:
    """The ink of a page without its rules, on the downscaled page.

    Attributes:
        labels: The component of each pixel, shape (height, width).
        stats: x, y, width, height and area of each component, background first, shape (components, 5).
        centers: Center (x, y) of each component, shape (components, 2).
        is_letter: Which components may be letters, shape (components,).
        word_height: Typical height of a word in pixels.
        scale: Size of the downscaled page relative to the recognized image.
    """

    labels: NDArray[Any]
    stats: NDArray[np.int32]
    centers: NDArray[np.float64]
    is_letter: NDArray[np.bool_]
    word_height: float
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterGroup:
    """Letters that are close together on a line.

    Attributes:
        box: In pixels of the recognized image.
        letters: Their number; touching letters are counted by their width.
    """

    box: Box
    letters: int


def measure_ink(gray: GrayImage, words: Sequence[OcrWord]) -> PageInk:
    """Return the ink of a page.

    Args:
        gray: The recognized image, shape (height, width).
        words: Its words, for the size of its print.
    """
    ink, height, scale = ink_mask(gray, words)
    ink = np.asarray(cv2.subtract(ink, rule_mask(ink, LETTER_SIZE_WORD_HEIGHTS * height)), np.uint8)
    _, labels, stats, centers = connected_components(ink)
    widths, heights_px = stats[:, 2], stats[:, 3]
    low, high = (share * height for share in LETTER_HEIGHT_RANGE)
    longest = MAX_TOUCHING_LETTERS_WORD_HEIGHTS * height
    is_upright = (heights_px >= low) & (heights_px <= high) & (widths <= longest)
    is_sideways = (widths >= low) & (widths <= high) & (heights_px <= longest)
    is_letter = (is_upright | is_sideways) & has_letter_ink(stats, height)
    return PageInk(
        labels=labels, stats=stats, centers=centers, is_letter=is_letter, word_height=height, scale=scale
    )


def ink_mask(gray: GrayImage, words: Sequence[OcrWord]) -> tuple[NDArray[np.uint8], float, float]:
    """Return the ink of a page, downscaled to the size at which it is examined.

    Args:
        gray: The recognized image, shape (height, width).
        words: Its words, for the size of its print.

    Returns:
        The mask of the ink, 255 where set; the typical height of a word on it in pixels; and its size
        relative to the recognized image.
    """
    heights = [float(word.box[3] - word.box[1]) for word in words if word.confidence > 0.6]
    typical_height = float(np.median(heights or [DEFAULT_WORD_HEIGHT_PX]))
    scale = min(1.0, ANALYSIS_WORD_HEIGHT_PX / typical_height)
    small = downscale(gray, scale)
    window = max(15, (max(small.shape) // 40) | 1)
    ink = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    return np.asarray(ink, np.uint8), typical_height * scale, scale


def covered_mask(
    shape: tuple[int, ...], words: Sequence[OcrWord], word_height: float, scale: float
) -> NDArray[np.bool_]:
    """Return the mask of the words' boxes, with a margin at either side.

    Args:
        shape: Height and width of the mask.
        words: The words, in pixels of the recognized image.
        word_height: Typical height of a word in pixels of the mask.
        scale: Size of the mask relative to the recognized image.
    """
    is_covered = np.zeros(shape, np.bool_)
    margin = max(1, round(WORD_MARGIN_WORD_HEIGHTS * word_height))
    for word in words:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        is_covered[max(0, y0 - 1) : y1 + 1, max(0, x0 - margin) : x1 + margin] = True
    return is_covered


def has_letter_ink(stats: NDArray[np.int32], word_height: float) -> NDArray[np.bool_]:
    """Return which components have the ink and the thickness of a letter, shape (components,). The background
    has not.

    Args:
        stats: x, y, width, height and area of each component, background first, shape (components, 5).
        word_height: Typical height of a word in pixels.
    """
    _, _, widths, heights, areas = stats.T
    result = (areas >= MIN_LETTER_AREA_SHARE * word_height**2) & (
        np.minimum(widths, heights) >= MIN_LETTER_THICKNESS * word_height
    )
    result[0] = False
    return np.asarray(result, np.bool_)


def join_on_line(mask: NDArray[np.uint8], word_height: float) -> NDArray[np.uint8]:
    """Return the mask with the gaps filled between ink that is close together on a line.

    Args:
        mask: Ink, 255 where set.
        word_height: Typical height of a word in pixels.
    """
    kernel = cv2.getStructuringElement(
        cv2.MORPH_RECT, (int(GROUP_GAP_WORD_HEIGHTS * word_height) | 1, int(0.2 * word_height) | 1)
    )
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), np.uint8)


def unexplained_letters(ink: PageInk, words: Sequence[OcrWord]) -> NDArray[np.bool_]:
    """Return which components are letters under none of the words, shape (components,).

    Args:
        ink: The page's ink.
        words: Credible words, in pixels of the recognized image.
    """
    is_covered = covered_mask(
        ink.labels.shape, [word for word in words if fits_its_box(word)], ink.word_height, ink.scale
    )
    positions = ink.centers.astype(int)
    return np.asarray(ink.is_letter & ~is_covered[positions[:, 1], positions[:, 0]], np.bool_)


def fits_its_box(word: OcrWord) -> bool:
    """Return whether the box has the shape of a word of so many letters."""
    x0, y0, x1, y1 = word.box
    width, height = sorted((x1 - x0, y1 - y0), reverse=True) if is_vertical(word) else (x1 - x0, y1 - y0)
    return LETTER_ASPECT_RANGE[0] <= width / (len(word.text) * height) <= LETTER_ASPECT_RANGE[1]


def is_vertical(word: OcrWord) -> bool:
    """Return whether a word of three or more letters is higher than wide: it is printed sideways."""
    return len(word.text) > 2 and word.box[3] - word.box[1] > 1.5 * (word.box[2] - word.box[0])


def group_letters(ink: PageInk, is_chosen: NDArray[np.bool_]) -> list[LetterGroup]:
    """Return the chosen components in groups on a line, from the top.

    Args:
        ink: The page's ink.
        is_chosen: From `unexplained_letters`.
    """
    if not is_chosen.any():
        return []
    mask = join_on_line(paint_components(ink.labels, is_chosen), ink.word_height)
    _, labels, stats, _ = connected_components(mask)
    owners = [labels[first_pixel(ink, int(number))] for number in np.nonzero(is_chosen)[0]]
    counts = np.bincount(owners, minlength=len(stats))
    groups = [
        LetterGroup(
            box=(
                int(left / ink.scale), int(top / ink.scale),
                round((left + width) / ink.scale), round((top + height) / ink.scale),
            ),
            letters=max(int(count), round(width / height)),
        )
        for (left, top, width, height, _), count in zip(stats[1:], counts[1:], strict=True)
    ]  # fmt: skip
    return sorted(groups, key=lambda group: (group.box[1], group.box[0]))


def first_pixel(ink: PageInk, number: int) -> tuple[int, int]:
    """Return a pixel (row, column) of a component: the first one of its top row."""
    x, y, width, _, _ = ink.stats[number]
    return int(y), int(x + np.argmax(ink.labels[y, x : x + width] == number))
