"""Use the text of a born-digital page instead of recognition if it is usable: it is exact and costs nothing.

A word is used only if a person sees it: text that is off the page, white, or under a box has no ink of its
own. The text of a page is not usable at all if its glyphs are not mapped to characters, if most of it is
invisible, if there are two different words at one place (one of them is covered), or if much of the ink has
no words over it (an image of text with a caption). Then the page is recognized like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale
from pipeline.records import Box, Word

MIN_ORDINARY_CHARACTER_SHARE = 0.97
"""Share of characters that must be ordinary. A font without a mapping yields private-use characters, boxes
and control characters.
"""
MIN_WORDLIKE_TOKEN_SHARE = 0.5
"""Share of tokens that must contain two consecutive letters or digits. Garbled encodings and outlined glyphs
have fewer.
"""
MIN_VISIBLE_WORDS_SHARE = 0.5
"""Share of the words that must be visible."""
MIN_VISIBLE_CHARACTERS_SHARE = 0.65
"""Share of a word's characters that must have ink. A space between letters and a comma have none in the
middle of the line.
"""
EDGE_SEARCH_SIDE_PX = 1650
"""Longest side at which the edges of strokes are searched, half of a letter page at 300 dpi."""
MIN_EDGE_CONTRAST = 24
"""Difference between neighboring gray values that is an edge of ink. Light gray print has 40 and more."""
BAND_SHARES = (0.25, 0.8)
"""Part of a word's height, from the top, that the middle of its letters fills. The box of a rule or of a
redaction that is as high as the letters has its edges outside of it.
"""
MIN_CONFLICT_WIDTH_SHARE, MIN_CONFLICT_HEIGHT_SHARE = 0.15, 0.5
"""Shares of the smaller word that two words must have in common to be at one place. Words of tight lines
share up to a third of their height, and words of one line no width.
"""
CORE_MARGIN_SHARES = (0.05, 0.25)
"""Margins of the middle of a word, as shares of its width and height."""
MAX_UNREAD_LETTER_SHARE = 0.25
"""Share of the page's letters that may be under no word."""
MIN_UNREAD_LETTERS = 4
"""Fewer are marks of a list, boxes to tick or parts of rules."""
LETTER_HEIGHT_RANGE, LETTER_WIDTH_RANGE = (0.35, 5.0), (0.2, 15.0)
"""Height and width of what may be a letter or a written word, in heights of the page's words."""
MAX_FRAME_FILL = 0.1
"""Share of its box that the edges of a frame or of a curve fill at most."""
WORD_MARGIN = 0.2
"""Margin around a word, in its heights, whose ink is the word's: accents, underlines, slanted letters."""
EMBEDDED_WORD_CONFIDENCE = 0.995
"""Confidence of a word of usable embedded text: it is what was typed, though not always what is visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedText:
    """The usable text of a page.

    Attributes:
        words: The visible words in their order, with line numbers.
        unread_part: The part of the page with letters under no word; None if there are none.
    """

    words: list[OcrWord]
    unread_part: Box | None


def usable_embedded_text(words: Sequence[Word], gray: GrayImage) -> EmbeddedText | None:
    """Return the visible embedded words, or None if they are not usable.

    Args:
        words: The embedded words, with boxes in pixels of `gray`.
        gray: The page, shape (height, width).
    """
    height, width = gray.shape
    words = [word for word in words if word.text.strip()]
    inside = [w for w in words if 0 <= w.box[0] < w.box[2] <= width and 0 <= w.box[1] < w.box[3] <= height]
    is_edge, scale = edge_mask(gray)
    visible = [word for word in inside if is_visible(word, is_edge, scale)]
    if (
        not visible
        or len(visible) < MIN_VISIBLE_WORDS_SHARE * len(words)
        or has_conflict(visible, gray.shape)
    ):
        return None
    text = "".join(word.text for word in visible)
    if not is_legible(text, [word.text for word in visible]):
        return None
    letters = unread_letters(visible, is_edge, scale)
    if len(letters) > MAX_UNREAD_LETTER_SHARE * (len(letters) + len(text)):
        return None
    return EmbeddedText(
        words=group_into_lines(visible),
        unread_part=unread_part(letters, typical_height(visible), scale, gray.shape),
    )


def edge_mask(gray: GrayImage) -> tuple[NDArray[np.bool_], float]:
    """Return where ink of any color begins or ends, and the scale of that mask, at most 1."""
    scale = min(1.0, EDGE_SEARCH_SIDE_PX / max(gray.shape))
    contrast = cv2.morphologyEx(downscale(gray, scale), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(contrast >= MIN_EDGE_CONTRAST, np.bool_), scale


def is_visible(word: Word, is_edge: NDArray[np.bool_], scale: float) -> bool:
    """Return whether most characters of a word have edges of ink in the middle of its line.

    Args:
        word: The word, horizontal or vertical.
        is_edge: From `edge_mask`.
        scale: Its scale.
    """
    x0, y0, x1, y1 = (side * scale for side in word.box)
    part = is_edge[int(y0) : max(int(y0) + 1, round(y1)), int(x0) : max(int(x0) + 1, round(x1))]
    if len(word.text) > 1 and part.shape[0] > 1.5 * part.shape[1]:
        part = part.T
    if any(map(str.isalnum, word.text)):
        height = part.shape[0]
        part = part[int(BAND_SHARES[0] * height) : max(1, round(BAND_SHARES[1] * height))]
    columns = part.any(axis=0)
    if not columns.size:
        return False
    starts = np.linspace(0, columns.size, min(len(word.text), columns.size), endpoint=False).astype(int)
    return bool(np.logical_or.reduceat(columns, starts).mean() >= MIN_VISIBLE_CHARACTERS_SHARE)


def has_conflict(words: Sequence[Word], shape: tuple[int, ...]) -> bool:
    """Return whether two different words are at one place.

    Args:
        words: The words.
        shape: Height and width of the page.
    """
    counts = np.zeros((shape[0] // 4 + 1, shape[1] // 4 + 1), np.uint8)
    cores = []
    for word in words:
        x0, y0, x1, y1 = word.box
        margin_x, margin_y = (
            round(CORE_MARGIN_SHARES[0] * (x1 - x0)),
            round(CORE_MARGIN_SHARES[1] * (y1 - y0)),
        )
        core = counts[
            (y0 + margin_y) // 4 : (y1 - margin_y) // 4 + 1, (x0 + margin_x) // 4 : (x1 - margin_x) // 4
        ]
        core += 1
        cores.append(core)
    if counts.max() < 2:
        return False
    doubled = [word for word, core in zip(words, cores, strict=True) if core.size and core.max() > 1]
    return any(
        one.text != other.text and share_place(one.box, other.box) for one, other in combinations(doubled, 2)
    )


def share_place(one: Box, other: Box) -> bool:
    """Return whether two boxes have more in common than a letter's overhang and the space of tight lines."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width > MIN_CONFLICT_WIDTH_SHARE * min(
        one[2] - one[0], other[2] - other[0]
    ) and height > MIN_CONFLICT_HEIGHT_SHARE * min(one[3] - one[1], other[3] - other[1])


