"""The second pass: recognize uncertain parts of lines again with the second engine and keep the better result
of each.

Lines are split into segments at wide gaps (columns, cells, form fields), so that one uncertain number does
not cost a whole line. Agreement of both engines on a word is the best evidence there is; it is kept for the
word's confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from pipeline.boxes import contains_center
from pipeline.ocr.engines.engine import OcrWord, StripReader, StripWord
from pipeline.ocr.image.pixels import GrayImage
from pipeline.records import Box

MAX_UNCERTAIN_CONFIDENCE = 0.95
"""A word below this confidence may be wrong; above, the engine's uncertainty says nothing."""
MIN_EXPECTED_ERRORS_PER_1000_PX = 0.6
"""Expected wrong words per 1,000 pixels of strip (at STRIP_HEIGHT_PX) at which a segment is recognized again:
a long line with one slightly uncertain word costs most and gains least. Measured in
docs/decisions/0006-reading-engines.md.
"""
STRIP_HEIGHT_PX = 48
"""Height of a strip at which its width is its cost."""
SEGMENT_GAP_LINE_HEIGHTS = 1.2
"""A wider gap splits a line into segments."""
STRIP_MARGIN_SHARE = 0.12
"""Share of the height added around a strip: the engine was trained on boxes slightly larger than the print.
"""


def split_into_segments(words: Sequence[OcrWord]) -> list[list[OcrWord]]:
    """Split words in reading order at line ends and wide gaps."""
    result: list[list[OcrWord]] = []
    for _, line in groupby(words, key=lambda word: word.line_key):
        for number, word in enumerate(line):
            has_wide_gap = number and word.box[0] - result[-1][-1].box[2] > SEGMENT_GAP_LINE_HEIGHTS * max(
                8, median_word_height(result[-1])
            )
            if number == 0 or has_wide_gap:
                result.append([])
            result[-1].append(word)
    return result


def median_word_height(words: Sequence[OcrWord]) -> float:
    """Return the median height of words in pixels."""
    return float(np.median([word.box[3] - word.box[1] for word in words]))


def bounding_box(words: Sequence[OcrWord]) -> Box:
    """Return the box around words."""
    x0, y0, x1, y1 = zip(*(word.box for word in words), strict=True)
    return (min(x0), min(y0), max(x1), max(y1))


def crop_strip(gray: GrayImage, box: Box) -> tuple[GrayImage, Box]:
    """Return the part of an image in a box with a margin, and the box that was cut out."""
    x0, y0, x1, y1 = box
    margin = int(STRIP_MARGIN_SHARE * (y1 - y0)) + 2
    top, left = max(0, y0 - margin), max(0, x0 - margin)
    crop = gray[top : y1 + margin, left : x1 + margin]
    return crop, (left, top, left + crop.shape[1], top + crop.shape[0])


def has_line_shape(image: GrayImage) -> bool:
    """Return whether a strip has the shape of a line. A tall narrow one is a rule or a bracket."""
    height, width = image.shape
    return bool(height >= 6 and width >= 4 and height <= 4 * width)


def expected_errors_per_1000_px(words: Sequence[OcrWord], box: Box) -> float:
    """Return the expected wrong words of a segment per 1,000 pixels of its strip. Words without letters or
    digits do not count.
    """
    errors = sum(
        1 - word.confidence
        for word in words
        if word.confidence < MAX_UNCERTAIN_CONFIDENCE and any(map(str.isalnum, word.text))
    )
    return 1000 * errors * (box[3] - box[1]) / (STRIP_HEIGHT_PX * (box[2] - box[0]))


def reread_uncertain_segments(
    words: Sequence[OcrWord],
    gray: GrayImage,
    reader: StripReader,
    min_errors: float = MIN_EXPECTED_ERRORS_PER_1000_PX,
    other_lines: Sequence[Box] = (),
) -> list[OcrWord]:
    """Recognize uncertain segments again and merge the results.

    Args:
        words: The first engine's words.
        gray: The image that the boxes refer to.
        reader: The second engine.
        min_errors: Expected errors per 1,000 pixels above which a segment is recognized again; below 0: all
            segments.
        other_lines: Boxes of lines that are recognized again as wholes; segments on them are left out.
    """
    segments = split_into_segments(words)
    uncertain = []
    for number, segment in enumerate(segments):
        if other_lines and is_on_lines(segment, other_lines):
            continue
        image, box = crop_strip(gray, bounding_box(segment))
        if has_line_shape(image) and expected_errors_per_1000_px(segment, box) > min_errors:
            uncertain.append((number, image, box))
    readings = reader.read([image for _, image, _ in uncertain])
    merged = dict(enumerate(segments))
    for (number, _, box), strip_words in zip(uncertain, readings, strict=True):
        merged[number] = merge_readings(segments[number], strip_words, box)
    return [word for number in range(len(segments)) for word in merged[number]]


def is_on_lines(segment: Sequence[OcrWord], lines: Sequence[Box]) -> bool:
    """Return whether every word of a segment is on one of the lines."""
    return all(any(contains_center(line, word.box) for line in lines) for word in segment)


def merge_readings(words: Sequence[OcrWord], strip_words: Sequence[StripWord], box: Box) -> list[OcrWord]:
    """Return the better of two readings of a segment; word by word if they have the same number of words.

    Args:
        words: The first engine's words.
        strip_words: The second engine's words.
        box: The strip's box on the image.
    """
    if not strip_words:
        return [replace(word, second_confidence=0.0) for word in words]
    if len(words) == len(strip_words):
        return [merge_word(word, strip_word) for word, strip_word in zip(words, strip_words, strict=True)]
    if mean_confidence(strip_words) <= mean_confidence(words):
        return [replace(word, second_confidence=0.0) for word in words]
    top, bottom = bounding_box(words)[1], bounding_box(words)[3]
    return [
        replace(
            words[0],
            text=strip_word.text,
            box=strip_word.box_on_page(box, top, bottom),
            confidence=0.0,
            second_confidence=strip_word.confidence,
        )
        for strip_word in strip_words
    ]


def merge_word(word: OcrWord, strip_word: StripWord) -> OcrWord:
    """Return the better of two readings of one word, at the first one's position."""
    if word.text == strip_word.text:
        return replace(word, second_confidence=strip_word.confidence)
    if strip_word.confidence > word.confidence:
        return replace(word, text=strip_word.text, confidence=0.0, second_confidence=strip_word.confidence)
    return replace(word, second_confidence=0.0)


def mean_confidence(words: Sequence[OcrWord] | Sequence[StripWord]) -> float:
    """Return the mean confidence, weighted by the words' lengths."""
    length = sum(len(word.text) for word in words)
    return sum(len(word.text) * word.confidence for word in words) / length if length else 0.0
