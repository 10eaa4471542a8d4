"""Draw the page that replaces an unreadable page in a document."""

from __future__ import annotations

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.ocr.image.pixels import PageImage

PAGE_SIZE_PX = (1275, 1650)
"""A letter page at 150 dpi."""
MARGIN_PX, TEXT_COLUMNS = 150, 60


def placeholder_page(title: str, problem: str) -> PageImage:
    """Return a bilevel letter page with a title and, below it, the problem."""
    sheet = Image.new("L", PAGE_SIZE_PX, 255)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle(
        (MARGIN_PX // 2, MARGIN_PX // 2, PAGE_SIZE_PX[0] - MARGIN_PX // 2, PAGE_SIZE_PX[1] - MARGIN_PX // 2),
        outline=0,
        width=3,
    )
    draw.text((MARGIN_PX, MARGIN_PX), title, fill=0, font=ImageFont.load_default(48))
    draw.multiline_text(
        (MARGIN_PX, MARGIN_PX + 100),
        textwrap.fill(problem, TEXT_COLUMNS),
        fill=0,
        font=ImageFont.load_default(32),
        spacing=12,
    )
    gray = np.where(np.asarray(sheet) < 128, np.uint8(0), np.uint8(255))
    return PageImage(gray=gray, color=None, bilevel=True)