def is_legible(text: str, tokens: Sequence[str]) -> bool:
    """Return whether the characters are ordinary ones and form words."""
    unusual = sum(not c.isprintable() or c == "\ufffd" or "\ue000" <= c <= "\uf8ff" for c in text)
    wordlike = sum(any(a.isalnum() and b.isalnum() for a, b in pairwise(token)) for token in tokens)
    return unusual <= (1 - MIN_ORDINARY_CHARACTER_SHARE) * len(
        text
    ) and wordlike >= MIN_WORDLIKE_TOKEN_SHARE * len(tokens)


def unread_letters(words: Sequence[Word], is_edge: NDArray[np.bool_], scale: float) -> NDArray[np.int32]:
    """Return the boxes (x0, y0, x1, y1) of what may be letters under no word, shape (letters, 4).

    Args:
        words: The visible words.
        is_edge: From `edge_mask`; the edges under words are removed from it.
        scale: Its scale.
    """
    for word in words:
        x0, y0, x1, y1 = (side * scale for side in word.box)
        margin = 1 + WORD_MARGIN * (y1 - y0)
        is_edge[
            max(0, int(y0 - margin)) : int(y1 + margin) + 1, max(0, int(x0 - margin)) : int(x1 + margin) + 1
        ] = False
    line_height = typical_height(words) * scale
    _, _, stats, _ = connected_components(is_edge.view(np.uint8))
    left, top, width, height, area = stats[1:].T
    is_letter = (
        (height >= LETTER_HEIGHT_RANGE[0] * line_height)
        & (height <= LETTER_HEIGHT_RANGE[1] * line_height)
        & (width >= LETTER_WIDTH_RANGE[0] * line_height)
        & (width <= LETTER_WIDTH_RANGE[1] * line_height)
        & ((area > MAX_FRAME_FILL * width * height) | (height <= 2 * line_height))
    )
    boxes = np.column_stack([left, top, left + width, top + height])
    return np.asarray(boxes[is_letter], np.int32)


def unread_part(
    letters: NDArray[np.int32], margin: float, scale: float, shape: tuple[int, ...]
) -> Box | None:
    """Return the part of the page around unread letters; None if there are too few of them.

    Args:
        letters: From `unread_letters`.
        margin: Margin around them in pixels of the page.
        scale: Scale of the letters' boxes.
        shape: Height and width of the page.
    """
    if len(letters) < MIN_UNREAD_LETTERS:
        return None
    x0, y0 = (letters[:, :2].min(axis=0) / scale - margin).astype(int).tolist()
    x1, y1 = (letters[:, 2:].max(axis=0) / scale + margin).astype(int).tolist()
    return max(0, x0), max(0, y0), min(x1, shape[1]), min(y1, shape[0])


def typical_height(words: Sequence[Word]) -> float:
    """Return the median height of words."""
    return float(np.median([word.box[3] - word.box[1] for word in words]))


def group_into_lines(words: Sequence[Word]) -> list[OcrWord]:
    """Assign line and block numbers. A line ends if the next word is not to the right at the same height."""
    result: list[OcrWord] = []
    line = block = 0
    last: Word | None = None
    for word in words:
        if last is not None and not continues_line(last, word):
            line += 1
            block += (
                word.box[1] - last.box[3] > 0.8 * (last.box[3] - last.box[1]) or word.box[3] < last.box[1]
            )
        result.append(
            OcrWord(
                text=word.text,
                box=word.box,
                confidence=EMBEDDED_WORD_CONFIDENCE,
                block=block,
                paragraph=0,
                line=line,
            )
        )
        last = word
    return result


def continues_line(last: Word, word: Word) -> bool:
    """Return whether the word is to the right of the last one on the same line."""
    shared = min(last.box[3], word.box[3]) - max(last.box[1], word.box[1])
    smaller_height = min(last.box[3] - last.box[1], word.box[3] - word.box[1])
    return word.box[0] >= last.box[0] and shared > 0.5 * smaller_height
