"""Read what is on a born-digital page besides its own text: pasted pictures, stamps, handwriting.

Ink that no word of the page explains is recognized, if it has the shape of letters, and its words are
inserted at their place in the reading order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from pipeline.config import OcrSettings
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.ink_separation import separate_inks
from pipeline.ocr.image.orientation import estimate_orientation
from pipeline.ocr.image.pixels import GrayImage, PageImage
from pipeline.ocr.recognition.embedded_text import EmbeddedText
from pipeline.ocr.recognition.missed_text import find_position
from pipeline.ocr.recognition.recognize import recognize_part
from pipeline.records import Box

MIN_WORD_CONFIDENCE = 0.5
"""Confidence of a word that is added: graphics are read as words of less."""


def add_unread_print(
    text: EmbeddedText, scanned: PageImage, dpi: float, settings: OcrSettings
) -> list[OcrWord]:
    """Return the embedded words together with words of print that they do not explain.

    Args:
        text: The embedded text of the page.
        scanned: The page.
        dpi: Its resolution.
        settings: The languages and the engines.

    Raises:
        TimeoutError: Tesseract exceeded its time limit.
    """
    words, box = text.words, text.unread_part
    if box is None:
        return words
    x0, y0, _, _ = box
    erased = PageImage(
        gray=without_words(scanned.gray, words, box),
        color=None if scanned.color is None else without_words(scanned.color, words, box),
        bilevel=False,
    )
    inks = separate_inks(erased)
    recognized = recognize_part(inks, estimate_orientation(inks).letter_size, dpi, settings).words
    result = list(words)
    for _, line in groupby(recognized, key=lambda word: word.line_key):
        insert_line(
            result,
            [
                replace(word, box=(word.box[0] + x0, word.box[1] + y0, word.box[2] + x0, word.box[3] + y0))
                for word in line
                if word.confidence >= MIN_WORD_CONFIDENCE
            ],
        )
    return result


def without_words(image: GrayImage, words: Sequence[OcrWord], box: Box) -> GrayImage:
    """Return a part of the page with its words painted over in the color around them.

    Args:
        image: The page, shape (height, width) or (height, width, 3).
        words: The words to remove.
        box: The part.
    """
    left, top, right, bottom = box
    part = image[top:bottom, left:right].copy()
    for word in words:
        x0, y0 = max(0, word.box[0] - left), max(0, word.box[1] - top)
        x1, y1 = word.box[2] - left, word.box[3] - top
        under = part[y0:y1, x0:x1] if x1 > 0 and y1 > 0 else part[:0]
        if under.size:
            under[...] = np.median(under.reshape(-1, *under.shape[2:]), axis=0)
    return part


def insert_line(words: list[OcrWord], line: Sequence[OcrWord]) -> None:
    """Insert the words of a recognized line into `words`, unless none has two letters or digits."""
    if not any(sum(map(str.isalnum, word.text)) > 1 for word in line):
        return
    box = (
        min(word.box[0] for word in line),
        min(word.box[1] for word in line),
        max(word.box[2] for word in line),
        max(word.box[3] for word in line),
    )
    (block, paragraph, number), index = find_position(words, box)
    words[index:index] = [replace(word, block=block, paragraph=paragraph, line=number) for word in line]
