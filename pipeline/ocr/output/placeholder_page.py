"""The sheet that stands in a document for a page that could not be read."""

from __future__ import annotations

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.ocr.image.pixels import Pixels

SIZE = (1275, 1650)
"""A letter page at 150 dpi."""
MARGIN, COLUMNS = 150, 60


def notice(title: str, problem: str) -> Pixels:
    """A black and white letter page with a title and, below it, the problem."""
    sheet = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle(
        (MARGIN // 2, MARGIN // 2, SIZE[0] - MARGIN // 2, SIZE[1] - MARGIN // 2), outline=0, width=3
    )
    draw.text((MARGIN, MARGIN), title, fill=0, font=ImageFont.load_default(48))
    draw.multiline_text(
        (MARGIN, MARGIN + 100),
        textwrap.fill(problem, COLUMNS),
        fill=0,
        font=ImageFont.load_default(32),
        spacing=12,
    )
    grey = np.where(np.asarray(sheet) < 128, np.uint8(0), np.uint8(255))
    return Pixels(grey=grey, colour=None, bilevel=True)
