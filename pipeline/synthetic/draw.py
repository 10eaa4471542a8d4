"""Draw pages as gray pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.synthetic.page import HEIGHT, WIDTH, PageCanvas

UNITS_PER_INCH = 200  # the marks of a page are in 1/200 inch
BLACK, WHITE = 20, 255


def draw_page(sheet: PageCanvas, dpi: int = UNITS_PER_INCH) -> NDArray[np.uint8]:
    """Draw the page at that resolution.

    Returns:
        Shape (height, width), gray values 0 to 255, text dark.
    """
    scale = dpi / UNITS_PER_INCH
    image = Image.new("L", (round(WIDTH * scale), round(HEIGHT * scale)), WHITE)
    pen = ImageDraw.Draw(image)
    for mark in sheet.marks:
        x0, y0, x1, y1 = (round(v * scale) for v in mark.box)
        weight = max(1, round(mark.weight * scale))
        match mark.kind:
            case "text":
                assert mark.font is not None
                pen.text((x0, y0), mark.text, WHITE if mark.white else BLACK, mark.font.load(scale))
            case "line":
                pen.line((x0, y0, x1, y1), BLACK, weight)
            case "frame":
                pen.rectangle((x0, y0, x1, y1), outline=BLACK, width=weight)
            case "fill":
                pen.rectangle((x0, y0, x1, y1), fill=BLACK)
    return np.asarray(image, dtype=np.uint8)


def blank_page(dpi: int = UNITS_PER_INCH) -> NDArray[np.uint8]:
    """Return an empty page at that resolution, shape (height, width)."""
    scale = dpi / UNITS_PER_INCH
    return np.full((round(HEIGHT * scale), round(WIDTH * scale)), WHITE, dtype=np.uint8)
