"""A scanned page made ready for reading: its inks apart, cut out of a photograph, upright, level, its back
and its bends gone.

What is archived, shown and pointed at is the page as it came, upright and level (`flat`); what is read may be
another picture (`straight`), from which words find their way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.config import OcrSettings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.image import deskew
from pipeline.ocr.image.bleed_through import remove_bleed_through
from pipeline.ocr.image.cleanup import StepObserver, ignore_step
from pipeline.ocr.image.dewarp import DewarpedImage, crop_photographed_page, dewarp
from pipeline.ocr.image.orientation import MIN_LETTERS, OrientationEstimate, estimate_orientation
from pipeline.ocr.image.pixels import GrayImage, PageImage

MIN_WORD_LETTERS, MIN_READABLE_WORDS, MIN_READABLE_CONFIDENCE = 4, 4, 0.5
"""Strokes are text where at least so many words of so many letters are read with this confidence on average:
backs of sheets in a mirror have .67 to .96, worn print in a mirror two such words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessedPage:
    """`rotation`, `skew`: see records.OcrPage; `size`: the usual letter in pixels; `photo`: a sheet was cut
    out of it.
    """

    page: GrayImage
    dewarp: DewarpedImage
    rotation: int
    skew: float
    letter_size: float
    is_photograph: bool = False


def unprocessed_page(gray: GrayImage) -> PreprocessedPage:
    """A page that needs nothing: its own text stands on it."""
    return PreprocessedPage(
        page=gray, dewarped=DewarpedImage(image=gray), rotation=0, skew=0.0, letter_size=0.0
    )


def preprocess(
    scanned: PageImage, inks: GrayImage, settings: OcrSettings, watch: StepObserver = ignore_step
) -> PreprocessedPage:
    """The page as it is shown and as it is read. `inks`: see color.inks_apart. Raises TimeoutError."""
    page, perspective = crop_photographed_page(inks)
    turn = estimate_orientation(page)
    rotation = resolve_rotation(page, turn, settings)
    turned = deskew.rotate(page, rotation)
    skew = deskew.estimate_skew(turned) if turn.letter_count >= MIN_LETTERS else 0.0
    level = deskew.remove_skew(turned, skew)
    flat = level if page is scanned.gray else deskew.remove_skew(deskew.rotate(scanned.gray, rotation), skew)
    watch("upright", level)
    if not scanned.bilevel:
        level = remove_bleed_through(
            level, turn.letter_size, lambda strokes: is_readable_text(strokes, settings)
        )
        watch("show-through", level)
    back = None
    if perspective is not None:
        back = deskew.upright_matrix(scanned.gray.shape, rotation, skew) @ np.linalg.inv(
            deskew.upright_matrix(page.shape, rotation, skew) @ perspective
        )
    read = dewarp(level, turn.letter_size, back)
    watch("straight", read.image)
    return PreprocessedPage(
        page=flat,
        dewarped=read,
        rotation=rotation,
        skew=skew,
        letter_size=turn.letter_size,
        is_photograph=back is not None,
    )


def resolve_rotation(gray: GrayImage, turn: OrientationEstimate, settings: OcrSettings) -> int:
    """Degrees clockwise that make the page upright: by its letters, or where these disagree by reading some
    lines both ways.
    """
    if turn.is_confident or turn.letter_count < MIN_LETTERS:
        return turn.rotation if turn.is_confident else 0
    ways = [turn.rotation, turn.second_rotation]
    parts = [densest_band(deskew.rotate(gray, way)) for way in ways]
    answers = tesseract.recognize(
        parts, settings.languages, psm=6, dpi=200, seconds=settings.page_timeout_seconds
    )
    sense = [sum(len(word.text) * word.confidence**2 for word in words) for words in answers]
    return ways[0] if sense[0] >= sense[1] else ways[1]


def is_readable_text(gray: GrayImage, settings: OcrSettings) -> bool:
    """Whether the densest part of a picture can be read."""
    words = tesseract.recognize(
        [densest_band(gray)], settings.languages, psm=6, dpi=200, seconds=settings.page_timeout_seconds
    )[0]
    long = [word for word in words if sum(map(str.isalpha, word.text)) >= MIN_WORD_LETTERS]
    return len(long) >= MIN_READABLE_WORDS and sum(
        word.confidence for word in long
    ) >= MIN_READABLE_CONFIDENCE * len(long)


def densest_band(gray: GrayImage) -> GrayImage:
    """The quarter of the page's height with the most changes from ink to paper: the most print."""
    changes = (np.abs(np.diff(gray.astype(np.int16), axis=1)) > 60).sum(axis=1)
    height = max(1, gray.shape[0] // 4)
    inside = np.convolve(changes, np.ones(height), mode="valid")
    start = int(inside.argmax())
    return gray[start : start + height]
