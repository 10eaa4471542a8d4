"""Classify a page's content (print, form, handwriting, drawing, photograph) from its recognition result, and
count what was not recognized.

Print is what the engine is confident of. Of the rest, a photograph has tones, a drawing has hardly any
letters, and handwriting has letters of its own size without confident words. Measured by `python -m
bench.page_content`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image import deskew
from pipeline.ocr.image.pixels import (
    DEFAULT_LETTER_SIZE_PX,
    GrayImage,
    connected_components,
    downscale,
    is_along_edge,
)

ContentKind = Literal["text", "form", "handwriting", "drawing", "photograph", "blank"]

MAX_SIDE_PX = 1000
"""Longest side at which ink is examined."""
EDGE_MARGIN_SHARES = (0.09, 0.05)
"""Shares of the page's width and height in which ink belongs to the scanner or to a fax header."""
LETTER_SIDE_RANGE = (0.45, 4.0)
"""Longer side of what may be a letter or a word in one stroke, in typical letter sizes."""
MIN_PRINT_CONFIDENCE = 0.8
"""Confidence of a word at which its ink is certainly print."""
MIN_PRINTED_INK_SHARE = 0.45
"""Share of the letters' ink under confident words at which a page is print. Forms of 90 dpi have 0.48 or
more.
"""
MIN_PRINT_LETTERS = 60
"""With fewer letters a page may be a drawing; its captions have fewer."""
MIN_DRAWING_STROKE_RATIO = 3.0
"""Ink in strokes longer than letters per pixel of letters at which a page of few letters is a drawing with
captions.
"""
MIN_PHOTO_TONE_SHARE, MAX_TONE_GRAY = 0.08, 205
"""Share of the page darker than a gray value, on the overview without single strokes, at which it is a
photograph.
"""
OVERVIEW_SIDE_PX = 160
"""Longest side of the overview: strokes are thin and pale there, tones are not."""
MIN_HANDWRITING_LETTER_SIZE_PX = 18.0
"""Typical letter size at which uncertain strokes are handwriting. Fragments of worn print are smaller."""
MIN_FORM_CELLS = 8
"""Cells between rules at which print is a form or a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterInk:
    """Letters counted on a page.

    Attributes:
        letter_count: All letters.
        unread_count: Letters under no word.
        confident_share: Share of the letters' ink that is under confident words.
        stroke_ratio: Ink in longer strokes per pixel of the letters' ink.
    """

    letter_count: int
    unread_count: int
    confident_share: float
    stroke_ratio: float


def measure_letter_ink(image: GrayImage, letter_size: float, words: Sequence[OcrWord]) -> LetterInk:
    """Measure how much of the letter-sized ink was recognized.

    Args:
        image: The recognized image, shape (height, width).
        letter_size: Typical letter size in pixels, 0 if unknown.
        words: The recognized words.
    """
    is_ink, scale = deskew.ink_mask(image, MAX_SIDE_PX)
    typical_size = (letter_size or DEFAULT_LETTER_SIZE_PX) * scale
    _, _, stats, centers = connected_components(is_ink.astype(np.uint8))
    is_at_edge = is_along_edge(stats[1:], is_ink.shape, EDGE_MARGIN_SHARES)
    _, _, width, height, area = stats[1:].T
    longer_side = np.maximum(width, height)
    is_letter = (
        ~is_at_edge
        & (longer_side >= LETTER_SIDE_RANGE[0] * typical_size)
        & (longer_side <= LETTER_SIDE_RANGE[1] * typical_size)
    )
    positions = centers[1:][is_letter].astype(int)
    is_covered, is_confident = (
        word_mask([w for w in words if w.confidence >= min_confidence], scale, is_ink.shape)
        for min_confidence in (0.0, MIN_PRINT_CONFIDENCE)
    )
    letter_areas = area[is_letter]
    return LetterInk(
        letter_count=int(is_letter.sum()),
        unread_count=int((~is_covered[positions[:, 1], positions[:, 0]]).sum()),
        stroke_ratio=float(
            area[~is_at_edge & (longer_side > LETTER_SIDE_RANGE[1] * typical_size)].sum()
            / max(1, letter_areas.sum())
        ),
        confident_share=float(
            letter_areas[is_confident[positions[:, 1], positions[:, 0]]].sum() / max(1, letter_areas.sum())
        ),
    )


def word_mask(
    words: Sequence[OcrWord], scale: float, shape: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return a mask of the words' boxes on an image of `shape` (height, width) that is smaller by `scale`."""
    is_covered = np.zeros(shape, np.bool_)
    for word in words:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        is_covered[y0 : y1 + 1, x0 : x1 + 1] = True
    return is_covered


def classify_content(image: GrayImage, letter_size: float, ink: LetterInk, cells: int) -> ContentKind:
    """Return the kind of a page that is not blank.

    Args:
        image: The recognized image, shape (height, width).
        letter_size: Typical letter size in pixels, 0 if unknown.
        ink: From `measure_letter_ink`.
        cells: Number of cells between the page's rules.
    """
    if (
        ink.confident_share >= MIN_PRINTED_INK_SHARE
        and ink.letter_count - ink.unread_count >= MIN_PRINT_LETTERS
    ):
        return "form" if cells >= MIN_FORM_CELLS else "text"
    overview = downscale(image, min(1.0, OVERVIEW_SIDE_PX / max(image.shape)))
    if (cv2.dilate(overview, np.ones((3, 3), np.uint8)) < MAX_TONE_GRAY).mean() >= MIN_PHOTO_TONE_SHARE:
        return "photograph"
    if ink.letter_count < MIN_PRINT_LETTERS:
        return "drawing" if ink.stroke_ratio >= MIN_DRAWING_STROKE_RATIO else "text"
    return "handwriting" if letter_size >= MIN_HANDWRITING_LETTER_SIZE_PX else "text"


def page_confidence(words: Sequence[OcrWord], unread: int) -> float:
    """Return the share of the page's characters, including `unread` letters, that were probably recognized
    correctly; 0 if nothing was.
    """
    recognized = sum(len(word.text) for word in words)
    return (
        round(sum(len(word.text) * word.confidence for word in words) / (recognized + unread), 4)
        if recognized
        else 0.0
    )
