"""Report the text of a page that was not read: the parts of detected lines that no word explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from pipeline.boxes import shared_area_share
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.recognition.ink_account import (
    LetterGroup,
    PageInk,
    fits_its_box,
    group_letters,
    unexplained_letters,
)
from pipeline.ocr.recognition.line_search import (
    MIN_DOUBLE_SHARE,
    is_sideways,
    uncovered_spans,
)
from pipeline.records import Box, UnreadKind, UnreadText

MIN_SPAN_LINE_HEIGHTS, MIN_LETTER_SPAN_LINE_HEIGHTS = 0.75, 0.5
"""Shortest part of a line that is reported, in heights of the line, and the shortest with a separate letter.
Spaces have up to 0.7, and no letter.
"""
MIN_INK_SHARE = 0.08
"""Least share of ink, without rules, of a part of a line that is reported. Print has 0.1 to 0.35."""
MIN_LETTERS_PER_LINE_HEIGHT = 1.5
"""Letters counted at least per line height of an unread part: touching letters are one piece of ink."""
MIN_HANDWRITTEN_LINE_WORD_HEIGHTS, MAX_HANDWRITTEN_LETTERS_PER_LINE_HEIGHT = 2.4, 2.0
"""Height of a detected line, in heights of the page's words, and its separate letters per line height, of
handwriting. Print has lines of 1.4 to 2.2 and 3 to 4 letters.
"""
MIN_REREAD_LETTERS = 3
"""Unread letters of a line for which the line is read as a whole: a short word."""
MIN_GROUP_LETTERS = 3
"""Unexplained letters on a line that are reported as print if no network has searched the page."""


def find_unread_text(ink: PageInk, words: Sequence[OcrWord], lines: Sequence[Box] | None) -> list[UnreadText]:
    """Return the parts of lines that are under none of the words.

    Args:
        ink: The page's ink.
        words: All words of the page, in pixels of the recognized image.
        lines: Lines of text that were detected on it; None if none were searched: then letters that are
            close together are lines.
    """
    if lines is None:
        return unread_groups(ink, words)
    found: list[UnreadText] = []
    for _, part in unread_parts(ink, words, lines):
        if not any(shared_area_share(part.box, other.box) >= MIN_DOUBLE_SHARE for other in found):
            found.append(part)
    return found


def lines_with_unread_text(ink: PageInk, words: Sequence[OcrWord], lines: Sequence[Box]) -> list[Box]:
    """Return the lines with MIN_REREAD_LETTERS or more letters under none of the words. See
    `find_unread_text`.
    """
    letters: Counter[Box] = Counter()
    for line, part in unread_parts(ink, words, lines):
        letters[line] += part.letters
    return [line for line, count in letters.items() if count >= MIN_REREAD_LETTERS]


def unread_parts(
    ink: PageInk, words: Sequence[OcrWord], lines: Sequence[Box]
) -> Iterator[tuple[Box, UnreadText]]:
    """Yield each part of a line that is under none of the words, after its line."""
    explaining = [word for word in words if fits_its_box(word)]
    is_unexplained = unexplained_letters(ink, explaining)
    for line in lines:
        for span in uncovered_spans(line, explaining):
            if part := unread_part(ink, line, span, is_unexplained):
                yield line, part


def unread_groups(ink: PageInk, words: Sequence[OcrWord]) -> list[UnreadText]:
    """Return groups of letters on a line under none of the words, for a page on which no lines were searched.
    See `find_unread_text`.
    """
    groups: list[LetterGroup] = group_letters(ink, unexplained_letters(ink, words))
    return [
        UnreadText(kind="print", box=group.box, letters=group.letters)
        for group in groups
        if group.letters >= MIN_GROUP_LETTERS
    ]


def unread_part(
    ink: PageInk,
    line: Box,
    span: tuple[float, float],
    is_unexplained: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> UnreadText | None:
    """Return a part of a line as unread text; None if it has no ink to speak of.

    Args:
        ink: The page's ink.
        line: Box of the line, in pixels of the recognized image.
        span: Start and end of the part along the line.
        is_unexplained: From `unexplained_letters`.
    """
    low, high = (round(side) for side in span)
    x0, y0, x1, y1 = line
    sideways = is_sideways(line)
    box = (x0, low, x1, high) if sideways else (low, y0, high, y1)
    height = x1 - x0 if sideways else y1 - y0
    left, top, right, bottom = (round(side * ink.scale) for side in box)
    is_inked = ink.labels[top:bottom, left:right] > 0
    length = (high - low) / height
    x, y = ink.centers.T
    is_inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    letters = int((is_inside & is_unexplained).sum())
    is_tall = height * ink.scale >= MIN_HANDWRITTEN_LINE_WORD_HEIGHTS * ink.word_height
    min_length = MIN_LETTER_SPAN_LINE_HEIGHTS if letters and not is_tall else MIN_SPAN_LINE_HEIGHTS
    if length < min_length or not is_inked.size or is_inked.mean() < MIN_INK_SHARE:
        return None
    is_handwritten = is_tall and letters < MAX_HANDWRITTEN_LETTERS_PER_LINE_HEIGHT * length
    kind: UnreadKind = "handwriting" if is_handwritten else "print"
    return UnreadText(kind=kind, box=box, letters=max(letters, round(MIN_LETTERS_PER_LINE_HEIGHT * length)))
