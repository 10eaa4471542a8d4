"""Classify the content of pages, and measure how much of it was recognized."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.recognition.page_content import classify_content, measure_letter_ink, page_confidence


def paper() -> GrayImage:
    return np.full((1400, 1080), 255, np.uint8)


def note(confidence: float, lines: int = 14) -> tuple[GrayImage, list[OcrWord]]:
    """Return a page of print, and its words as recognized."""
    page = Image.fromarray(paper())
    draw, font, words = ImageDraw.Draw(page), ImageFont.load_default(26), []
    for line in range(lines):
        x = 130
        for word in ("She", "reports", "no", "chest", "pain", "today"):
            x0, y0, x1, y1 = (round(side) for side in draw.textbbox((x, 150 + 60 * line), word, font=font))
            draw.text((x, 150 + 60 * line), word, fill=0, font=font)
            words.append(
                OcrWord(
                    text=word, box=(x0, y0, x1, y1), confidence=confidence, block=1, paragraph=1, line=line
                )
            )
            x = x1 + 12
    return np.asarray(page), words


def content_of(picture: GrayImage, size: float, words: list[OcrWord], cells: int = 0) -> str:
    return classify_content(picture, size, measure_letter_ink(picture, size, words), cells)


def test_recognized_print_is_text_and_a_form_if_rules_divide_it() -> None:
    page, words = note(0.97)
    assert content_of(page, 16, words) == "text"
    assert content_of(page, 16, words, cells=30) == "form"


def test_large_letters_without_confident_words_are_handwriting_and_small_ones_are_print() -> None:
    page, words = note(0.4)
    assert content_of(page, 20, words) == "handwriting"
    assert content_of(page, 12, words) == "text"


def test_outlines_with_few_letters_are_a_drawing_and_tones_a_photograph() -> None:
    page = paper()
    cv2.ellipse(page, (540, 700), (300, 420), 0, 0, 360, (0,), 4)
    assert content_of(page, 0, []) == "drawing"
    tones = cv2.resize(np.random.default_rng(1).integers(20, 200, (12, 9)).astype(np.uint8), (900, 1200))
    page[100:1300, 90:990] = tones
    assert content_of(page, 0, []) == "photograph"


def test_print_that_was_missed_lowers_the_confidence_of_a_page() -> None:
    page, words = note(0.97)
    assert page_confidence(words, measure_letter_ink(page, 16, words).unread_count) > 0.95
    half = words[: len(words) // 2]
    assert page_confidence(half, measure_letter_ink(page, 16, half).unread_count) < 0.6
    assert page_confidence([], 0) == 0.0
