"""Use the text of a born-digital page instead of recognition if it is usable: it is exact and costs nothing.

It is not usable if its glyphs are not mapped to characters, if it is off the page or over no ink (hidden
junk), or if much of the ink has no words over it (an image of text with a caption). Then the page is
recognized like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.deskew import ink_mask
from pipeline.ocr.image.pixels import GrayImage, connected_components
from pipeline.records import Word

MIN_ORDINARY_CHARACTER_SHARE = 0.97
"""Share of characters that must be ordinary. A font without a mapping yields private-use characters, boxes
and control characters.
"""
MIN_WORDLIKE_TOKEN_SHARE = 0.5
"""Share of tokens that must contain two consecutive letters or digits. Garbled encodings and outlined glyphs
have fewer.
"""
MIN_WORDS_OVER_INK_SHARE = 0.9
"""Share of words that must be over ink."""
MIN_COVERED_INK_SHARE = 0.75
"""Share of letter-sized ink that must be under words."""
EMBEDDED_WORD_CONFIDENCE = 0.995
"""Confidence of a word of usable embedded text: it is what was typed, though not always what is visible."""


def usable_embedded_words(words: Sequence[Word], gray: GrayImage) -> list[OcrWord] | None:
    """Return the page's embedded words in their order with line numbers, or None if they are not usable.

    Args:
        words: The embedded words, with boxes in pixels of `gray`.
        gray: The page, shape (height, width).
    """
    height, width = gray.shape
    inside = [
        w
        for w in words
        if w.text.strip() and 0 <= w.box[0] < w.box[2] <= width and 0 <= w.box[1] < w.box[3] <= height
    ]
    if not inside or len(inside) < 0.95 * len(words):
        return None
    if not is_legible("".join(w.text for w in inside), [w.text for w in inside]) or not matches_ink(
        inside, gray
    ):
        return None
    return group_into_lines(inside)


def is_legible(text: str, tokens: Sequence[str]) -> bool:
    """Return whether the characters are ordinary ones and form words."""
    unusual = sum(not c.isprintable() or c == "\ufffd" or "\ue000" <= c <= "\uf8ff" for c in text)
    wordlike = sum(any(a.isalnum() and b.isalnum() for a, b in pairwise(token)) for token in tokens)
    return unusual <= (1 - MIN_ORDINARY_CHARACTER_SHARE) * len(
        text
    ) and wordlike >= MIN_WORDLIKE_TOKEN_SHARE * len(tokens)


def matches_ink(words: Sequence[Word], gray: GrayImage) -> bool:
    """Return whether the words are over ink and the letter-sized ink is under words."""
    is_ink, scale = ink_mask(gray, 1400)
    word_mask = np.zeros(is_ink.shape, np.uint8)
    words_over_ink = 0
    for word in words:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        word_mask[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = 1
        words_over_ink += bool(is_ink[y0 : y1 + 1, x0 : x1 + 1].any())
    if words_over_ink < MIN_WORDS_OVER_INK_SHARE * len(words):
        return False
    _, _, stats, centers = connected_components(is_ink.astype(np.uint8))
    typical_height = np.median([word.box[3] - word.box[1] for word in words]) * scale
    size = stats[1:, 2:4].max(axis=1)
    letters = centers[1:][(size >= 0.35 * typical_height) & (size <= 1.5 * typical_height)].astype(int)
    return not len(letters) or bool(word_mask[letters[:, 1], letters[:, 0]].mean() >= MIN_COVERED_INK_SHARE)


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
