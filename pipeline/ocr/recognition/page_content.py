"""What a page bears, told from what reading it gave: print, a form, handwriting, a drawing, a photograph; and
what is unread.

Print is what the engine is sure of. Of the rest, a photograph has tones, a drawing has hardly any letters,
and handwriting has letters of its own size that no word is sure of. Measured by `python -m bench.kinds`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image import deskew
from pipeline.ocr.image.pixels import DEFAULT_LETTER_SIZE_PX, GrayImage, connected_components, downscale

ContentKind = Literal["text", "form", "handwriting", "drawing", "photograph", "blank"]

MAX_SIDE_PX = 1000
"""Longest side in pixels at which ink is looked at."""
EDGE_MARGIN_SHARES = (0.09, 0.05)
"""Shares of the page's width and height in which ink is the scanner's or a fax's own."""
LETTER_SIDE_RANGE = (0.45, 4.0)
"""Longer side of what may be a letter or a word in one stroke, in usual letters."""
MIN_PRINT_CONFIDENCE = 0.8
"""Probability of a word from which its ink is surely print."""
MIN_PRINTED_INK_SHARE = 0.45
"""Share of the letters' ink under sure words from which a page is print: forms of 90 dpi have .48 and
more.
"""
MIN_PRINT_LETTERS = 60
"""Letters below which a page may be a drawing; its captions are fewer."""
MIN_DRAWING_STROKE_RATIO = 3.0
"""Ink in strokes longer than letters, for each pixel of letters, from which a page of few letters is a
drawing with captions.
"""
MIN_PHOTO_TONE_SHARE, MAX_TONE_GRAY = 0.08, 205
"""Share of the page darker than a gray value, seen from afar and without single strokes, from which it is a
photograph.
"""
OVERVIEW_SIDE_PX = 160
"""Pixels of the longest side from which the page is seen from afar: strokes are thin and pale there, tones
are not.
"""
MIN_HANDWRITING_LETTER_SIZE_PX = 18.0
"""Pixels of the usual letter from which doubtful strokes are handwriting: fragments of worn print are
smaller.
"""
MIN_FORM_CELLS = 8
"""Cells between rules from which print is a form or a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterInk:
    """Letters counted on a page: all, and those `unread`, under no word. `sure`: share of their ink under
    sure words; `strokes`: ink in longer strokes for each pixel of theirs."""

    letter_count: int
    unread_count: int
    confident_share: float
    stroke_ratio: float


def measure_letter_ink(picture: GrayImage, size: float, seen: Sequence[OcrWord]) -> LetterInk:
    """What of the letter-sized ink was read. `size`: the usual letter; boxes are in pixels of `picture`."""
    dark, scale = deskew.ink_mask(picture, MAX_SIDE_PX)
    usual = (size or DEFAULT_LETTER_SIZE_PX) * scale
    _, _, stats, centers = connected_components(dark.astype(np.uint8))
    x, y, wide, high, area = stats[1:].T
    edge_x, edge_y = EDGE_MARGIN_SHARES[0] * dark.shape[1], EDGE_MARGIN_SHARES[1] * dark.shape[0]
    along = (
        (x + wide <= edge_x)
        | (x >= dark.shape[1] - edge_x)
        | (y + high <= edge_y)
        | (y >= dark.shape[0] - edge_y)
    )
    side = np.maximum(wide, high)
    letter = ~along & (side >= LETTER_SIDE_RANGE[0] * usual) & (side <= LETTER_SIDE_RANGE[1] * usual)
    at = centers[1:][letter].astype(int)
    covered, sure = (
        word_mask([w for w in seen if w.confidence >= least], scale, dark.shape)
        for least in (0.0, MIN_PRINT_CONFIDENCE)
    )
    ink = area[letter]
    return LetterInk(
        letter_count=int(letter.sum()),
        unread_count=int((~covered[at[:, 1], at[:, 0]]).sum()),
        stroke_ratio=float(area[~along & (side > LETTER_SIDE_RANGE[1] * usual)].sum() / max(1, ink.sum())),
        confident_share=float(ink[sure[at[:, 1], at[:, 0]]].sum() / max(1, ink.sum())),
    )


def word_mask(
    seen: Sequence[OcrWord], scale: float, shape: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where words stand on a picture smaller by `scale`."""
    covered = np.zeros(shape, np.bool_)
    for word in seen:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        covered[y0 : y1 + 1, x0 : x1 + 1] = True
    return covered


def classify_content(picture: GrayImage, size: float, ink: LetterInk, cells: int) -> ContentKind:
    """What a page that is not blank bears. `cells`: areas between its rules."""
    if (
        ink.confident_share >= MIN_PRINTED_INK_SHARE
        and ink.letter_count - ink.unread_count >= MIN_PRINT_LETTERS
    ):
        return "form" if cells >= MIN_FORM_CELLS else "text"
    afar = downscale(picture, min(1.0, OVERVIEW_SIDE_PX / max(picture.shape)))
    if (cv2.dilate(afar, np.ones((3, 3), np.uint8)) < MAX_TONE_GRAY).mean() >= MIN_PHOTO_TONE_SHARE:
        return "photograph"
    if ink.letter_count < MIN_PRINT_LETTERS:
        return "drawing" if ink.stroke_ratio >= MIN_DRAWING_STROKE_RATIO else "text"
    return "handwriting" if size >= MIN_HANDWRITING_LETTER_SIZE_PX else "text"


def page_confidence(seen: Sequence[OcrWord], unread: int) -> float:
    """Share of the page's characters, `unread` letters among them, that were probably read right; 0 where
    nothing was read.
    """
    read = sum(len(word.text) for word in seen)
    return round(sum(len(word.text) * word.confidence for word in seen) / (read + unread), 4) if read else 0.0
