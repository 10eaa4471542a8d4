"""The words of an upright page: brought to the size the engine reads best, read, looked at again where it is
doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.config import OcrSettings
from pipeline.ocr.engines import rapidocr_engine, tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.cleanup import StepObserver, clean_for_recognition, ignore_step
from pipeline.ocr.image.pixels import GrayImage, resize
from pipeline.ocr.recognition.missed_text import add_missed_text
from pipeline.ocr.recognition.script_detection import detect_other_languages
from pipeline.ocr.recognition.second_pass import MIN_EXPECTED_ERRORS_PER_1000_PX, reread_uncertain_segments
from pipeline.ocr.recognition.word_confidence import calibrate

TARGET_LETTER_SIZE_PX = 20.0
"""Pixels of a usual letter that Tesseract reads best: on FUNSD (10 pixels) doubling lifts word F1 from .745
to .851.
"""
MIN_ENLARGEMENT = 1.3
"""Enlargement below which nothing is gained."""
MAX_ENLARGEMENT = 2.5
REREAD_ALL = -1.0
"""Below the worth of any segment: all are read twice."""
MIN_REPORTED_DPI = 150.0
"""Tesseract is told at least this resolution; it takes the print of a page of 90 dpi for noise where it knows
the truth.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPass:
    """What the first engine saw: its words, and the picture that it was shown, enlarged by `factor` to
    `dpi`.
    """

    words: list[OcrWord]
    image: GrayImage
    factor: float
    dpi: float


def recognize_words(
    flat: GrayImage, size: float, dpi: float, settings: OcrSettings, watch: StepObserver = ignore_step
) -> list[OcrWord]:
    """The words in the engine's order. `flat`: upright and level; `size`: its usual letter in pixels. Raises
    TimeoutError.
    """
    look = first_pass(flat, size, dpi, settings, watch)
    if languages := detect_other_languages(look.words, look.image, look.dpi, settings):
        settings = settings.model_copy(
            update={"languages": languages, "second_engine": "never"}
        )  # it reads Latin print alone
        again = tesseract.recognize(
            [look.image], languages, psm=3, dpi=look.dpi, seconds=settings.page_timeout_seconds
        )[0]
        look = replace(look, words=again)
    seen = calibrate(second_pass(look, settings))
    return [to_page_pixels(word, look.factor, flat.shape[1], flat.shape[0]) for word in seen]


def first_pass(
    flat: GrayImage, size: float, dpi: float, settings: OcrSettings, watch: StepObserver = ignore_step
) -> FirstPass:
    """Tesseract's reading of the whole page at the size that it reads best. Raises TimeoutError."""
    factor = enlargement_factor(size)
    picture = clean_for_recognition(resize(flat, factor), size * factor, watch)
    told = max(MIN_REPORTED_DPI, dpi * factor)
    seen = tesseract.recognize(
        [picture], settings.languages, psm=3, dpi=told, seconds=settings.page_timeout_seconds
    )[0]
    return FirstPass(words=seen, image=picture, factor=factor, dpi=told)


def second_pass(look: FirstPass, settings: OcrSettings) -> list[OcrWord]:
    """The words with doubtful parts read again as the settings ask, and dropped print added; in pixels of the
    picture.
    """
    if settings.second_engine == "never":
        return add_missed_text(
            look.words,
            look.image,
            tesseract.TesseractStripReader(settings.languages, look.dpi, settings.page_timeout_seconds),
        )
    reader = rapidocr_engine.get_engine()
    least = REREAD_ALL if settings.second_engine == "always" else MIN_EXPECTED_ERRORS_PER_1000_PX
    return add_missed_text(
        reread_uncertain_segments(look.words, look.image, reader, least), look.image, reader
    )


def enlargement_factor(size: float) -> float:
    """The factor that brings letters of this size to the best one."""
    factor = min(MAX_ENLARGEMENT, TARGET_LETTER_SIZE_PX / size) if size else 1.0
    return factor if factor >= MIN_ENLARGEMENT else 1.0


def to_page_pixels(word: OcrWord, factor: float, width: int, height: int) -> OcrWord:
    """The word with its box in pixels of the page itself, inside it."""
    x0, y0, x1, y1 = (side / factor for side in word.box)
    left, top = min(int(x0), width - 1), min(int(y0), height - 1)
    return replace(
        word, box=(left, top, max(left + 1, min(round(x1), width)), max(top + 1, min(round(y1), height)))
    )
