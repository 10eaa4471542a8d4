"""Recognize the words of an upright page: scale it to the size that the engine reads best, recognize it, and
recognize uncertain parts again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.config import OcrSettings
from pipeline.ocr.engines import rapidocr_engine, tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.engines.text_detector import get_detector
from pipeline.ocr.image.cleanup import StepObserver, clean_for_recognition, ignore_step
from pipeline.ocr.image.pixels import GrayImage, resize
from pipeline.ocr.recognition.ink_account import PageInk, measure_ink
from pipeline.ocr.recognition.line_search import doubtful_lines, find_lines, merge_lines, read_lines
from pipeline.ocr.recognition.missed_text import add_missed_text
from pipeline.ocr.recognition.script_detection import detect_other_languages
from pipeline.ocr.recognition.second_pass import MIN_EXPECTED_ERRORS_PER_1000_PX, reread_uncertain_segments
from pipeline.ocr.recognition.unread_text import find_unread_text, lines_with_unread_text
from pipeline.ocr.recognition.word_confidence import calibrate
from pipeline.records import Box, UnreadText

TARGET_LETTER_SIZE_PX = 20.0
"""Letter size that Tesseract reads best: on FUNSD (10 pixels) doubling raises word F1 from 0.745 to 0.851."""
MIN_ENLARGEMENT = 1.3
"""A smaller enlargement gains nothing."""
MAX_ENLARGEMENT = 2.5
REREAD_ALL = -1.0
"""Below the expected errors of any segment: all segments are recognized twice."""
MIN_REPORTED_DPI = 150.0
"""Resolution reported to Tesseract at least. With the true resolution of a 90-dpi page, it treats the page's
print as noise.
"""


MIN_STRIP_ASPECT_RATIO = 2.5
"""Ratio of a page's sides at which it is a strip (a receipt, an ECG) that is recognized in parts."""
STRIP_PART_ASPECT_RATIO = 1.5
"""Length of a part of a strip in widths of the strip."""
CUT_SEARCH_SHARE = 0.3
"""Share of a part's length, at its end, in which the row with the least ink is searched for the cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPass:
    """The first engine's result.

    Attributes:
        words: In pixels of `image`.
        image: The cleaned page as recognized, shape (height, width).
        factor: Enlargement of `image` relative to the page.
        dpi: Resolution reported to Tesseract.
    """

    words: list[OcrWord]
    image: GrayImage
    factor: float
    dpi: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPass:
    """Both engines' result, in pixels of the recognized image.

    Attributes:
        words: With the engines' confidences.
        ink: The ink of the page.
        lines: The lines of text around print that the first pass did not explain; None if none were searched.
    """

    words: list[OcrWord]
    ink: PageInk
    lines: list[Box] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What was read of an image, and what was not.

    Attributes:
        words: In the engine's order, with calibrated confidence.
        unread: Text that was not read.
    """

    words: list[OcrWord]
    unread: list[UnreadText]

    def with_boxes(self, convert: Callable[[Box], Box]) -> Recognition:
        """Return the same with every box converted."""
        return Recognition(
            words=[replace(word, box=convert(word.box)) for word in self.words],
            unread=[replace(text, box=convert(text.box)) for text in self.unread],
        )


def recognize_words(
    page: GrayImage,
    letter_size: float,
    dpi: float,
    settings: OcrSettings,
    on_step: StepObserver = ignore_step,
) -> Recognition:
    """Return the words of a page in the engine's order, and the text that was not read.

    Args:
        page: The upright, level page, shape (height, width).
        letter_size: Typical letter size in pixels, 0 if unknown.
        dpi: Resolution of the page.
        settings: The languages and the second engine.
        on_step: Called with the name and the result of each cleanup step.

    Raises:
        TimeoutError: Tesseract exceeded its time limit.
    """
    if is_strip(page.shape):
        return recognize_strip(page, letter_size, dpi, settings)
    return recognize_part(page, letter_size, dpi, settings, on_step)


def recognize_part(
    page: GrayImage,
    letter_size: float,
    dpi: float,
    settings: OcrSettings,
    on_step: StepObserver = ignore_step,
) -> Recognition:
    """Recognize a page, or a part of any shape, without cutting it. See `recognize_words`."""
    first = first_pass(page, letter_size, dpi, settings, on_step)
    if languages := detect_other_languages(first.words, first.image, first.dpi, settings):
        settings = settings.model_copy(
            update={"languages": languages, "second_engine": "never"}
        )  # it reads Latin print alone
        words = tesseract.recognize(
            [first.image],
            languages,
            psm=3,
            dpi=first.dpi,
            seconds=settings.page_timeout_seconds,
            choice=settings.tesseract,
        )[0]
        first = replace(first, words=words)
    second = second_pass(first, settings)
    words, height, width = calibrate(second.words), *page.shape
    return Recognition(words=words, unread=find_unread_text(second.ink, words, second.lines)).with_boxes(
        lambda box: to_page_pixels(box, first.factor, width, height)
    )


