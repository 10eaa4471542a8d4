"""Draw pages on which layout analysis loses print: on ruled lines, in tables and boxes, underlined, on forms
in a light color, at the page's edge.

A seed identifies a page. Sizes are in 1/200 inch, as in pipeline.synthetic.page. No page is drawn too coarse
to be read: an em has at least MIN_EM_PX pixels.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.records import Box, Word
from pipeline.synthetic.compose import document
from pipeline.synthetic.draw import draw_page
from pipeline.synthetic.page import HEIGHT, WIDTH, DrawingMark, Face, Font, PageCanvas
from pipeline.synthetic.page_blocks import block_lines
from pipeline.synthetic.people import patients
from pipeline.synthetic.scanner import Scanner, scan

Pixels = NDArray[np.uint8]
RESOLUTIONS_DPI = (75, 85, 100, 120, 150, 200)
MIN_EM_PX = 11
"""Pixels of an em below which print is hardly legible to a person."""
FACES: tuple[Face, ...] = ("sans", "serif", "mono", "narrow")
DROPOUT_COLORS = ((235, 120, 110), (120, 190, 130), (120, 160, 230), (240, 160, 80), (190, 150, 215))
MIN_BILEVEL_DPI = 150
"""Resolution below which print scanned in black and white is not legible."""
JPEG_QUALITY = 80
MARGIN_NUMBER_X = 985
"""Left edge of the number that runs down an edge page, between its columns of words."""
TEXT_TYPES = ("progress_note", "consultation", "discharge_summary", "operative_report", "radiology_report")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledPage:
    """A page as scanned.

    Attributes:
        picture: The image; it may lie on its side.
        words: Its words with their boxes in pixels of the page before it was scanned.
        dpi: Its resolution.
        kind: The name of its layout.
    """

    picture: Image.Image
    words: tuple[Word, ...]
    dpi: int
    kind: str

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(word.text for word in self.words)


@dataclass(slots=True)
class Sheet:
    """A page that is being drawn: black print, and print in a dropout color."""

    rng: random.Random
    font: Font
    black: PageCanvas
    colored: PageCanvas
    lines: Iterator[str]

    @classmethod
    def blank(cls, seed: int, dpi: int) -> Sheet:
        """Return an empty page with a typeface and a size that are legible at a resolution."""
        rng = random.Random(f"ruled page {seed}")
        size = max(rng.randint(24, 36), -(-MIN_EM_PX * 200 // dpi))
        font = Font(rng.choice(FACES), size, rng.random() < 0.15, rng.randrange(3))
        return cls(rng, font, PageCanvas(), PageCanvas(), sentences(rng))

    @property
    def step(self) -> int:
        """Height of a line."""
        return round(self.font.size * self.rng.uniform(1.35, 1.8))

    def next_words(self, width: int, font: Font | None = None) -> str:
        """Return the next words of the text that fit into a width."""
        chosen: list[str] = []
        for word in next(self.lines).split():
            if (font or self.font).width(" ".join([*chosen, word])) > width:
                break
            chosen.append(word)
        return " ".join(chosen)


def sentences(rng: random.Random) -> Iterator[str]:
    """Yield lines of synthetic documents without end."""
    people = patients(20, rng.randrange(1000))
    while True:
        sample = document(rng, rng.choice(TEXT_TYPES), rng.choice(people))
        for block in sample.blocks:
            for line in block_lines(block):
                if len(line.split()) > 1:
                    yield line


def on_ruled_lines(sheet: Sheet) -> None:
    """Sentences whose letters stand on rules, or cross them."""
    gap, y = sheet.rng.randint(-5, 6), 160
    step = sheet.step + 8
    while y < HEIGHT - 200:
        sheet.black.write(140, y, sheet.next_words(WIDTH - 300), sheet.font)
        rule = y + round(0.95 * sheet.font.size) + gap
        sheet.black.line(120, rule, WIDTH - 120, rule, sheet.rng.choice((1, 2, 3)))
        y += step


def in_table(sheet: Sheet) -> None:
    """A ruled table whose cells are hardly higher than their text."""
    columns, y = sheet.rng.randint(3, 5), 150
    width, padding = (WIDTH - 200) // columns, sheet.rng.randint(1, 8)
    height = sheet.font.size + 2 * padding + 4
    while y < HEIGHT - 200:
        for column in range(columns):
            x = 100 + column * width
            sheet.black.frame(x, y, x + width, y + height)
            sheet.black.write(x + padding + 2, y + padding, sheet.next_words(width - 24), sheet.font)
        y += height


def underlined(sheet: Sheet) -> None:
    """Paragraphs that are underlined from beginning to end."""
    y = 160
    step = sheet.step
    while y < HEIGHT - 200:
        for _ in range(sheet.rng.randint(2, 5)):
            end = sheet.black.write(150, y, sheet.next_words(WIDTH - 320), sheet.font)
            sheet.black.line(150, y + round(1.02 * sheet.font.size), end, y + round(1.02 * sheet.font.size))
            y += step
        y += step


def in_boxes(sheet: Sheet) -> None:
    """Form fields: a label that touches the upper left of its box, and capitals, some one to a cell."""
    label, y = Font(sheet.font.face, max(20, round(0.8 * sheet.font.size)), cut=sheet.font.cut), 140
    em = Font("mono", sheet.font.size, bold=True)
    cell = round(0.95 * sheet.font.size)
    while y < HEIGHT - 260:
        for x in (100, 100 + (WIDTH - 200) // 2):
            width = (WIDTH - 200) // 2
            height = label.size + round(1.5 * sheet.font.size)
            sheet.black.frame(x, y, x + width, y + height)
            sheet.black.write(x + 4, y + sheet.rng.randint(0, 3), sheet.next_words(width - 30, label), label)
            top = y + label.size + round(0.3 * sheet.font.size)
            if sheet.rng.random() < 0.4:
                write_in_cells(sheet, x + 20, top, em, cell, width - 60)
            else:
                sheet.black.write(x + 20, top, sheet.next_words(width - 60, em).upper(), em)
        y += height


def write_in_cells(sheet: Sheet, x: int, y: int, font: Font, cell: int, width: int) -> None:
    """Write a word in capitals, each in a cell of its own."""
    words = [word for word in next(sheet.lines).split() if word.isalnum()] or ["NONE"]
    word = max(words, key=len).upper()[: width // cell]
    for number, letter in enumerate(word):
        left = x + number * cell
        sheet.black.frame(left, y - 2, left + cell, y + font.size + 8, 1)
        place = (left + (cell - font.width(letter)) // 2, y, left + cell, y + font.size)
        sheet.black.marks.append(DrawingMark("text", place, letter, font))
    sheet.black.words.append(Word(text=word, box=(x, y, x + cell * len(word), y + font.size), confidence=1.0))


def with_leaders(sheet: Sheet) -> None:
    """Labels and values joined by dotted leaders."""
    y = 160
    step = sheet.step
    while y < HEIGHT - 200:
        end = sheet.black.write(150, y, sheet.next_words(600), sheet.font)
        value = sheet.next_words(400)
        start = WIDTH - 160 - sheet.font.width(value)
        for x in range(end + 12, start - 12, 14):
            sheet.black.marks.append(dot(x, y + round(0.85 * sheet.font.size)))
        sheet.black.write(start, y, value, sheet.font)
        y += step


def dot(x: int, y: int) -> DrawingMark:
    """Return a leader's dot."""
    return DrawingMark("fill", (x, y, x + 3, y + 3))


