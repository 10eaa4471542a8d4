"""Find print that the full-page pass missed: Tesseract omits words near rules, in boxes and in corners,
however clear they are.

Letter-sized ink under no word is grouped into strips, the strips are recognized, and confident words are
added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import OcrWord, StripReader, StripWord
from pipeline.ocr.image.pixels import GrayImage, connected_components, paint_components
from pipeline.ocr.recognition.ink_account import (
    LETTER_HEIGHT_RANGE,
    covered_mask,
    has_letter_ink,
    ink_mask,
    join_on_line,
)
from pipeline.ocr.recognition.second_pass import crop_strip, has_line_shape
from pipeline.records import Box

MAX_LETTER_WIDTH_WORD_HEIGHTS = 4.0
"""Widest ink that may be (touching) letters."""
STRIP_HEIGHT_RANGE = (0.4, 2.5)
MIN_STRIP_WIDTH_WORD_HEIGHTS = 0.5
MAX_STRIPS = 60
"""A page with more is a drawing or only noise."""
MIN_ADDED_CONFIDENCE = 0.75
"""Confidence of a word that is added. On FUNSD, 0.6 adds more noise than words."""


def find_missed_text(gray: GrayImage, words: Sequence[OcrWord]) -> list[Box]:
    """Return the boxes of letter-sized ink under no word, top to bottom.

    Args:
        gray: The image that was recognized, shape (height, width).
        words: Its words.
    """
    ink, height, scale = ink_mask(gray, words)
    is_covered = covered_mask(ink.shape, words, height, scale)
    _, labels, stats, centers = connected_components(ink)
    widths, heights = stats[:, 2], stats[:, 3]
    is_letter = (
        (heights >= LETTER_HEIGHT_RANGE[0] * height)
        & (heights <= LETTER_HEIGHT_RANGE[1] * height)
        & (widths <= MAX_LETTER_WIDTH_WORD_HEIGHTS * height)
        & has_letter_ink(stats, height)
    )
    positions = centers.astype(int)
    is_letter &= ~is_covered[positions[:, 1], positions[:, 0]]
    if not is_letter.any():
        return []
    boxes = group_into_strips(paint_components(labels, is_letter), height)
    return [
        (int(x0 / scale), int(y0 / scale), round(x1 / scale), round(y1 / scale)) for x0, y0, x1, y1 in boxes
    ]


def group_into_strips(ink: NDArray[np.uint8], height: float) -> list[Box]:
    """Return boxes around ink that is close together on a line.

    Args:
        ink: Mask of the ink, 255 where set.
        height: Height of the page's words in pixels of the mask.
    """
    _, _, stats, _ = connected_components(join_on_line(ink, height))
    boxes = [
        (int(x), int(y), int(x + width), int(y + strip_height))
        for x, y, width, strip_height, _ in stats[1:]
        if STRIP_HEIGHT_RANGE[0] * height <= strip_height <= STRIP_HEIGHT_RANGE[1] * height
        and width >= MIN_STRIP_WIDTH_WORD_HEIGHTS * height
    ]
    return sorted(boxes, key=lambda box: (box[1], box[0])) if len(boxes) <= MAX_STRIPS else []


def add_missed_text(words: Sequence[OcrWord], gray: GrayImage, reader: StripReader) -> list[OcrWord]:
    """Return the words together with missed ones at their place in the reading order.

    Args:
        words: The recognized words.
        gray: The image that was recognized, shape (height, width).
        reader: Recognizes the strips.
    """
    strips = [(box, *crop_strip(gray, box)) for box in find_missed_text(gray, words)]
    strips = [(box, image, strip_box) for box, image, strip_box in strips if has_line_shape(image)]
    result = list(words)
    for (box, _, strip_box), strip_words in zip(
        strips, reader.read([image for _, image, _ in strips]), strict=True
    ):
        confident = [
            strip_word
            for strip_word in strip_words
            if strip_word.confidence >= MIN_ADDED_CONFIDENCE and any(map(str.isalnum, strip_word.text))
        ]
        if confident:
            insert_words(result, confident, box, strip_box)
    return result


def insert_words(words: list[OcrWord], strip_words: Sequence[StripWord], box: Box, strip_box: Box) -> None:
    """Insert a strip's words into their line, or else before the first line below them.

    Args:
        words: The page's words; changed in place.
        strip_words: The words to insert.
        box: Box of the missed ink.
        strip_box: Box of the strip that was recognized.
    """
    line_key, index = find_position(words, box)
    words[index:index] = [
        OcrWord(
            text=strip_word.text,
            box=strip_word.box_on_page(strip_box, box[1], box[3]),
            confidence=0.0,
            second_confidence=strip_word.confidence,
            block=line_key[0],
            paragraph=line_key[1],
            line=line_key[2],
        )
        for strip_word in strip_words
    ]


def find_position(words: Sequence[OcrWord], box: Box) -> tuple[tuple[int, int, int], int]:
    """Return the line key of a strip and its index in the reading order."""
    same_line = [n for n, word in enumerate(words) if on_same_line(word.box, box)]
    if same_line:
        before = [n for n in same_line if words[n].box[0] <= box[0]]
        if before:
            nearest = max(before, key=lambda n: words[n].box[0])
            return words[nearest].line_key, nearest + 1
        nearest = min(same_line, key=lambda n: words[n].box[0])
        return words[nearest].line_key, nearest
    center_y = (box[1] + box[3]) / 2
    new_line = (max((word.block for word in words), default=0) + 1, 1, 1)
    below = [n for n, word in enumerate(words) if word.box[1] > center_y]
    return new_line, line_start(words, below[0]) if below else len(words)


def line_start(words: Sequence[OcrWord], index: int) -> int:
    """Return the index of the first word on the line of the word at `index`."""
    while index and words[index - 1].line_key == words[index].line_key:
        index -= 1
    return index


def on_same_line(one: Box, other: Box) -> bool:
    """Return whether two boxes are on one line: they share half of the lower one's height."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared > 0.5 * min(one[3] - one[1], other[3] - other[1])
