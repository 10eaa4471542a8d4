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
from pipeline.errors import BadInput
from pipeline.ocr.barcodes.decode import read_barcodes
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import Seen
from pipeline.ocr.image import deskew, pixels
from pipeline.ocr.image.cleanup import Watch, unwatched
from pipeline.ocr.image.ink_separation import inks_apart
from pipeline.ocr.image.pixels import Grey, Pixels
from pipeline.ocr.layout.reading_order import in_reading_order
from pipeline.ocr.layout.tables import tables
from pipeline.ocr.output import searchable_pdf
from pipeline.ocr.output.image_encoding import raster
from pipeline.ocr.output.placeholder_page import notice
from pipeline.ocr.output.preview import for_screen, preview
from pipeline.ocr.preprocess import Prepared, as_it_is, prepare
from pipeline.ocr.recognition.embedded_text import own_text
from pipeline.ocr.recognition.page_content import bears, ink_of, score
from pipeline.ocr.recognition.recognize import read_words
from pipeline.records import OcrPage, Page, Word

VERSION = 11
"""Raised whenever the same picture would be read differently: cached readings of an older version are not
used.
"""
PAPER_INCHES = 11.0
"""Longest side assumed of a page whose resolution is not told or not believable."""
BELIEVABLE_INCHES = (2.5, 17.5)
"""The shorter side is at least the first, the longer at most the second (ledger paper), if a stated
resolution is right.
"""
BLANK_INK = 0.0004
"""Share of ink below which a page without words is blank: a few specks and a staple's shadow, no line of
print.
"""
EDGE = 0.09
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
    told = f"{VERSION}|{tesseract.version()}|{settings.model_dump_json(exclude={'page_seconds'})}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def read_page(
    page: Page, pixels_file: Path | None, settings: OcrSettings, watch: Watch = unwatched
) -> Reading:
    """The reading of a page. A page that cannot be read is a record with its `problem`, never an exception.

    `watch` is told each step's name and picture. Raises MissingProgram if Tesseract or a language is not
    installed."""
    if pixels_file is None:
        return unreadable(page, page.problem or "The page has no picture.")
    try:
        return read_pixels(
            page, pixels.load(pixels_file), settings, watch
        )  # held by no name: a large page's colours are let go
    except BadInput as error:
        return unreadable(page, str(error))
    except TimeoutError as error:
        return unreadable(page, str(error))


def unreadable(page: Page, problem: str) -> Reading:
    """A page that a person must look at: in its place stands a sheet that says so, so that a document keeps
    its page count.
    """
    sheet = notice(f"Page {page.number} could not be read.", problem)
    height, width = sheet.grey.shape
    placed = searchable_pdf.Placed(width=width, height=height, dpi=width / 8.5, rotation=0, skew=0.0)
    return Reading(
        page=OcrPage(number=page.number, image=None, dpi=page.dpi, problem=problem),
        pdf=searchable_pdf.page_pdf(raster(sheet, 0, 150.0), placed, []),
        preview=preview(sheet.grey, only_print=True),
    )


def read_pixels(page: Page, scanned: Pixels, settings: OcrSettings, watch: Watch = unwatched) -> Reading:
    """The reading of a page whose pixels could be decoded: archived as it came, read as it reads best, shown
    upright.
    """
    watch("scanned", scanned.grey)
    dpi = believable_dpi(page.dpi, scanned.width, scanned.height)
    archived = raster(scanned, settings.jpeg_quality, dpi)
    coloured = None if scanned.colour is None else for_screen(scanned.colour)
    own = own_text(page.words, scanned.grey) if page.words else None
    inks = inks_apart(scanned) if own is None else scanned.grey
    watch("inks", inks)
    scanned = replace(scanned, colour=None)  # three bytes a pixel that nothing below needs
    ready = prepare(scanned, inks, settings, watch) if own is None else as_it_is(scanned.grey)
    record, seen = recorded(page, ready, own, dpi, settings, watch)
    placed = searchable_pdf.Placed(
        width=record.width, height=record.height, dpi=dpi, rotation=record.rotation, skew=record.skew
    )
    searchable = searchable_pdf.page_pdf(
        archived, placed, searchable_pdf.lines_of(record.words, [s.place for s in seen])
    )
    if watch is not unwatched:
        watch("words", drawn(ready.flat, seen))
    if coloured is None:
        picture = preview(ready.flat, only_print=archived.only_print)
    else:
        picture = preview(deskew.level(deskew.turn(coloured, record.rotation), record.skew))
    return Reading(page=record, pdf=searchable, preview=picture)


def recorded(
    page: Page, ready: Prepared, own: list[Seen] | None, dpi: float, settings: OcrSettings, watch: Watch
) -> tuple[OcrPage, list[Seen]]:
    """The record of a page that is ready to be read, and its words with their lines. `own`: the words it
    brought along.
    """
    clean, (height, width) = ready.straight.picture, ready.flat.shape
    seen, problem, found = own or [], page.problem, tables(clean, ready.size)
    if own is None:
        try:
            seen = in_reading_order(read_words(clean, ready.size, dpi, settings, watch), found)
        except TimeoutError as error:
            problem = problem or str(error)
    ink = ink_of(clean, ready.size, seen)
    sure = score(seen, ink.unread if own is None else 0)
    seen, codes = ready.straight.on_page(seen, ready.flat.shape), read_barcodes(ready.flat)
    blank = not seen and not codes and problem is None and inked(clean) < BLANK_INK
    record = OcrPage(
        number=page.number,
        image=page.image,
        width=width,
        height=height,
        dpi=dpi,
        rotation=ready.rotation,
        skew=ready.skew,
        blank=blank,
        bears="blank" if blank else bears(clean, ready.size, ink, sum(len(table.cells) for table in found)),
        confidence=sure,
        text=text_of(seen),
        words=tuple(Word(text=s.text, box=s.box, confidence=s.confidence) for s in seen),
        barcodes=codes,
        thumbnail=pixels.thumbnail(ready.flat),
        problem=problem,
    )
    return record, seen


def inked(grey: Grey) -> float:
    """Share of ink on the page, without what stands wholly along its edges."""
    dark, _ = deskew.ink(grey, 1000)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8), connectivity=8)
    x, y, wide, high, area = stats[1:].T
    edge_x, edge_y = EDGE * dark.shape[1], EDGE * dark.shape[0]
    along = (
        (x + wide <= edge_x)
        | (x >= dark.shape[1] - edge_x)
        | (y + high <= edge_y)
        | (y >= dark.shape[0] - edge_y)
    )
    return float(area[~along].sum() / dark.size)


def believable_dpi(told: float | None, width: int, height: int) -> float:
    """The stated resolution if the paper would have a believable size, else that of a letter page."""
    short, long = sorted((width, height))
    if told and short / told >= BELIEVABLE_INCHES[0] and long / told <= BELIEVABLE_INCHES[1]:
        return told
    return round(long / PAPER_INCHES, 1)


def text_of(seen: Sequence[Seen]) -> str:
    """The words in reading order, a line on a line of its own, paragraphs divided by an empty line."""
    text, last = "", None
    for word in seen:
        if last is not None:
            text += " " if word.place == last else "\n" if word.place[:2] == last[:2] else "\n\n"
        text, last = text + word.text, word.place
    return text


def drawn(flat: Grey, seen: Sequence[Seen]) -> Grey:
    """The page with a frame around each word, for looking at."""
    out = flat.copy()
    for word in seen:
        cv2.rectangle(out, word.box[:2], word.box[2:], 0, 1)
    return out