def in_dropout_color(sheet: Sheet) -> None:
    """A form printed in a light color, with black entries."""
    y = 150
    label = Font(sheet.font.face, max(22, round(0.85 * sheet.font.size)), cut=sheet.font.cut)
    while y < HEIGHT - 240:
        height = label.size + round(1.6 * sheet.font.size)
        for x in (110, 610, 1110):
            sheet.colored.frame(x, y, x + 480, y + height, 3)
            sheet.colored.write(x + 8, y + 4, sheet.next_words(440, label), label)
            sheet.black.write(x + 16, y + label.size + 8, sheet.next_words(440), sheet.font)
        y += height + 10


def on_dark_bands(sheet: Sheet) -> None:
    """Lines of white print on black bands between lines of black print."""
    y = 160
    step = sheet.step
    while y < HEIGHT - 200:
        is_dark = sheet.rng.random() < 0.4
        if is_dark:
            sheet.black.fill(120, y - 6, WIDTH - 120, y + round(1.2 * sheet.font.size) + 6)
        sheet.black.write(150, y, sheet.next_words(WIDTH - 320), sheet.font, white=is_dark)
        y += step + 14


def at_the_edge(sheet: Sheet) -> None:
    """Lines that begin at the left edge of the page or end at the right one."""
    y = 24
    step = sheet.step
    while y < HEIGHT - sheet.font.size - 20:
        text = sheet.next_words(600)
        at_left = sheet.rng.random() < 0.5
        sheet.black.write(14 if at_left else WIDTH - 14 - sheet.font.width(text), y, text, sheet.font)
        sheet.black.write(760, y, sheet.next_words(180), sheet.font)
        y += step


