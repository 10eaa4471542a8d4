"""The second look: doubtful parts of lines are read again by the second engine, and the better reading of
each is taken.

A line falls into segments at wide gaps (columns, cells, form fields), so that one doubtful figure does not
cost a line. Where both engines agree on a word, that is the best evidence there is, and it is kept for the
word's confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from pipeline.ocr.engines.engine import OcrWord, StripReader, StripWord
from pipeline.ocr.image.pixels import GrayImage
from pipeline.records import Box

MAX_UNCERTAIN_CONFIDENCE = 0.95
"""A word below this confidence may be wrong; above, the engine's doubt says nothing."""
MIN_EXPECTED_ERRORS_PER_1000_PX = 0.6
"""Expected wrong words for each 1,000 pixels of strip (at STRIP_HEIGHT_PX) from which a segment is read again: a long
line with one word in slight doubt costs most and gains least. Measured in
docs/decisions/0006-reading-engines.md."""
STRIP_HEIGHT_PX = 48
"""Pixels of a strip's height, at which its width is its cost."""
SEGMENT_GAP_LINE_HEIGHTS = 1.2
"""A gap wider than this many line heights parts a line into segments."""
STRIP_MARGIN_SHARE = 0.12
"""Share of the height added around a strip: the engine was trained on boxes a little larger than the
print.
"""


def split_into_segments(seen: Sequence[OcrWord]) -> list[list[OcrWord]]:
    """The words in reading order, parted at line ends and wide gaps."""
    found: list[list[OcrWord]] = []
    for _, line in groupby(seen, key=lambda word: word.line_key):
        for number, word in enumerate(line):
            wide = number and word.box[0] - found[-1][-1].box[2] > SEGMENT_GAP_LINE_HEIGHTS * max(
                8, median_word_height(found[-1])
            )
            if number == 0 or wide:
                found.append([])
            found[-1].append(word)
    return found


def median_word_height(words: Sequence[OcrWord]) -> float:
    """Middle height of words, in pixels."""
    return float(np.median([word.box[3] - word.box[1] for word in words]))


def bounding_box(words: Sequence[OcrWord]) -> Box:
    """The box around words."""
    x0, y0, x1, y1 = zip(*(word.box for word in words), strict=True)
    return (min(x0), min(y0), max(x1), max(y1))


def crop_strip(gray: GrayImage, box: Box) -> tuple[GrayImage, Box]:
    """The picture of a box with a margin, and the box of what was cut out."""
    x0, y0, x1, y1 = box
    margin = int(STRIP_MARGIN_SHARE * (y1 - y0)) + 2
    top, left = max(0, y0 - margin), max(0, x0 - margin)
    part = gray[top : y1 + margin, left : x1 + margin]
    return part, (left, top, left + part.shape[1], top + part.shape[0])


def has_line_shape(picture: GrayImage) -> bool:
    """Whether a strip has the shape of a line; a tall narrow one is a rule or a bracket."""
    height, width = picture.shape
    return bool(height >= 6 and width >= 4 and height <= 4 * width)


def expected_errors_per_1000_px(words: Sequence[OcrWord], box: Box) -> float:
    """Expected wrong words of a segment for each 1,000 pixels of its strip; signs alone do not count."""
    doubt = sum(
        1 - word.confidence
        for word in words
        if word.confidence < MAX_UNCERTAIN_CONFIDENCE and any(map(str.isalnum, word.text))
    )
    return 1000 * doubt * (box[3] - box[1]) / (STRIP_HEIGHT_PX * (box[2] - box[0]))


def reread_uncertain_segments(
    seen: Sequence[OcrWord],
    gray: GrayImage,
    reader: StripReader,
    least: float = MIN_EXPECTED_ERRORS_PER_1000_PX,
) -> list[OcrWord]:
    """The words with doubtful segments read again. `gray`: the picture that the boxes refer to; `least`:
    worth; below 0: all.
    """
    parts = split_into_segments(seen)
    doubtful = []
    for number, part in enumerate(parts):
        picture, box = crop_strip(gray, bounding_box(part))
        if has_line_shape(picture) and expected_errors_per_1000_px(part, box) > least:
            doubtful.append((number, picture, box))
    readings = reader.read([picture for _, picture, _ in doubtful])
    merged = dict(enumerate(parts))
    for (number, _, box), pieces in zip(doubtful, readings, strict=True):
        merged[number] = merge_readings(parts[number], pieces, box)
    return [word for number in range(len(parts)) for word in merged[number]]


def merge_readings(words: Sequence[OcrWord], pieces: Sequence[StripWord], box: Box) -> list[OcrWord]:
    """The better of two readings of a segment; word by word where they have the same number of words."""
    if not pieces:
        return [replace(word, second_confidence=0.0) for word in words]
    if len(words) == len(pieces):
        return [merge_word(word, piece) for word, piece in zip(words, pieces, strict=True)]
    if mean_confidence(pieces) <= mean_confidence(words):
        return [replace(word, second_confidence=0.0) for word in words]
    top, bottom = bounding_box(words)[1], bounding_box(words)[3]
    return [
        replace(
            words[0],
            text=piece.text,
            box=piece.box(box, top, bottom),
            confidence=0.0,
            second_confidence=piece.confidence,
        )
        for piece in pieces
    ]


def merge_word(word: OcrWord, piece: StripWord) -> OcrWord:
    """One word of two readings, at the first one's place."""
    if word.text == piece.text:
        return replace(word, second_confidence=piece.confidence)
    if piece.confidence > word.confidence:
        return replace(word, text=piece.text, confidence=0.0, second_confidence=piece.confidence)
    return replace(word, second_confidence=0.0)


def mean_confidence(words: Sequence[OcrWord] | Sequence[StripWord]) -> float:
    """Mean confidence by characters."""
    length = sum(len(word.text) for word in words)
    return sum(len(word.text) * word.confidence for word in words) / length if length else 0.0
