"""Find the lines that the first engine's layout analysis dropped, and read them with the second engine.

Where ink is unexplained, a network detects lines of text (`text_detector`). Lines whose letters no credible
word explains are recognized as wholes, and the better reading of each part of a line is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.boxes import shared_area_share
from pipeline.ocr.engines.engine import OcrWord, StripReader, StripWord
from pipeline.ocr.engines.text_detector import TextDetector
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.recognition.ink_account import PageInk, group_letters, is_vertical, unexplained_letters
from pipeline.ocr.recognition.missed_text import find_position
from pipeline.ocr.recognition.word_confidence import word_probability
from pipeline.records import Box

MIN_CREDIBLE_PROBABILITY = 0.7
"""Probability of a word that explains the ink in its box."""
MIN_GROUP_LETTERS = 2
"""Unexplained letters next to each other for which lines are searched."""
SEARCH_WORD_HEIGHT_PX = 12.0
"""Word height on the image in which lines are searched."""
SEARCH_MARGIN_WORD_HEIGHTS = 3.0
"""Rows above and below unexplained letters that are searched, in word heights: the network needs context."""
MIN_UNEXPLAINED_SHARE = 0.4
"""Share of a line's width without a credible word at which the line is read as a whole. From 0.15 to 0.4,
word F1 of forms changes by 0.002, and CPU time by a fifth.
"""
LINE_END_LINE_HEIGHTS = 0.4
"""Part of a detected line at either end that is its margin, in heights of the line."""
LINE_CORE_SHARE = 0.6
"""Share of the height of a line's box, in its middle, in which its letters are: boxes of lines that are close
to each other overlap.
"""
MIN_DOUBLE_SHARE = 0.5
"""Share of the smaller of two words' boxes that overlap at which they are two readings of the same word."""
MIN_JOINED_WORD_HEIGHTS, MIN_ROW_WORD_HEIGHTS = 1.8, 0.4
"""Height of a box that may hold two lines, and of the letters in each, in word heights."""
MAX_GAP_INK_SHARE = 0.06
"""Share of the ink of a box's densest row up to which a row is between two lines: descenders cross it."""
ROW_MARGIN_WORD_HEIGHTS = 0.2
"""Margin above and below the letters of a line, in word heights."""
MIN_VERTICAL_ASPECT_RATIO = 2.0
"""Height of a line in widths at which it is printed sideways."""
MIN_VERTICAL_CONFIDENCE, MIN_VERTICAL_LETTERS = 0.8, 3
"""Confidence and length of sideways text that is kept: drawings are read as less."""
MIN_OVERLAP_SHARE = 0.3
"""Share of the narrower of two words that overlap at which they are readings of the same ink."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReading:
    """A line as the second engine reads it.

    Attributes:
        box: Its box on the image.
        words: From left to right, in pixels of the image.
    """

    box: Box
    words: tuple[OcrWord, ...]


def find_lines(gray: GrayImage, ink: PageInk, words: Sequence[OcrWord], detector: TextDetector) -> list[Box]:
    """Return the lines of text at and around unexplained letters, from the top.

    Args:
        gray: The recognized image, shape (height, width).
        ink: Its ink.
        words: The words so far.
        detector: Detects lines.
    """
    groups = group_letters(ink, unexplained_letters(ink, credible_words(words)))
    rows = [group.box for group in groups if group.letters >= MIN_GROUP_LETTERS]
    word_height = ink.word_height / ink.scale
    return [
        line
        for top, bottom in search_bands(rows, SEARCH_MARGIN_WORD_HEIGHTS * word_height, gray.shape[0])
        for box in detect_lines(gray, top, bottom, SEARCH_WORD_HEIGHT_PX / word_height, detector)
        for line in split_rows(box, ink)
    ]


def split_rows(box: Box, ink: PageInk) -> list[Box]:
    """Return the lines in a box that the network has joined: they are separated by rows with hardly any ink.

    Args:
        box: A detected line, in pixels of the recognized image.
        ink: The page's ink.
    """
    left, top, right, bottom = (round(side * ink.scale) for side in box)
    if is_sideways(box) or bottom - top < MIN_JOINED_WORD_HEIGHTS * ink.word_height:
        return [box]
    inked = (ink.labels[top:bottom, left:right] > 0).sum(axis=1)
    is_row = np.concatenate(([0], inked > MAX_GAP_INK_SHARE * inked.max(), [0])).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(is_row) == 1), np.flatnonzero(np.diff(is_row) == -1)
    is_line = ends - starts >= MIN_ROW_WORD_HEIGHTS * ink.word_height
    if is_line.sum() < 2:
        return [box]
    margin = ROW_MARGIN_WORD_HEIGHTS * ink.word_height
    return [
        (
            box[0], max(box[1], int((top + start - margin) / ink.scale)),
            box[2], min(box[3], round((top + end + margin) / ink.scale)),
        )
        for start, end in zip(starts[is_line], ends[is_line], strict=True)
    ]  # fmt: skip


def credible_words(words: Sequence[OcrWord]) -> list[OcrWord]:
    """Return the words that explain the ink in their boxes. The first engine does not read sideways print:
    its words of that shape are garbage.
    """
    return [
        word
        for word in words
        if word_probability(word) >= MIN_CREDIBLE_PROBABILITY
        and (word.confidence == 0 or not is_vertical(word))
    ]


def doubtful_lines(lines: Sequence[Box], words: Sequence[OcrWord]) -> list[Box]:
    """Return the lines of which a part is under no credible word."""
    credible = credible_words(words)
    return [box for box in lines if unexplained_share(box, credible) >= MIN_UNEXPLAINED_SHARE]


def search_bands(boxes: Sequence[Box], margin: float, height: int) -> list[tuple[int, int]]:
    """Return the bands of rows (top, bottom) around boxes; bands that touch are one.

    Args:
        boxes: Boxes of unexplained letters.
        margin: Rows added above and below, in pixels.
        height: Height of the image.
    """
    bands: list[tuple[int, int]] = []
    for top, bottom in sorted(
        (max(0, int(y0 - margin)), min(height, int(y1 + margin))) for _, y0, _, y1 in boxes
    ):
        if bands and top <= bands[-1][1]:
            bands[-1] = (bands[-1][0], max(bands[-1][1], bottom))
        else:
            bands.append((top, bottom))
    return bands


def detect_lines(gray: GrayImage, top: int, bottom: int, scale: float, detector: TextDetector) -> list[Box]:
    """Return the lines between two rows of an image, searched at a scale of at most 1."""
    scale = min(1.0, scale)
    band = gray[top:bottom]
    size = max(1, round(band.shape[1] * scale)), max(1, round(band.shape[0] * scale))
    small = np.asarray(cv2.resize(band, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else band
    return [
        (
            int(line.box[0] / scale), top + int(line.box[1] / scale),
            min(gray.shape[1], round(line.box[2] / scale)), min(bottom, top + round(line.box[3] / scale)),
        )
        for line in detector.detect(small)
    ]  # fmt: skip


def unexplained_share(line: Box, words: Sequence[OcrWord]) -> float:
    """Return the share of a line's length that is under none of the words."""
    start, end = line_extent(line)
    return sum(high - low for low, high in uncovered_spans(line, words)) / max(1.0, end - start)


