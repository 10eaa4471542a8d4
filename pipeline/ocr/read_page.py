"""Read one page: rotate it upright, recognize its words, write its searchable PDF. Pure: pixels in, a Reading
out.

A reading depends only on the page, the engines, their models and the settings; `engine_key` names all but the
page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pipeline.boxes import contains_center
from pipeline.config import OcrSettings
from pipeline.errors import InvalidInput
from pipeline.ocr.barcodes.decode import read_barcodes
from pipeline.ocr.engines.engine import OcrWord, RecognitionFailed
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
from pipeline.ocr.preprocess import PreprocessedPage, is_negative, preprocess, unprocessed_page
from pipeline.ocr.recognition.embedded_text import usable_embedded_text
from pipeline.ocr.recognition.font_check import agrees_with_print
from pipeline.ocr.recognition.page_content import classify_content, measure_letter_ink, page_confidence
from pipeline.ocr.recognition.recognize import is_strip, recognize_words
from pipeline.ocr.recognition.unread_print import add_unread_print
from pipeline.records import OcrPage, Page, UnreadText, Word

DEFAULT_PAGE_LENGTH_INCHES = 11.0
"""Longest side assumed for a page whose resolution is missing or implausible."""
PAGE_SIDE_RANGE_INCHES = (2.5, 17.5)
"""A stated resolution is plausible if the shorter side is at least the first, and the longer at most the
second (ledger paper).
"""
STRIP_WIDTH_RANGE_INCHES, MAX_STRIP_LENGTH_INCHES = (1.5, 12.0), 200.0
"""Plausible sides of a long strip: a receipt or an ECG."""
MAX_BLANK_INK_SHARE = 0.0004
"""Share of ink below which a page without words is blank: a few specks and a staple's shadow, but no line of
print.
"""
EDGE_MARGIN_SHARE = 0.09
"""Share of the page's width and height in which ink is the scanner's border, a punch hole or a staple: 0.77
and 0.99 inches of a letter page.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The result of reading a page. `page.pdf` and `page.preview` are None until the bytes are stored.

    Attributes:
        page: The record.
        pdf: The one-page searchable PDF.
        preview: The image for the screen (PNG or JPEG).
    """

    page: OcrPage
    pdf: bytes
    preview: bytes


def read_page(
    page: Page, image_file: Path | None, settings: OcrSettings, on_step: StepObserver = ignore_step
) -> Reading:
    """Read a page. A page that cannot be read results in a record with its `problem`, never in an exception.

    Args:
        page: The page.
        image_file: Its image; None if it could not be opened.
        settings: The languages and the engines.
        on_step: Called with the name and the result of each step.

    Raises:
        MissingDependency: Tesseract or a language is not installed.
    """
    if image_file is None:
        return unreadable_page(page, page.problem or "The page has no image.")
    try:
        # The image is not bound to a name here, so that a large page's colors are freed early.
        return read_page_image(page, pixels.load_page_image(image_file), settings, on_step)
    except (InvalidInput, TimeoutError, RecognitionFailed) as error:
        return unreadable_page(page, str(error))


def unreadable_page(page: Page, problem: str) -> Reading:
    """Return the reading of a page that a person must check: a placeholder page that states the problem, so
    that a document keeps its page count.
    """
    placeholder = placeholder_page(f"Page {page.number} could not be read.", problem)
    placement = searchable_pdf.PagePlacement(
        width=placeholder.width, height=placeholder.height, dpi=placeholder.width / 8.5, rotation=0, skew=0.0
    )
    return Reading(
        page=OcrPage(number=page.number, image=None, dpi=page.dpi, problem=problem),
        pdf=searchable_pdf.page_pdf(encode_page(placeholder, 0, 150.0), placement, []),
        preview=encode_preview(placeholder.gray, only_print=True),
    )


def read_page_image(
    page: Page, scanned: PageImage, settings: OcrSettings, on_step: StepObserver = ignore_step
) -> Reading:
    """Read a page whose image could be decoded: archived as scanned, recognized as it reads best, displayed
    upright.

    Args:
        page: The page.
        scanned: Its image.
        settings: The languages and the engines.
        on_step: Called with the name and the result of each step.
    """
    on_step("scanned", scanned.gray)
    dpi = plausible_dpi(page.dpi, scanned.width, scanned.height)
    archived = encode_page(scanned, settings.jpeg_quality, dpi)
    color_preview = None if scanned.color is None else shrink_for_screen(scanned.color)
    embedded = embedded_words(page, scanned, dpi, settings) if page.words else None
    if embedded is None and is_negative(scanned.gray):
        scanned = PageImage(
            gray=255 - scanned.gray,
            color=None if scanned.color is None else 255 - scanned.color,
            bilevel=scanned.bilevel,
        )
    inks = separate_inks(scanned) if embedded is None else scanned.gray
    on_step("inks", inks)
    scanned = replace(scanned, color=None)  # frees three bytes per pixel that are no longer needed
    if embedded is None:
        prepared = preprocess(scanned, inks, settings, on_step)
    else:
        prepared = unprocessed_page(scanned.gray)
    record, words = make_record(page, prepared, embedded, dpi, settings, on_step)
    placement = searchable_pdf.PagePlacement(
        width=record.width, height=record.height, dpi=dpi, rotation=record.rotation, skew=record.skew
    )
    lines = searchable_pdf.group_into_lines(record.words, [word.line_key for word in words])
    searchable = searchable_pdf.page_pdf(archived, placement, lines)
    if on_step is not ignore_step:
        on_step("words", draw_word_boxes(prepared.page, words))
    if color_preview is None:
        preview = encode_preview(prepared.page, only_print=archived.only_print)
    else:
        upright = deskew.rotate(color_preview, record.rotation)
        preview = encode_preview(deskew.remove_skew(upright, record.skew))
    return Reading(page=record, pdf=searchable, preview=preview)


def embedded_words(page: Page, scanned: PageImage, dpi: float, settings: OcrSettings) -> list[OcrWord] | None:
    """Return the page's own words, with those of pictures and stamps on it; None if it must be recognized."""
    text = usable_embedded_text(page.words, scanned.gray)
    if text is None or not agrees_with_print(text.words, scanned.gray, settings):
        return None
    return add_unread_print(text, scanned, dpi, settings)


