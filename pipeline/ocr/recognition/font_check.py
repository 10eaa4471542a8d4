"""Check whether embedded text is what the page shows: a font may map its glyphs to wrong characters.

A few words are recognized and compared. That takes about 15 ms for a page of English sentences, of which
only the digits are compared (a wrong map of the letters would leave no English words), and 35 ms for others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

import cv2
import numpy as np

from pipeline.config import OcrSettings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.pixels import GrayImage

COMMON_WORDS = frozenset(
    ("the", "of", "and", "to", "in", "for", "with", "is", "was", "at", "on", "by", "no", "or", "from", "are")
)
MIN_COMMON_WORDS, MIN_COMMON_WORD_SHARE = 4, 0.08
"""Different common words, and their share of all words, at which the text is English sentences."""
MAX_LETTERS, MAX_DIGITS = 30, 16
"""Characters that are compared."""
WORD_LENGTH_RANGE = (3, 40)
STRIP_HEIGHT_PX = 28
"""Height of the compared words: a third of the CPU time of their height at 300 dpi."""
MIN_SAME_LETTERS_SHARE, MIN_SAME_DIGITS_SHARE = 0.7, 0.8
"""Shares of letters and digits that must be recognized as the text states them."""
MIN_COMPARED_CHARACTERS = 4
COMPARED_DPI = 200.0
SIMILAR_CHARACTERS = str.maketrans("oli", "011")
"""Characters that look alike in many fonts."""


def agrees_with_print(words: Sequence[OcrWord], gray: GrayImage, settings: OcrSettings) -> bool:
    """Return whether a sample of the embedded words is recognized as it is stated.

    Args:
        words: The embedded words of the page.
        gray: The page, shape (height, width).
        settings: The time limit of Tesseract.

    Raises:
        TimeoutError: Tesseract exceeded its time limit.
    """
    letters = [] if is_english(words) else sample_words(words, str.isalpha, MAX_LETTERS)
    sample = letters + [word for word in sample_words(words, str.isdigit, MAX_DIGITS) if word not in letters]
    if not sample:
        return True
    (recognized,) = tesseract.recognize(
        [word_strip(sample, gray)],
        settings.languages,
        psm=tesseract.PSM_SINGLE_LINE,
        dpi=COMPARED_DPI,
        seconds=settings.page_timeout_seconds,
        choice=settings.tesseract,
    )
    return is_same_text((word.text for word in sample), (word.text for word in recognized))


def is_english(words: Sequence[OcrWord]) -> bool:
    """Return whether the words are English sentences, by their most common words."""
    common = [word.text.lower() for word in words if word.text.lower() in COMMON_WORDS]
    return len(set(common)) >= MIN_COMMON_WORDS and len(common) >= MIN_COMMON_WORD_SHARE * len(words)


def sample_words(
    words: Sequence[OcrWord], is_kind: Callable[[str], bool], max_characters: int
) -> list[OcrWord]:
    """Return horizontal words from the whole page in which most characters are of a kind, and ASCII.

    Args:
        words: The embedded words.
        is_kind: Whether a character is of that kind.
        max_characters: Return words with about as many characters.
    """
    suitable = [
        word
        for word in words
        if WORD_LENGTH_RANGE[0] <= len(word.text) <= WORD_LENGTH_RANGE[1]
        and word.text.isascii()
        and sum(map(is_kind, word.text)) > 0.5 * len(word.text)
        and word.box[2] - word.box[0] > word.box[3] - word.box[1]
    ]
    count = max(1, round(max_characters * len(suitable) / max(1, sum(len(word.text) for word in suitable))))
    return suitable[:: max(1, len(suitable) // count)][:count]


def word_strip(words: Sequence[OcrWord], gray: GrayImage) -> GrayImage:
    """Return the words one after the other as an image of one line, dark on light."""
    parts = [np.full((STRIP_HEIGHT_PX, STRIP_HEIGHT_PX // 2), 255, np.uint8)]
    for word in words:
        x0, y0, x1, y1 = word.box
        margin = (y1 - y0) // 8
        crop = gray[max(0, y0 - margin // 2) : y1 + margin // 2, max(0, x0 - margin) : x1 + margin]
        width = max(1, round(crop.shape[1] * STRIP_HEIGHT_PX / crop.shape[0]))
        part = np.asarray(cv2.resize(crop, (width, STRIP_HEIGHT_PX), interpolation=cv2.INTER_AREA), np.uint8)
        parts += [part if np.median(part) >= 128 else 255 - part, parts[0]]
    return np.asarray(np.pad(np.hstack(parts), tesseract.STRIP_BORDER_PX, constant_values=255), np.uint8)


def is_same_text(stated: Iterable[str], recognized: Iterable[str]) -> bool:
    """Return whether most letters and most digits are the same in both."""
    one, other = (
        "".join(c for word in texts for c in word.lower() if c.isalnum()) for texts in (stated, recognized)
    )
    matcher = SequenceMatcher(
        None, one.translate(SIMILAR_CHARACTERS), other.translate(SIMILAR_CHARACTERS), autojunk=False
    )
    is_matched = np.zeros(len(one), np.bool_)
    for block in matcher.get_matching_blocks():
        is_matched[block.a : block.a + block.size] = True
    is_digit = np.array([c.isdigit() for c in one], np.bool_)
    return all(
        is_kind.sum() < MIN_COMPARED_CHARACTERS or is_matched[is_kind].mean() >= min_share
        for is_kind, min_share in ((is_digit, MIN_SAME_DIGITS_SHARE), (~is_digit, MIN_SAME_LETTERS_SHARE))
    )
