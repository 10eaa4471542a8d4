"""Print the text of a PDF page's notes (sticky notes, comments on marked text) below the page.

A viewer shows this text only when a person opens the note. Below the page it is visible in the filed PDF, is
read with the page and can be searched. Runs in the parser process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pikepdf
from PIL import Image, ImageDraw, ImageFont

from pipeline.ingest.parsing.parser_protocol import PlacedWord

VISIBLE_ANNOTATIONS = ("/Link", "/Popup", "/Widget", "/FreeText")
"""Annotations without text of their own, or whose text is drawn on the page."""
FONT_SIZE_INCHES, LINE_HEIGHT_INCHES, MARGIN_INCHES = 0.15, 0.2, 0.5
MAX_NOTE_CHARACTERS = 4000
"""Characters of all notes of a page that are printed."""


def note_texts(page: pikepdf.Page) -> list[str]:
    """Return the text of the page's notes."""
    return [
        " ".join(str(annotation.get("/Contents", "")).split())
        for annotation in page.obj.get("/Annots", ())
        if isinstance(annotation, pikepdf.Dictionary)
        and str(annotation.get("/Subtype", "")) not in VISIBLE_ANNOTATIONS
        and str(annotation.get("/Contents", "")).strip()
    ]


def append_notes(
    picture: Image.Image, notes: Sequence[str], dpi: float
) -> tuple[Image.Image, tuple[PlacedWord, ...]]:
    """Return the page with its notes printed below it, and the printed words with their boxes.

    Args:
        picture: The rendered page.
        notes: The texts of the notes.
        dpi: Resolution of the page.
    """
    font = ImageFont.load_default(max(8.0, FONT_SIZE_INCHES * dpi))
    margin, line_height = round(MARGIN_INCHES * dpi), round(LINE_HEIGHT_INCHES * dpi)
    lines = [line for note in notes for line in wrapped(f"Note: {note}", font, picture.width - 2 * margin)]
    longer = Image.new(
        picture.mode, (picture.width, picture.height + margin + line_height * len(lines)), "white"
    )
    longer.paste(picture)
    draw = ImageDraw.Draw(longer)
    words: list[PlacedWord] = []
    for number, line in enumerate(lines):
        x, y = float(margin), picture.height + number * line_height
        for word in line:
            draw.text((x, y), word, fill="black", font=font)
            left, top, right, bottom = draw.textbbox((x, y), word, font=font)
            words.append(
                (word, int(left), int(top), max(int(right), int(left) + 1), max(int(bottom), int(top) + 1))
            )
            x += font.getlength(f"{word} ")
    return longer, tuple(words)


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> Iterator[list[str]]:
    """Yield the lines of a text that is `width` pixels wide, as words."""
    line: list[str] = []
    for word in text[:MAX_NOTE_CHARACTERS].split():
        if line and font.getlength(" ".join([*line, word])) > width:
            yield line
            line = []
        line.append(word)
    yield line
