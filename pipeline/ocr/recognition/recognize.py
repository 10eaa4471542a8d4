"""The words of an upright page: brought to the size the engine reads best, read, looked at again where it is
doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.config import OcrSettings
from pipeline.ocr.engines import rapidocr_engine, tesseract
from pipeline.ocr.engines.engine import Seen
from pipeline.ocr.image.cleanup import Watch, for_reading, unwatched
from pipeline.ocr.image.pixels import Grey, scaled
from pipeline.ocr.recognition.missed_text import add_overlooked
from pipeline.ocr.recognition.script_detection import other_languages
from pipeline.ocr.recognition.second_pass import WORTH, look_again
from pipeline.ocr.recognition.word_confidence import calibrated

BEST_SIZE = 20.0
"""Pixels of a usual letter that Tesseract reads best: on FUNSD (10 pixels) doubling lifts word F1 from .745
to .851.
"""
WORTH_IT = 1.3
"""Enlargement below which nothing is gained."""
LARGEST = 2.5
ALL = -1.0
"""Below the worth of any segment: all are read twice."""
READ_DPI = 150.0
"""Tesseract is told at least this resolution; it takes the print of a page of 90 dpi for noise where it knows
the truth.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the first engine saw: its words, and the picture that it was shown, enlarged by `factor` to
    `dpi`.
    """

    seen: list[Seen]
    picture: Grey
    factor: float
    dpi: float


def read_words(
    flat: Grey, size: float, dpi: float, settings: OcrSettings, watch: Watch = unwatched
) -> list[Seen]:
    """The words in the engine's order. `flat`: upright and level; `size`: its usual letter in pixels. Raises
    TimeoutError.
    """
    look = first_look(flat, size, dpi, settings, watch)
    if languages := other_languages(look.seen, look.picture, look.dpi, settings):
        settings = settings.model_copy(
            update={"languages": languages, "second_engine": "never"}
        )  # it reads Latin print alone
        again = tesseract.read([look.picture], languages, psm=3, dpi=look.dpi, seconds=settings.page_seconds)[
            0
        ]
        look = replace(look, seen=again)
    seen = calibrated(second_look(look, settings))
    return [shrink(word, look.factor, flat.shape[1], flat.shape[0]) for word in seen]


def first_look(flat: Grey, size: float, dpi: float, settings: OcrSettings, watch: Watch = unwatched) -> Look:
    """Tesseract's reading of the whole page at the size that it reads best. Raises TimeoutError."""
    factor = enlargement(size)
    picture = for_reading(scaled(flat, factor), size * factor, watch)
    told = max(READ_DPI, dpi * factor)
    seen = tesseract.read([picture], settings.languages, psm=3, dpi=told, seconds=settings.page_seconds)[0]
    return Look(seen=seen, picture=picture, factor=factor, dpi=told)


def second_look(look: Look, settings: OcrSettings) -> list[Seen]:
    """The words with doubtful parts read again as the settings ask, and dropped print added; in pixels of the
    picture.
    """
    if settings.second_engine == "never":
        return add_overlooked(
            look.seen, look.picture, tesseract.Strips(settings.languages, look.dpi, settings.page_seconds)
        )
    reader = rapidocr_engine.engine()
    least = ALL if settings.second_engine == "always" else WORTH
    return add_overlooked(look_again(look.seen, look.picture, reader, least), look.picture, reader)


def enlargement(size: float) -> float:
    """The factor that brings letters of this size to the best one."""
    factor = min(LARGEST, BEST_SIZE / size) if size else 1.0
    return factor if factor >= WORTH_IT else 1.0


def shrink(word: Seen, factor: float, width: int, height: int) -> Seen:
    """The word with its box in pixels of the page itself, inside it."""
    x0, y0, x1, y1 = (side / factor for side in word.box)
    left, top = min(int(x0), width - 1), min(int(y0), height - 1)
    return replace(
        word, box=(left, top, max(left + 1, min(round(x1), width)), max(top + 1, min(round(y1), height)))
    )
