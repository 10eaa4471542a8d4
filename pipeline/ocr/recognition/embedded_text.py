"""A born-digital page's own text, taken instead of reading where it is sound: it is exact and costs nothing.

It is not sound where its letters are not mapped to characters, where it stands off the page or over no ink
(hidden junk), or where much of the ink has no words over it (a picture of text with a caption): then the page
is read like any other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.deskew import ink_mask
from pipeline.ocr.image.pixels import GrayImage, connected_components
from pipeline.records import Word

MIN_ORDINARY_CHARACTER_SHARE = 0.97
"""Share of characters that must be ordinary; a font without a mapping gives private-use characters, boxes and
controls.
"""
MIN_WORDLIKE_TOKEN_SHARE = 0.5
"""Share of tokens that must contain two letters or digits in a row; garbled encodings and outlined glyphs
give fewer.
"""
MIN_WORDS_OVER_INK_SHARE = 0.9
"""Share of words that must stand over ink."""
MIN_COVERED_INK_SHARE = 0.75
"""Share of letter-sized ink that must lie under words."""
EMBEDDED_WORD_CONFIDENCE = 0.995
"""How sure a word of sound own text is: what the page says is what was typed, though not always what is
seen.
"""


def usable_embedded_words(words: Sequence[Word], gray: GrayImage) -> list[OcrWord] | None:
    """The page's own words in their order with their lines, or None if they are not sound. Boxes are in
    pixels of `gray`.
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
    """Whether the characters are ordinary ones and make words."""
    strange = sum(not c.isprintable() or c == "\ufffd" or "\ue000" <= c <= "\uf8ff" for c in text)
    wordlike = sum(any(a.isalnum() and b.isalnum() for a, b in pairwise(token)) for token in tokens)
    return strange <= (1 - MIN_ORDINARY_CHARACTER_SHARE) * len(
        text
    ) and wordlike >= MIN_WORDLIKE_TOKEN_SHARE * len(tokens)


def matches_ink(words: Sequence[Word], gray: GrayImage) -> bool:
    """Whether the words stand over ink and the letter-sized ink under words."""
    dark, scale = ink_mask(gray, 1400)
    under = np.zeros(dark.shape, np.uint8)
    over_ink = 0
    for word in words:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        under[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = 1
        over_ink += bool(dark[y0 : y1 + 1, x0 : x1 + 1].any())
    if over_ink < MIN_WORDS_OVER_INK_SHARE * len(words):
        return False
    _, _, stats, centers = connected_components(dark.astype(np.uint8))
    usual = np.median([word.box[3] - word.box[1] for word in words]) * scale
    size = stats[1:, 2:4].max(axis=1)
    letters = centers[1:][(size >= 0.35 * usual) & (size <= 1.5 * usual)].astype(int)
    return not len(letters) or bool(under[letters[:, 1], letters[:, 0]].mean() >= MIN_COVERED_INK_SHARE)


def group_into_lines(words: Sequence[Word]) -> list[OcrWord]:
    """The words with line and block numbers: a line ends where the next word does not stand to the right on
    the same height.
    """
    found: list[OcrWord] = []
    line = block = 0
    last: Word | None = None
    for word in words:
        if last is not None and not continues_line(last, word):
            line += 1
            block += (
                word.box[1] - last.box[3] > 0.8 * (last.box[3] - last.box[1]) or word.box[3] < last.box[1]
            )
        found.append(
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
    return found


def continues_line(last: Word, word: Word) -> bool:
    """Whether the word stands to the right of the last one on the same line."""
    shared = min(last.box[3], word.box[3]) - max(last.box[1], word.box[1])
    lower = min(last.box[3] - last.box[1], word.box[3] - word.box[1])
    return word.box[0] >= last.box[0] and shared > 0.5 * lower