def make_record(
    page: Page,
    prepared: PreprocessedPage,
    embedded: list[OcrWord] | None,
    dpi: float,
    settings: OcrSettings,
    on_step: StepObserver,
) -> tuple[OcrPage, list[OcrWord]]:
    """Recognize a preprocessed page and return its record, and its words with their lines.

    Args:
        page: The page.
        prepared: The page, preprocessed.
        embedded: Its usable embedded words; None if it must be recognized.
        dpi: Its resolution.
        settings: The languages and the engines.
        on_step: Called with the name and the result of each step.
    """
    image, letter_size = prepared.dewarped.image, prepared.letter_size
    tables, problem = find_tables(image, letter_size), page.problem
    words, unread = embedded or [], list[UnreadText]()
    if embedded is None:
        try:
            recognized = recognize_words(image, letter_size, dpi, settings, on_step)
            words, unread = order_words(recognized.words, tables), recognized.unread
        except (TimeoutError, RecognitionFailed) as error:
            problem = problem or str(error)
    ink = measure_letter_ink(image, letter_size, words)
    words = prepared.dewarped.words_on_page(words, prepared.page.shape)
    barcodes = read_barcodes(prepared.page)
    unread = [
        text
        for text in prepared.dewarped.unread_on_page(unread, prepared.page.shape)
        if not any(contains_center(barcode.box, text.box) for barcode in barcodes)
    ]
    has_content = bool(words or barcodes or problem is not None or is_strip(image.shape))
    is_blank = not has_content and ink_share(image) < MAX_BLANK_INK_SHARE
    cells = sum(len(table.cells) for table in tables)
    height, width = prepared.page.shape
    record = OcrPage(
        number=page.number,
        image=page.image,
        width=width,
        height=height,
        dpi=dpi,
        rotation=prepared.rotation,
        skew=prepared.skew,
        blank=is_blank,
        content_kind="blank" if is_blank else classify_content(image, letter_size, ink, cells),
        confidence=page_confidence(words, sum(text.letters for text in unread)),
        text=text_from_words(words),
        words=tuple(Word(text=word.text, box=word.box, confidence=word.confidence) for word in words),
        barcodes=barcodes,
        unread=tuple(unread),
        thumbnail=pixels.make_thumbnail(prepared.page),
        problem=problem,
    )
    return record, words


def ink_share(gray: GrayImage) -> float:
    """Return the share of ink on the page, without components completely within its margins."""
    is_ink, _ = deskew.ink_mask(gray, 1000)
    _, _, stats, _ = pixels.connected_components(is_ink.astype(np.uint8))
    at_edge = pixels.is_along_edge(stats[1:], is_ink.shape, (EDGE_MARGIN_SHARE, EDGE_MARGIN_SHARE))
    return float(stats[1:, 4][~at_edge].sum() / is_ink.size)


def plausible_dpi(stated: float | None, width: int, height: int) -> float:
    """Return the stated resolution if the paper would have a plausible size, else that of a letter page."""
    short, long = sorted((width, height))
    if stated and short / stated >= PAGE_SIDE_RANGE_INCHES[0] and long / stated <= PAGE_SIDE_RANGE_INCHES[1]:
        return stated
    if stated and is_strip((width, height)):
        low, high = STRIP_WIDTH_RANGE_INCHES
        if low <= short / stated <= high and long / stated <= MAX_STRIP_LENGTH_INCHES:
            return stated
    return round(long / DEFAULT_PAGE_LENGTH_INCHES, 1)


def text_from_words(words: Sequence[OcrWord]) -> str:
    """Return the words in reading order, one line of the page per line, with an empty line between
    paragraphs.
    """
    text, last = "", None
    for word in words:
        if last is not None:
            is_same_paragraph = word.line_key[:2] == last[:2]
            text += " " if word.line_key == last else "\n" if is_same_paragraph else "\n\n"
        text, last = text + word.text, word.line_key
    return text


def draw_word_boxes(gray: GrayImage, words: Sequence[OcrWord]) -> GrayImage:
    """Return a copy of the page with a frame around each word."""
    framed = gray.copy()
    for word in words:
        cv2.rectangle(framed, word.box[:2], word.box[2:], 0, 1)
    return framed
