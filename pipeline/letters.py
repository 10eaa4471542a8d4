"""Build letter-size PDF reports with reportlab: a title, headings, paragraphs, tables and page numbers.

The text is set in Noto Sans (SIL Open Font License), which is embedded. It has the Latin, Greek, Cyrillic and
Vietnamese letters. Characters of other scripts are printed as question marks.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from xml.sax.saxutils import escape, quoteattr

import pymupdf_fonts
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import letter
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    LongTable,
    PageTemplate,
    Paragraph,
    TableStyle,
)

FONT, BOLD_FONT = "NotoSans", "NotoSans-Bold"
MARGIN_PT = 54.0
TEXT_WIDTH_PT = letter[0] - 2 * MARGIN_PT
TEXT_HEIGHT_PT = letter[1] - 2 * MARGIN_PT

BODY = ParagraphStyle("body", fontName=FONT, fontSize=8, leading=11)
NUMBER = ParagraphStyle("number", BODY, alignment=TA_RIGHT)
COLUMN = ParagraphStyle("column", BODY, fontName=BOLD_FONT)
NUMBER_COLUMN = ParagraphStyle("number column", COLUMN, alignment=TA_RIGHT)
TITLE = ParagraphStyle("title", fontName=BOLD_FONT, fontSize=18, leading=24, spaceAfter=6)
HEADING = ParagraphStyle("heading", fontName=BOLD_FONT, fontSize=12, leading=16, spaceBefore=10, spaceAfter=4)
HEADING_ROOM_PT = 60.0
"""A heading needs this much room, or it begins a new page: itself and the first two lines after it."""
TABLE = TableStyle(
    [
        ("LINEBELOW", (0, 0), (-1, 0), 0.75, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.lightgrey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ]
)


@cache
def register_font() -> frozenset[int]:
    """Register Noto Sans with reportlab as FONT and BOLD_FONT, once per process.

    Returns:
        The code points for which the font has a glyph.
    """
    regular = TTFont(FONT, io.BytesIO(pymupdf_fonts.myfont("notos")))
    pdfmetrics.registerFont(regular)
    pdfmetrics.registerFont(TTFont(BOLD_FONT, io.BytesIO(pymupdf_fonts.myfont("notosbo"))))
    return frozenset(regular.face.charToGlyph)


class Letter:
    """A PDF document that is written from top to bottom. `pdf` returns the file."""

    def __init__(self, title: str) -> None:
        """Begin a document. The title is printed on the first page and stored as the title of the PDF."""
        register_font()
        self._title = title
        self._story: list[Flowable] = [Paragraph(_markup(title), TITLE)]

    def heading(self, text: str) -> None:
        """Add a heading. A heading is never the last line of a page."""
        self._story += [CondPageBreak(HEADING_ROOM_PT), Paragraph(_markup(text), HEADING)]

    def paragraph(self, text: str, *, indent_pt: float = 0.0) -> None:
        """Add a paragraph."""
        style = ParagraphStyle("indented", BODY, leftIndent=indent_pt) if indent_pt else BODY
        self._story.append(Paragraph(_markup(text), style))

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[object]],
        widths: Sequence[float],
        links: Iterable[str] = (),
    ) -> None:
        """Add a table that fills the text width and repeats its head on every page.

        Args:
            head: The name of each column.
            rows: The cells of each row. Integers are printed with thousands separators; a column whose first
                cell is an integer is aligned to the right.
            widths: The width of each column, relative to the others.
            links: For each row the URI that its cells link to, or nothing at all for a table without links.
        """
        rows = [tuple(row) for row in rows]
        links = list(links) or [""] * len(rows)
        numeric = [isinstance(cell, int) for cell in rows[0]] if rows else [False] * len(head)
        columns = [NUMBER_COLUMN if number else COLUMN for number in numeric]
        styles = [NUMBER if number else BODY for number in numeric]
        cells = [_cells(head, columns)]
        cells += [_cells(row, styles, link) for row, link in zip(rows, links, strict=True)]
        self._story.append(
            LongTable(
                cells,
                colWidths=[TEXT_WIDTH_PT * width / sum(widths) for width in widths],
                repeatRows=1,
                splitInRow=1,
                style=TABLE,
                spaceAfter=BODY.leading,
            )
        )

    def pdf(self) -> bytes:
        """Return the PDF file. The document cannot be used afterwards."""
        out = io.BytesIO()
        frame = Frame(MARGIN_PT, MARGIN_PT, TEXT_WIDTH_PT, TEXT_HEIGHT_PT, 0, 0, 0, 0)
        document = BaseDocTemplate(
            out,
            pagesize=letter,
            title=self._title,
            author="Chartloom",
            subject="",
            creator="Chartloom",
            initialFontName=FONT,
        )
        document.addPageTemplates([PageTemplate(frames=[frame], onPage=_draw_footer)])
        document.build(self._story, canvasmaker=_NumberedCanvas)
        return out.getvalue()


class _NumberedCanvas(Canvas):
    """A canvas that draws the number of pages, known only at the end, as a form that every page refers to."""

    PAGE_COUNT = "page-count"

    def save(self) -> None:
        self.beginForm(self.PAGE_COUNT)
        self.setFont(BODY.fontName, BODY.fontSize)
        self.drawString(0, 0, str(self.getPageNumber() - 1))
        self.endForm()
        super().save()


def _draw_footer(canvas: Canvas, _document: BaseDocTemplate) -> None:
    text = f"Page {canvas.getPageNumber()} of "
    canvas.saveState()
    canvas.setFont(BODY.fontName, BODY.fontSize)
    canvas.translate(MARGIN_PT, MARGIN_PT / 2)
    canvas.drawString(0, 0, text)
    canvas.translate(pdfmetrics.stringWidth(text, BODY.fontName, BODY.fontSize), 0)
    canvas.doForm(_NumberedCanvas.PAGE_COUNT)
    canvas.restoreState()


def _cells(row: Sequence[object], styles: Sequence[ParagraphStyle], link: str = "") -> list[Paragraph]:
    texts = [_markup(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row]
    if link:
        texts = [f"<a href={quoteattr(link)}>{text}</a>" for text in texts]
    return [Paragraph(text, style) for text, style in zip(texts, styles, strict=True)]


def _markup(text: str) -> str:
    """Return plain text as reportlab's markup."""
    return escape(printable(text))


def printable(text: str) -> str:
    """Return the text as the font can print it.

    Accents are composed, because reportlab does not place combining marks, and characters that the font does
    not have become question marks, because reportlab would leave them out.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if ord(c) in register_font() or c.isspace() else "?" for c in composed)
