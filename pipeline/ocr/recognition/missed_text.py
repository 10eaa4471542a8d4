"""Print that the page-wide reading dropped: Tesseract leaves out words near rules, in boxes and in corners,
however plain.

Letter-sized ink that no word covers is gathered into strips, the strips are read, and what is surely text
joins the reading."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import OcrWord, StripReader, StripWord
from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale, paint_components
from pipeline.ocr.recognition.second_pass import crop_strip, has_line_shape
from pipeline.records import Box

DEFAULT_WORD_HEIGHT_PX = 24.0
"""Pixels: height of a word where none was read."""
ANALYSIS_WORD_HEIGHT_PX = 14.0
"""Pixels of a word's height at which dropped print is looked for: a third of the CPU of the size at which it
is read.
"""
LETTER_HEIGHT_RANGE = (0.35, 2.5)
"""Height of a letter, in heights of the page's words; less is noise, more a drawing."""
MAX_LETTER_WIDTH_WORD_HEIGHTS = 4.0
"""Widest ink that may be (touching) letters, in word heights."""
STRIP_HEIGHT_RANGE = (0.4, 2.5)
MIN_STRIP_WIDTH_WORD_HEIGHTS = 0.5
MAX_STRIP_GAP_WORD_HEIGHTS = 1.0
"""Ink nearer than this many word heights on a line is one strip."""
WORD_MARGIN_WORD_HEIGHTS = 0.25
"""Word heights beside a word whose ink is its own: a reader of strips places a first letter up to half a
letter off. The initial between two names stands further away."""
MAX_STRIPS = 60
"""Strips looked at: a page with more is a drawing or all noise."""
MIN_ADDED_CONFIDENCE = 0.75
"""How sure the engine must be of a word before it is added; FUNSD: at .6 more noise than words comes in."""


def find_missed_text(gray: GrayImage, seen: Sequence[OcrWord]) -> list[Box]:
    """Boxes of letter-sized ink under no word, top to bottom. `gray`: the picture that was read."""
    sure = [float(word.box[3] - word.box[1]) for word in seen if word.confidence > 0.6]
    usual = float(np.median(sure or [DEFAULT_WORD_HEIGHT_PX]))
    scale = min(1.0, ANALYSIS_WORD_HEIGHT_PX / usual)
    small, height = downscale(gray, scale), usual * scale
    window = max(15, (max(small.shape) // 40) | 1)
    dark = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    covered = np.zeros(small.shape, np.bool_)
    beside = max(1, round(WORD_MARGIN_WORD_HEIGHTS * height))
    for word in seen:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        covered[max(0, y0 - 1) : y1 + 1, max(0, x0 - beside) : x1 + beside] = True
    _, labels, stats, centers = connected_components(dark)
    wide, high, area = stats[:, 2], stats[:, 3], stats[:, 4]
    letter = (
        (high >= LETTER_HEIGHT_RANGE[0] * height)
        & (high <= LETTER_HEIGHT_RANGE[1] * height)
        & (wide <= MAX_LETTER_WIDTH_WORD_HEIGHTS * height)
    )
    letter &= (area >= 0.03 * height**2) & (np.minimum(wide, high) >= 0.08 * height)
    at = centers.astype(int)
    letter &= ~covered[at[:, 1], at[:, 0]]
    letter[0] = False
    if not letter.any():
        return []
    found = group_into_strips(paint_components(labels, letter), height)
    return [
        (int(x0 / scale), int(y0 / scale), round(x1 / scale), round(y1 / scale)) for x0, y0, x1, y1 in found
    ]


def group_into_strips(ink: NDArray[np.uint8], height: float) -> list[Box]:
    """Boxes around ink that stands together on a line."""
    near = cv2.getStructuringElement(
        cv2.MORPH_RECT, (int(MAX_STRIP_GAP_WORD_HEIGHTS * height) | 1, int(0.2 * height) | 1)
    )
    _, _, stats, _ = connected_components(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, near))
    found = [
        (int(x), int(y), int(x + wide), int(y + high))
        for x, y, wide, high, _ in stats[1:]
        if STRIP_HEIGHT_RANGE[0] * height <= high <= STRIP_HEIGHT_RANGE[1] * height
        and wide >= MIN_STRIP_WIDTH_WORD_HEIGHTS * height
    ]
    return sorted(found, key=lambda box: (box[1], box[0])) if len(found) <= MAX_STRIPS else []


def add_missed_text(seen: Sequence[OcrWord], gray: GrayImage, reader: StripReader) -> list[OcrWord]:
    """The words with those that had been dropped put where they belong in the reading order."""
    pictures = [(box, *crop_strip(gray, box)) for box in find_missed_text(gray, seen)]
    pictures = [(box, picture, cut) for box, picture, cut in pictures if has_line_shape(picture)]
    words = list(seen)
    for (box, _, cut), pieces in zip(
        pictures, reader.read([picture for _, picture, _ in pictures]), strict=True
    ):
        sure = [
            piece
            for piece in pieces
            if piece.confidence >= MIN_ADDED_CONFIDENCE and any(map(str.isalnum, piece.text))
        ]
        if sure:
            insert_words(words, sure, box, cut)
    return words


def insert_words(words: list[OcrWord], pieces: Sequence[StripWord], box: Box, cut: Box) -> None:
    """Put a strip's words into the line they stand on, else before the first line below them."""
    place, at = find_position(words, box)
    words[at:at] = [
        OcrWord(
            text=piece.text,
            box=piece.box(cut, box[1], box[3]),
            confidence=0.0,
            second_confidence=piece.confidence,
            block=place[0],
            paragraph=place[1],
            line=place[2],
        )
        for piece in pieces
    ]


def find_position(words: Sequence[OcrWord], box: Box) -> tuple[tuple[int, int, int], int]:
    """The line (its place) and the index in the reading order where a strip belongs."""
    same = [n for n, word in enumerate(words) if on_same_line(word.box, box)]
    if same:
        before = [n for n in same if words[n].box[0] <= box[0]]
        if before:
            nearest = max(before, key=lambda n: words[n].box[0])
            return words[nearest].line_key, nearest + 1
        nearest = min(same, key=lambda n: words[n].box[0])
        return words[nearest].line_key, nearest
    middle = (box[1] + box[3]) / 2
    fresh = (max((word.block for word in words), default=0) + 1, 1, 1)
    below = [n for n, word in enumerate(words) if word.box[1] > middle]
    return fresh, line_start(words, below[0]) if below else len(words)


def line_start(words: Sequence[OcrWord], at: int) -> int:
    """Index of the first word of that word's line."""
    while at and words[at - 1].line_key == words[at].line_key:
        at -= 1
    return at


def on_same_line(one: Box, other: Box) -> bool:
    """Whether two boxes stand on one line: they share half of the lower one's height."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared > 0.5 * min(one[3] - one[1], other[3] - other[1])
