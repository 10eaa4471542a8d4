"""Print that the page-wide reading dropped: Tesseract leaves out words near rules, in boxes and in corners,
however plain.

Letter-sized ink that no word covers is gathered into strips, the strips are read, and what is surely text
joins the reading."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import Piece, Seen, StripReader
from pipeline.ocr.image.pixels import Grey, components, painted, reduced
from pipeline.ocr.recognition.second_pass import is_line, strip
from pipeline.records import Box

FALLBACK_HEIGHT = 24.0
"""Pixels: height of a word where none was read."""
ENOUGH = 14.0
"""Pixels of a word's height at which dropped print is looked for: a third of the CPU of the size at which it
is read.
"""
LETTER_HEIGHT = (0.35, 2.5)
"""Height of a letter, in heights of the page's words; less is noise, more a drawing."""
LETTER_WIDTH = 4.0
"""Widest ink that may be (touching) letters, in word heights."""
STRIP_HEIGHT = (0.4, 2.5)
STRIP_WIDTH = 0.5
JOIN = 1.0
"""Ink nearer than this many word heights on a line is one strip."""
BESIDE = 0.25
"""Word heights beside a word whose ink is its own: a reader of strips places a first letter up to half a
letter off. The initial between two names stands further away."""
MOST = 60
"""Strips looked at: a page with more is a drawing or all noise."""
SURE = 0.75
"""How sure the engine must be of a word before it is added; FUNSD: at .6 more noise than words comes in."""


def overlooked(grey: Grey, seen: Sequence[Seen]) -> list[Box]:
    """Boxes of letter-sized ink under no word, top to bottom. `grey`: the picture that was read."""
    sure = [float(word.box[3] - word.box[1]) for word in seen if word.confidence > 0.6]
    usual = float(np.median(sure or [FALLBACK_HEIGHT]))
    scale = min(1.0, ENOUGH / usual)
    small, height = reduced(grey, scale), usual * scale
    window = max(15, (max(small.shape) // 40) | 1)
    dark = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    covered = np.zeros(small.shape, np.bool_)
    beside = max(1, round(BESIDE * height))
    for word in seen:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        covered[max(0, y0 - 1) : y1 + 1, max(0, x0 - beside) : x1 + beside] = True
    _, labels, stats, centres = components(dark)
    wide, high, area = stats[:, 2], stats[:, 3], stats[:, 4]
    letter = (
        (high >= LETTER_HEIGHT[0] * height)
        & (high <= LETTER_HEIGHT[1] * height)
        & (wide <= LETTER_WIDTH * height)
    )
    letter &= (area >= 0.03 * height**2) & (np.minimum(wide, high) >= 0.08 * height)
    at = centres.astype(int)
    letter &= ~covered[at[:, 1], at[:, 0]]
    letter[0] = False
    if not letter.any():
        return []
    found = strips(painted(labels, letter), height)
    return [
        (int(x0 / scale), int(y0 / scale), round(x1 / scale), round(y1 / scale)) for x0, y0, x1, y1 in found
    ]


def strips(ink: NDArray[np.uint8], height: float) -> list[Box]:
    """Boxes around ink that stands together on a line."""
    near = cv2.getStructuringElement(cv2.MORPH_RECT, (int(JOIN * height) | 1, int(0.2 * height) | 1))
    _, _, stats, _ = components(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, near))
    found = [
        (int(x), int(y), int(x + wide), int(y + high))
        for x, y, wide, high, _ in stats[1:]
        if STRIP_HEIGHT[0] * height <= high <= STRIP_HEIGHT[1] * height and wide >= STRIP_WIDTH * height
    ]
    return sorted(found, key=lambda box: (box[1], box[0])) if len(found) <= MOST else []


def add_overlooked(seen: Sequence[Seen], grey: Grey, reader: StripReader) -> list[Seen]:
    """The words with those that had been dropped put where they belong in the reading order."""
    pictures = [(box, *strip(grey, box)) for box in overlooked(grey, seen)]
    pictures = [(box, picture, cut) for box, picture, cut in pictures if is_line(picture)]
    words = list(seen)
    for (box, _, cut), pieces in zip(
        pictures, reader.read([picture for _, picture, _ in pictures]), strict=True
    ):
        sure = [piece for piece in pieces if piece.confidence >= SURE and any(map(str.isalnum, piece.text))]
        if sure:
            insert(words, sure, box, cut)
    return words


def insert(words: list[Seen], pieces: Sequence[Piece], box: Box, cut: Box) -> None:
    """Put a strip's words into the line they stand on, else before the first line below them."""
    place, at = position(words, box)
    words[at:at] = [
        Seen(
            text=piece.text,
            box=piece.box(cut, box[1], box[3]),
            confidence=0.0,
            other=piece.confidence,
            block=place[0],
            paragraph=place[1],
            line=place[2],
        )
        for piece in pieces
    ]


def position(words: Sequence[Seen], box: Box) -> tuple[tuple[int, int, int], int]:
    """The line (its place) and the index in the reading order where a strip belongs."""
    same = [n for n, word in enumerate(words) if shares_line(word.box, box)]
    if same:
        before = [n for n in same if words[n].box[0] <= box[0]]
        if before:
            nearest = max(before, key=lambda n: words[n].box[0])
            return words[nearest].place, nearest + 1
        nearest = min(same, key=lambda n: words[n].box[0])
        return words[nearest].place, nearest
    middle = (box[1] + box[3]) / 2
    fresh = (max((word.block for word in words), default=0) + 1, 1, 1)
    below = [n for n, word in enumerate(words) if word.box[1] > middle]
    return fresh, starts_line(words, below[0]) if below else len(words)


def starts_line(words: Sequence[Seen], at: int) -> int:
    """Index of the first word of that word's line."""
    while at and words[at - 1].place == words[at].place:
        at -= 1
    return at


def shares_line(one: Box, other: Box) -> bool:
    """Whether two boxes stand on one line: they share half of the lower one's height."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared > 0.5 * min(one[3] - one[1], other[3] - other[1])