def is_strip(shape: tuple[int, ...]) -> bool:
    """Return whether an image of shape (height, width) is a long strip."""
    return max(shape) >= MIN_STRIP_ASPECT_RATIO * min(shape)


def recognize_strip(page: GrayImage, letter_size: float, dpi: float, settings: OcrSettings) -> Recognition:
    """Recognize a long strip, part after part. See `recognize_words`."""
    is_wide = page.shape[1] > page.shape[0]
    cuts = strip_cuts(page.T if is_wide else page)
    words: list[OcrWord] = []
    unread: list[UnreadText] = []
    for start, end in pairwise(cuts):
        part = page[:, start:end] if is_wide else page[start:end]
        recognized = recognize_part(np.ascontiguousarray(part), letter_size, dpi, settings).with_boxes(
            partial(shift, dx=start if is_wide else 0, dy=0 if is_wide else start)
        )
        first_block = 1 + max((word.block for word in words), default=0)
        words += [replace(word, block=word.block + first_block) for word in recognized.words]
        unread += recognized.unread
    return Recognition(words=words, unread=unread)


def shift(box: Box, dx: int, dy: int) -> Box:
    """Return a box moved to the right and down."""
    return (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)


def strip_cuts(strip: GrayImage) -> list[int]:
    """Return the rows at which a strip is cut into parts, with its first and last one.

    Args:
        strip: Shape (length, width). It is cut in the row with the least ink near the end of each part.
    """
    length, width = strip.shape
    part_length = max(1, round(STRIP_PART_ASPECT_RATIO * width))
    contrast = strip.max(axis=1).astype(np.int32) - strip.min(axis=1)
    cuts = [0]
    while length - cuts[-1] > MIN_STRIP_ASPECT_RATIO * width:
        end = cuts[-1] + part_length
        search = contrast[end - round(CUT_SEARCH_SHARE * part_length) : end]
        is_least = search == search.min()
        cuts.append(end - len(search) + longest_run_middle(is_least) if len(search) else end)
    return [*cuts, length]


def longest_run_middle(flags: NDArray[np.bool_]) -> int:
    """Return the middle of the longest run of set flags."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return int((starts[longest] + ends[longest]) // 2)


def first_pass(
    page: GrayImage,
    letter_size: float,
    dpi: float,
    settings: OcrSettings,
    on_step: StepObserver = ignore_step,
) -> FirstPass:
    """Recognize the whole page with Tesseract at the size that it reads best.

    Raises:
        TimeoutError: Tesseract exceeded its time limit.
    """
    factor = enlargement_factor(letter_size)
    image = clean_for_recognition(resize(page, factor), letter_size * factor, on_step)
    reported_dpi = max(MIN_REPORTED_DPI, dpi * factor)
    words = tesseract.recognize(
        [image],
        settings.languages,
        psm=3,
        dpi=reported_dpi,
        seconds=settings.page_timeout_seconds,
        choice=settings.tesseract,
    )[0]
    return FirstPass(words=words, image=image, factor=factor, dpi=reported_dpi)


def second_pass(first: FirstPass, settings: OcrSettings) -> SecondPass:
    """Recognize uncertain parts again as the settings require, and read print that the first pass missed."""
    ink = measure_ink(first.image, first.words)
    if settings.second_engine == "never":
        words = add_missed_text(first.words, first.image, strip_reader(first, settings))
        return SecondPass(words=words, ink=ink, lines=None)
    reader = rapidocr_engine.get_engine()
    min_errors = REREAD_ALL if settings.second_engine == "always" else MIN_EXPECTED_ERRORS_PER_1000_PX
    lines = find_lines(first.image, ink, first.words, get_detector())
    doubtful = doubtful_lines(lines, first.words)
    words = reread_uncertain_segments(first.words, first.image, reader, min_errors, doubtful)
    words = merge_lines(words, read_lines(first.image, doubtful, reader))
    others = [line for line in lines if line not in doubtful]
    unread = lines_with_unread_text(ink, calibrate(words), others)
    return SecondPass(words=merge_lines(words, read_lines(first.image, unread, reader)), ink=ink, lines=lines)


def strip_reader(first: FirstPass, settings: OcrSettings) -> tesseract.TesseractStripReader:
    """Return Tesseract as a reader of strips of a page."""
    return tesseract.TesseractStripReader(
        settings.languages, first.dpi, settings.page_timeout_seconds, settings.tesseract
    )


def enlargement_factor(letter_size: float) -> float:
    """Return the factor that scales letters of a size in pixels to the best size."""
    factor = min(MAX_ENLARGEMENT, TARGET_LETTER_SIZE_PX / letter_size) if letter_size else 1.0
    return factor if factor >= MIN_ENLARGEMENT else 1.0


def to_page_pixels(box: Box, factor: float, width: int, height: int) -> Box:
    """Return a box in pixels of the page itself, clipped to the page."""
    x0, y0, x1, y1 = (side / factor for side in box)
    left, top = min(int(x0), width - 1), min(int(y0), height - 1)
    return (left, top, max(left + 1, min(round(x1), width)), max(top + 1, min(round(y1), height)))
