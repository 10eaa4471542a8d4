"""Read one page: turn it upright, read its words, make its searchable PDF. Pure: pixels in, a Reading out.

A reading depends on the picture, the engine and the settings alone, so `engine_key` with the picture's hash
names it in a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pipeline.config import OcrSettings
from pipeline.errors import InvalidInput
from pipeline.ocr.barcodes.decode import read_barcodes
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image import deskew, pixels
from pipeline.ocr.image.cleanup import StepObserver, ignore_step
from pipeline.ocr.image.ink_separation import separate_inks
from pipeline.ocr.image.pixels import GrayImage, PageImage
from pipeline.ocr.layout.reading_order import order_words
from pipeline.ocr.layout.tables import find_tables
from pipeline.ocr.output import searchable_pdf
from pipeline.ocr.output.image_encoding import encode_page
from pipeline.ocr.output.placeholder_page import placeholder_page
from pipeline.ocr.output.preview import encode_preview, shrink_for_screen
from pipeline.ocr.preprocess import PreprocessedPage, preprocess, unprocessed_page
from pipeline.ocr.recognition.embedded_text import usable_embedded_words
from pipeline.ocr.recognition.page_content import classify_content, measure_letter_ink, page_confidence
from pipeline.ocr.recognition.recognize import recognize_words
from pipeline.records import OcrPage, Page, Word

READER_REVISION = 11
"""Raised whenever the same picture would be read differently: cached readings of an older version are not
used.
"""
DEFAULT_PAGE_LENGTH_INCHES = 11.0
"""Longest side assumed of a page whose resolution is not told or not believable."""
PAGE_SIDE_RANGE_INCHES = (2.5, 17.5)
"""The shorter side is at least the first, the longer at most the second (ledger paper), if a stated
resolution is right.
"""
MAX_BLANK_INK_SHARE = 0.0004
"""Share of ink below which a page without words is blank: a few specks and a staple's shadow, no line of
print.
"""
EDGE_MARGIN_SHARE = 0.09
"""Share of the page's sides in which ink is the scanner's border, a punch hole or a staple; an inch of a
letter page's width.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading a page gives: its record, its one-page PDF and its picture for the screen.

    `page.pdf` and `page.preview` are still None: whoever stores the bytes names them.
    """

    page: OcrPage
    pdf: bytes
    preview: bytes


def engine_key(settings: OcrSettings) -> str:
    """Names everything but the picture that a reading depends on."""
    told = f"{READER_REVISION}|{tesseract.library_version()}|{settings.model_dump_json(exclude={'page_timeout_seconds'})}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def read_page(
    page: Page, pixels_file: Path | None, settings: OcrSettings, watch: StepObserver = ignore_step
) -> Reading:
    """The reading of a page. A page that cannot be read is a record with its `problem`, never an exception.

    `watch` is told each step's name and picture. Raises MissingDependency if Tesseract or a language is not
    installed."""
    if pixels_file is None:
        return unreadable_page(page, page.problem or "The page has no picture.")
    try:
        return read_page_image(
            page, pixels.load_page_image(pixels_file), settings, watch
        )  # held by no name: a large page's colors are let go
    except InvalidInput as error:
        return unreadable_page(page, str(error))
    except TimeoutError as error:
        return unreadable_page(page, str(error))


def unreadable_page(page: Page, problem: str) -> Reading:
    """A page that a person must look at: in its place stands a sheet that says so, so that a document keeps
    its page count.
    """
    sheet = placeholder_page(f"Page {page.number} could not be read.", problem)
    height, width = sheet.gray.shape
    placed = searchable_pdf.PagePlacement(width=width, height=height, dpi=width / 8.5, rotation=0, skew=0.0)
    return Reading(
        page=OcrPage(number=page.number, image=None, dpi=page.dpi, problem=problem),
        pdf=searchable_pdf.page_pdf(encode_page(sheet, 0, 150.0), placed, []),
        preview=encode_preview(sheet.gray, only_print=True),
    )


def read_page_image(
    page: Page, scanned: PageImage, settings: OcrSettings, watch: StepObserver = ignore_step
) -> Reading:
    """The reading of a page whose pixels could be decoded: archived as it came, read as it reads best, shown
    upright.
    """
    watch("scanned", scanned.gray)
    dpi = plausible_dpi(page.dpi, scanned.width, scanned.height)
    archived = encode_page(scanned, settings.jpeg_quality, dpi)
    colored = None if scanned.color is None else shrink_for_screen(scanned.color)
    own = usable_embedded_words(page.words, scanned.gray) if page.words else None
    inks = separate_inks(scanned) if own is None else scanned.gray
    watch("inks", inks)
    scanned = replace(scanned, color=None)  # three bytes a pixel that nothing below needs
    ready = preprocess(scanned, inks, settings, watch) if own is None else unprocessed_page(scanned.gray)
    record, seen = make_record(page, ready, own, dpi, settings, watch)
    placed = searchable_pdf.PagePlacement(
        width=record.width, height=record.height, dpi=dpi, rotation=record.rotation, skew=record.skew
    )
    searchable = searchable_pdf.page_pdf(
        archived, placed, searchable_pdf.group_into_lines(record.words, [s.line_key for s in seen])
    )
    if watch is not ignore_step:
        watch("words", draw_word_boxes(ready.page, seen))
    if colored is None:
        picture = encode_preview(ready.page, only_print=archived.only_print)
    else:
        picture = encode_preview(deskew.remove_skew(deskew.rotate(colored, record.rotation), record.skew))
    return Reading(page=record, pdf=searchable, preview=picture)


def make_record(
    page: Page,
    ready: PreprocessedPage,
    own: list[OcrWord] | None,
    dpi: float,
    settings: OcrSettings,
    watch: StepObserver,
) -> tuple[OcrPage, list[OcrWord]]:
    """The record of a page that is ready to be read, and its words with their lines. `own`: the words it
    brought along.
    """
    clean, (height, width) = ready.dewarped.image, ready.page.shape
    seen, problem, found = own or [], page.problem, find_tables(clean, ready.letter_size)
    if own is None:
        try:
            seen = order_words(recognize_words(clean, ready.letter_size, dpi, settings, watch), found)
        except TimeoutError as error:
            problem = problem or str(error)
    ink = measure_letter_ink(clean, ready.letter_size, seen)
    sure = page_confidence(seen, ink.unread_count if own is None else 0)
    seen, codes = ready.dewarped.words_on_page(seen, ready.page.shape), read_barcodes(ready.page)
    blank = not seen and not codes and problem is None and ink_share(clean) < MAX_BLANK_INK_SHARE
    record = OcrPage(
        number=page.number,
        image=page.image,
        width=width,
        height=height,
        dpi=dpi,
        rotation=ready.rotation,
        skew=ready.skew,
        blank=blank,
        content_kind="blank"
        if blank
        else classify_content(clean, ready.letter_size, ink, sum(len(table.cells) for table in found)),
        confidence=sure,
        text=text_from_words(seen),
        words=tuple(Word(text=s.text, box=s.box, confidence=s.confidence) for s in seen),
        barcodes=codes,
        thumbnail=pixels.make_thumbnail(ready.page),
        problem=problem,
    )
    return record, seen


def ink_share(gray: GrayImage) -> float:
    """Share of ink on the page, without what stands wholly along its edges."""
    dark, _ = deskew.ink_mask(gray, 1000)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8), connectivity=8)
    x, y, wide, high, area = stats[1:].T
    edge_x, edge_y = EDGE_MARGIN_SHARE * dark.shape[1], EDGE_MARGIN_SHARE * dark.shape[0]
    along = (
        (x + wide <= edge_x)
        | (x >= dark.shape[1] - edge_x)
        | (y + high <= edge_y)
        | (y >= dark.shape[0] - edge_y)
    )
    return float(area[~along].sum() / dark.size)


def plausible_dpi(told: float | None, width: int, height: int) -> float:
    """The stated resolution if the paper would have a believable size, else that of a letter page."""
    short, long = sorted((width, height))
    if told and short / told >= PAGE_SIDE_RANGE_INCHES[0] and long / told <= PAGE_SIDE_RANGE_INCHES[1]:
        return told
    return round(long / DEFAULT_PAGE_LENGTH_INCHES, 1)


def text_from_words(seen: Sequence[OcrWord]) -> str:
    """The words in reading order, a line on a line of its own, paragraphs divided by an empty line."""
    text, last = "", None
    for word in seen:
        if last is not None:
            text += " " if word.line_key == last else "\n" if word.line_key[:2] == last[:2] else "\n\n"
        text, last = text + word.text, word.line_key
    return text


def draw_word_boxes(flat: GrayImage, seen: Sequence[OcrWord]) -> GrayImage:
    """The page with a frame around each word, for looking at."""
    out = flat.copy()
    for word in seen:
        cv2.rectangle(out, word.box[:2], word.box[2:], 0, 1)
    return out