def uncovered_spans(line: Box, words: Sequence[OcrWord]) -> list[tuple[float, float]]:
    """Return the parts of a line that are under none of the words, along the line in pixels of the image."""
    along = 1 if is_sideways(line) else 0
    position, end = line_extent(line)
    spans: list[tuple[float, float]] = []
    for word in sorted((word for word in words if is_on_line(word, line)), key=lambda word: word.box[along]):
        if word.box[along] > position:
            spans.append((position, min(end, word.box[along])))
        position = max(position, word.box[along + 2])
    if position < end:
        spans.append((position, end))
    return [(low, high) for low, high in spans if high > low]


def line_extent(line: Box) -> tuple[float, float]:
    """Return where a line's letters begin and end, along the line, without the margins of its box."""
    along = 1 if is_sideways(line) else 0
    margin = LINE_END_LINE_HEIGHTS * min(line[2] - line[0], line[3] - line[1])
    start, end = line[along] + margin, line[along + 2] - margin
    return (start, end) if start < end else (float(line[along]), float(line[along + 2]))


def is_on_line(word: OcrWord, line: Box) -> bool:
    """Return whether a word is on a line: its center is between the line's ends, and half of its height, or
    of the line's core, is shared.
    """
    if word.box[3] <= line[1] or word.box[1] >= line[3]:
        return False
    x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
    if is_sideways(line):
        return line[0] <= x <= line[2] and line[1] <= y <= line[3]
    margin = (1 - LINE_CORE_SHARE) / 2 * (line[3] - line[1])
    top, bottom = line[1] + margin, line[3] - margin
    shared = min(word.box[3], bottom) - max(word.box[1], top)
    return line[0] <= x <= line[2] and shared > 0.5 * min(word.box[3] - word.box[1], bottom - top)