def dense_form(sheet: Sheet) -> None:
    """Boxed fields of single lines, lines of dots and rules for entries, without space between."""
    y = 120
    while y < HEIGHT - 160:
        height = sheet.font.size + 8
        x = 100
        while x < WIDTH - 300:
            width = sheet.rng.randint(220, 520)
            width = min(width, WIDTH - 100 - x)
            end = sheet.black.write(x + 5, y + 3, sheet.next_words(width // 2), sheet.font)
            sheet.black.line(end + 6, y + height - 3, x + width - 8, y + height - 3)
            sheet.black.write(end + 14, y + 2, sheet.next_words(x + width - end - 30), sheet.font)
            sheet.black.line(x + width, y, x + width, y + height)
            x += width
        sheet.black.line(100, y, WIDTH - 100, y)
        y += height


LAYOUTS: dict[str, Callable[[Sheet], None]] = {
    "ruled lines": on_ruled_lines,
    "table": in_table,
    "underlined": underlined,
    "boxes": in_boxes,
    "leaders": with_leaders,
    "dropout color": in_dropout_color,
    "dark bands": on_dark_bands,
    "edge": at_the_edge,
    "dense form": dense_form,
}


def ruled_page(seed: int, kind: str | None = None) -> RuledPage:
    """Return the page of a seed, as scanned: its layout is `kind`, or follows from the seed."""
    kind = kind or list(LAYOUTS)[seed % len(LAYOUTS)]
    dpi = RESOLUTIONS_DPI[seed // len(LAYOUTS) % len(RESOLUTIONS_DPI)]
    sheet = Sheet.blank(seed, dpi)
    LAYOUTS[kind](sheet)
    words = [
        replace(word, box=to_pixels(word.box, dpi)) for word in (*sheet.black.words, *sheet.colored.words)
    ]
    black = draw_page(sheet.black, dpi)
    if kind == "edge":
        black, margin_number = with_margin_number(black, sheet, dpi)
        words.append(margin_number)
    return RuledPage(picture=scanned(sheet, black, dpi), words=tuple(words), dpi=dpi, kind=kind)


def to_pixels(box: Box, dpi: int) -> Box:
    """Return a box of 1/200 inch in pixels."""
    x0, y0, x1, y1 = (round(side * dpi / 200) for side in box)
    return (x0, y0, x1, y1)


def with_margin_number(page: Pixels, sheet: Sheet, dpi: int) -> tuple[Pixels, Word]:
    """Return the page with a number that runs down its right margin, as archives print it, and the number."""
    number = str(sheet.rng.randint(10_000_000, 99_999_999))
    font = Font("sans", max(30, sheet.font.size), bold=True)
    strip = Image.new(
        "L", (round(font.width(number) * dpi / 200) + 4, round(1.3 * font.size * dpi / 200)), 255
    )
    ImageDraw.Draw(strip).text((2, 0), number, 20, font.load(dpi / 200))
    turned = np.rot90(np.asarray(strip), -1)
    top, left = page.shape[0] // 2, round(MARGIN_NUMBER_X * dpi / 200)
    out = page.copy()
    out[top : top + turned.shape[0], left : left + turned.shape[1]] = turned
    box = (left, top, left + turned.shape[1], top + turned.shape[0])
    return out, Word(text=number, box=box, confidence=1.0)


def scanned(sheet: Sheet, black: Pixels, dpi: int) -> Image.Image:
    """Return the page as a scanner stores it, in color if it has colored print."""
    rng = sheet.rng
    is_bilevel = dpi >= MIN_BILEVEL_DPI and not sheet.colored.marks and rng.random() < 0.5
    flaws = ("specks", "light", "holes") if dpi < MIN_BILEVEL_DPI else ("specks", "light", "holes", "blur")
    scanner = Scanner(name="bench", dpi=dpi, across=dpi, down=dpi, bilevel=is_bilevel, skew=1.0, flaws=flaws)
    gray = scan(rng, black, scanner).pixels if not sheet.colored.marks else black
    if not sheet.colored.marks:
        return as_jpeg(Image.fromarray(gray)) if not is_bilevel else Image.fromarray(gray)
    color = np.array(rng.choice(DROPOUT_COLORS), np.float32)
    cover = (255 - draw_page(sheet.colored, dpi)[:, :, None].astype(np.float32)) / 235
    form = np.clip(255 - cover * (255 - color), 0, 255)
    picture = np.clip(form * black[:, :, None] / 255, 0, 255)
    noise = np.random.default_rng(rng.getrandbits(63)).normal(0, 3, picture.shape[:2])[:, :, None]
    return as_jpeg(Image.fromarray(np.clip(picture + noise, 0, 255).astype(np.uint8)))


def as_jpeg(picture: Image.Image) -> Image.Image:
    """Return the picture as a JPEG of it would show."""
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=JPEG_QUALITY)
    return Image.open(stored)
