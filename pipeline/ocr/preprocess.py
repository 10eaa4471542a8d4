"""Preprocess a scanned page for recognition: crop it out of a photograph, rotate it upright, remove its skew,
its bleed-through and its curl.

The archived and displayed page is the scan, upright and level (`page`). The recognized image may differ
(`dewarped`); its words are mapped back to the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config import OcrSettings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image import deskew
from pipeline.ocr.image.bleed_through import remove_bleed_through
from pipeline.ocr.image.cleanup import MAX_DARK_GRAY, StepObserver, ignore_step
from pipeline.ocr.image.dewarp import DewarpedImage, crop_photographed_page, dewarp
from pipeline.ocr.image.orientation import MIN_LETTERS, OrientationEstimate, estimate_orientation
from pipeline.ocr.image.pixels import GrayImage, PageImage

MIN_WORD_LETTERS, MIN_READABLE_WORDS, MIN_READABLE_CONFIDENCE = 4, 4, 0.5
"""Strokes are text if at least this many words with this many letters are recognized, with at least this mean
confidence. In mirror image, the backs of sheets have 0.67 to 0.96; worn print has two such words.
"""

PSM_BLOCK = 6
"""Tesseract's page segmentation mode for one block of text."""
BAND_DPI = 200
"""Resolution reported to Tesseract for a part of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessedPage:
    """A page as it is displayed and as it is recognized.

    Attributes:
        page: The displayed page, upright and level, shape (height, width).
        dewarped: The image that is recognized.
        rotation: Degrees clockwise by which the scan was rotated.
        skew: Degrees clockwise by which it was then rotated.
        letter_size: Typical letter size in pixels, 0 if unknown.
    """

    page: GrayImage
    dewarped: DewarpedImage
    rotation: int
    skew: float
    letter_size: float


def unprocessed_page(gray: GrayImage) -> PreprocessedPage:
    """Return a page that needs no preprocessing because its embedded text is used."""
    return PreprocessedPage(
        page=gray, dewarped=DewarpedImage(image=gray), rotation=0, skew=0.0, letter_size=0.0
    )


def preprocess(
    scanned: PageImage, inks: GrayImage, settings: OcrSettings, on_step: StepObserver = ignore_step
) -> PreprocessedPage:
    """Return the page as it is displayed and as it is recognized.

    Args:
        scanned: The page as scanned.
        inks: The page from `ink_separation.separate_inks`.
        settings: The languages and the time limit of Tesseract.
        on_step: Called with the name and the result of each step.

    Raises:
        TimeoutError: Tesseract exceeded its time limit.
    """
    cropped, perspective = crop_photographed_page(inks)
    estimate = estimate_orientation(cropped)
    if cropped is inks and inks is not scanned.gray:
        estimate = max(estimate, estimate_orientation(scanned.gray), key=lambda each: each.evidence)
    rotation = resolve_rotation(cropped, estimate, settings)
    rotated = deskew.rotate(cropped, rotation)
    skew = deskew.estimate_skew(rotated) if estimate.letter_count >= MIN_LETTERS else 0.0
    level = deskew.remove_skew(rotated, skew)
    page = level
    if cropped is not scanned.gray:
        page = deskew.remove_skew(deskew.rotate(scanned.gray, rotation), skew)
    on_step("upright", level)
    if not scanned.bilevel:
        level = remove_bleed_through(
            level, estimate.letter_size, lambda strokes: is_readable_text(strokes, settings)
        )
        on_step("bleed-through", level)
    to_page = None
    if perspective is not None:
        to_page = deskew.upright_matrix(scanned.gray.shape, rotation, skew) @ np.linalg.inv(
            deskew.upright_matrix(cropped.shape, rotation, skew) @ perspective
        )
    dewarped = dewarp(level, estimate.letter_size, to_page)
    on_step("dewarped", dewarped.image)
    return PreprocessedPage(
        page=page, dewarped=dewarped, rotation=rotation, skew=skew, letter_size=estimate.letter_size
    )


def is_negative(gray: GrayImage) -> bool:
    """Return whether a page is light print on a dark ground: most of it is dark, and its letters are more
    certainly letters in the negative.
    """
    if np.median(gray[::8, ::8]) >= MAX_DARK_GRAY:
        return False
    negative = estimate_orientation(255 - gray)
    return negative.is_confident and negative.evidence > estimate_orientation(gray).evidence


def resolve_rotation(gray: GrayImage, estimate: OrientationEstimate, settings: OcrSettings) -> int:
    """Return the degrees clockwise that make the page upright: by its letters, or if these disagree, by
    recognizing a part of the page both ways.
    """
    if estimate.is_confident:
        return estimate.rotation
    if estimate.letter_count < MIN_LETTERS:
        return 0
    rotations = [estimate.rotation, estimate.second_rotation]
    bands = [densest_band(deskew.rotate(gray, rotation)) for rotation in rotations]
    results = recognize_bands(bands, settings)
    first, second = (sum(len(word.text) * word.confidence**2 for word in words) for words in results)
    return rotations[0] if first >= second else rotations[1]


def is_readable_text(gray: GrayImage, settings: OcrSettings) -> bool:
    """Return whether the densest part of an image can be recognized."""
    (words,) = recognize_bands([densest_band(gray)], settings)
    long_words = [word for word in words if sum(map(str.isalpha, word.text)) >= MIN_WORD_LETTERS]
    confidence = sum(word.confidence for word in long_words)
    return len(long_words) >= MIN_READABLE_WORDS and confidence >= MIN_READABLE_CONFIDENCE * len(long_words)


def recognize_bands(bands: Sequence[GrayImage], settings: OcrSettings) -> list[list[OcrWord]]:
    """Recognize parts of a page, each as one block of text."""
    return tesseract.recognize(
        bands,
        settings.languages,
        psm=PSM_BLOCK,
        dpi=BAND_DPI,
        seconds=settings.page_timeout_seconds,
        choice=settings.tesseract,
    )


def densest_band(gray: GrayImage) -> GrayImage:
    """Return the quarter of the page's height with the most changes from ink to paper: the most print."""
    changes = (np.abs(np.diff(gray.astype(np.int16), axis=1)) > 60).sum(axis=1)
    height = max(1, gray.shape[0] // 4)
    sums = np.convolve(changes, np.ones(height), mode="valid")
    start = int(sums.argmax())
    return gray[start : start + height]