def is_sideways(line: Box) -> bool:
    """Return whether a line is printed sideways."""
    return line[3] - line[1] >= MIN_VERTICAL_ASPECT_RATIO * (line[2] - line[0])


def read_lines(gray: GrayImage, lines: Sequence[Box], reader: StripReader) -> list[LineReading]:
    """Return the readings of lines; those without words are left out.

    Args:
        gray: The recognized image, shape (height, width).
        lines: Boxes on it.
        reader: The second engine.
    """
    upright = [box for box in lines if not is_sideways(box)]
    sideways = [box for box in lines if is_sideways(box)]
    crops = [gray[box[1] : box[3], box[0] : box[2]] for box in (*upright, *sideways)]
    turned = [np.rot90(crop, turns) for turns in (1, -1) for crop in crops[len(upright) :]]
    readings = reader.read([*crops[: len(upright)], *map(np.ascontiguousarray, turned)])
    found = [
        LineReading(
            box=box, words=tuple(second_engine_word(w, w.box_on_page(box, box[1], box[3])) for w in words)
        )
        for box, words in zip(upright, readings, strict=False)
    ]
    count = len(sideways)
    for number, box in enumerate(sideways):
        up, down = readings[len(upright) + number], readings[len(upright) + count + number]
        found.append(sideways_reading(box, up, down))
    return [reading for reading in found if reading.words]


def second_engine_word(word: StripWord, box: Box) -> OcrWord:
    """Return a word of the second engine; its line is set when it is inserted."""
    return OcrWord(
        text=word.text,
        box=box,
        confidence=0.0,
        second_confidence=word.confidence,
        block=0,
        paragraph=0,
        line=0,
    )


def sideways_reading(
    box: Box, turned_left: Sequence[StripWord], turned_right: Sequence[StripWord]
) -> LineReading:
    """Return the better of the readings of a line that is printed sideways.

    Args:
        box: The line's box.
        turned_left: Its words if it was turned counter-clockwise to be read: it runs down the page.
        turned_right: Its words if it was turned clockwise: it runs up.
    """
    runs_down = total_confidence(turned_left) >= total_confidence(turned_right)
    top, height = box[1], box[3] - box[1]
    words = []
    for word in turned_left if runs_down else turned_right:
        start, end = (word.start, word.end) if runs_down else (1 - word.end, 1 - word.start)
        place = (box[0], top + int(start * height), box[2], top + max(1, round(end * height)))
        if (
            word.confidence >= MIN_VERTICAL_CONFIDENCE
            and sum(map(str.isalnum, word.text)) >= MIN_VERTICAL_LETTERS
        ):
            words.append(second_engine_word(word, place))
    return LineReading(box=box, words=tuple(words))


def total_confidence(words: Sequence[StripWord]) -> float:
    """Return the sum of the confidences of all letters."""
    return sum(len(word.text) * word.confidence for word in words)


def merge_lines(words: Sequence[OcrWord], readings: Sequence[LineReading]) -> list[OcrWord]:
    """Return the words with the better reading of each part of the lines.

    Args:
        words: The words so far, in reading order.
        readings: The lines as the second engine reads them.
    """
    result = list(words)
    for reading in readings:
        on_line = [word for word in result if is_on_line(word, reading.box)]
        merged, beaten = without_doubles(merge_line(on_line, reading.words), on_line, result)
        if on_line:
            key, index = on_line[0].line_key, result.index(on_line[0])
        else:
            key, index = find_position(result, reading.box)
        block, paragraph, line = key
        removed = set(map(id, (*on_line, *beaten)))
        before = [word for word in result[:index] if id(word) not in removed]
        after = [word for word in result[index:] if id(word) not in removed]
        inserted = [replace(word, block=block, paragraph=paragraph, line=line) for word in merged]
        result = [*before, *inserted, *after]
    return result


def without_doubles(
    merged: Sequence[OcrWord], on_line: Sequence[OcrWord], words: Sequence[OcrWord]
) -> tuple[list[OcrWord], list[OcrWord]]:
    """Return the words of a line that no better word of another line covers, and the worse words of other
    lines that they cover.

    Args:
        merged: The words of the line.
        on_line: The words of the page that they replace.
        words: All words of the page.
    """
    own = set(map(id, on_line))
    top = min((word.box[1] for word in merged), default=0)
    bottom = max((word.box[3] for word in merged), default=0)
    others = [word for word in words if word.box[1] < bottom and word.box[3] > top and id(word) not in own]
    kept: list[OcrWord] = []
    beaten: list[OcrWord] = []
    for word in merged:
        doubles = [other for other in others if shared_area_share(word.box, other.box) >= MIN_DOUBLE_SHARE]
        if expected_letters([word]) > expected_letters(doubles) or not doubles:
            kept.append(word)
            beaten += doubles
    return kept, beaten


def merge_line(first: Sequence[OcrWord], second: Sequence[OcrWord]) -> list[OcrWord]:
    """Return the better reading of each part of a line, from left to right.

    Args:
        first: The words of the line so far.
        second: The second engine's words.
    """
    merged: list[OcrWord] = []
    for own, other in overlapping_runs(first, second):
        if not other:
            merged += [
                word if word.second_confidence is not None else replace(word, second_confidence=0.0)
                for word in own
            ]
        elif "".join(w.text for w in own) == "".join(w.text for w in other) and len(own) == len(other):
            merged += [
                replace(w, second_confidence=o.second_confidence) for w, o in zip(own, other, strict=True)
            ]
        else:
            alone = [replace(word, second_confidence=0.0) if word.confidence > 0 else word for word in own]
            merged += other if expected_letters(other) > expected_letters(alone) else alone
    return merged


def expected_letters(words: Sequence[OcrWord]) -> float:
    """Return the letters that are probably right."""
    return sum(len(word.text) * word_probability(word) for word in words)


def overlapping_runs(
    first: Sequence[OcrWord], second: Sequence[OcrWord]
) -> list[tuple[list[OcrWord], list[OcrWord]]]:
    """Return words of two readings of a line in runs that cover the same ink, from left to right."""
    runs: list[tuple[list[OcrWord], list[OcrWord]]] = []
    tagged = sorted([*((w, 0) for w in first), *((w, 1) for w in second)], key=lambda each: each[0].box[0])
    for word, side in tagged:
        if runs and any(
            overlap_share(word.box, other.box) >= MIN_OVERLAP_SHARE for other in (*runs[-1][0], *runs[-1][1])
        ):
            runs[-1][side].append(word)
        else:
            runs.append(([], []))
            runs[-1][side].append(word)
    return runs


def overlap_share(one: Box, other: Box) -> float:
    """Return the share of the narrower box's width that both share."""
    shared = min(one[2], other[2]) - max(one[0], other[0])
    return shared / max(1, min(one[2] - one[0], other[2] - other[0]))
