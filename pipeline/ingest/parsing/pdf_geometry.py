"""Where things are on a PDF page: its visible box, its units, and rectangles in pixels of its image."""

from __future__ import annotations

from typing import Any

import pikepdf

from pipeline.ingest.parsing.pdf_content import Rect, intersection

LETTER: Rect = (0.0, 0.0, 612.0, 792.0)
USER_UNIT_RANGE = (1e-3, 75_000.0)
MIN_PAPER_LENGTH_POINTS = 100.0
"""Longer side of the smallest page, a label of 1.4 inches. A shorter page is measured in inches or in
centimeters.
"""
MAX_PAPER_WIDTH_POINTS = 1728.0
"""Shorter side of the largest page, 24 inches. A wider page is measured in pixels."""


def visible_box(page: pikepdf.Page) -> Rect:
    """Return the crop box within the media box, as poppler sees it; US Letter if neither makes sense."""
    media = rect_from(inherited(page.obj, "/MediaBox", None)) or LETTER
    crop = rect_from(inherited(page.obj, "/CropBox", None))
    both = intersection(media, crop) if crop else media
    return both if both[2] - both[0] > 0 and both[3] - both[1] > 0 else media


def rect_from(array: object) -> Rect | None:
    """Return the rectangle of an array with its sides in order; None if it is empty or not a rectangle."""
    if not isinstance(array, pikepdf.Array) or len(array) != 4:
        return None
    x0, y0, x1, y1 = (float(value) for value in array)
    rect = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
    return rect if rect[2] > rect[0] and rect[3] > rect[1] else None


def inherited(node: pikepdf.Object, key: str, default: Any) -> Any:
    """Return a page attribute, from the page or the nearest node above it that has the attribute."""
    for _ in range(32):
        if key in node:
            return node[key]
        parent = node.get("/Parent")
        if not isinstance(parent, pikepdf.Dictionary):
            break
        node = parent
    return default


def stated_user_unit(page: pikepdf.Page) -> float:
    """Return how many points one unit of the page is (ISO 32000-1, table 30)."""
    unit = float(page.obj.get("/UserUnit", 1))
    return unit if USER_UNIT_RANGE[0] <= unit <= USER_UNIT_RANGE[1] else 1.0


def paper_scale(points: tuple[float, float], user_unit: float) -> float:
    """Return the factor from the page's units to points of paper.

    A page whose stated size no sheet of paper has (written in inches, or in pixels) has the length of a
    letter page.

    Args:
        points: Width and height of the page in its units.
        user_unit: How many points a unit is by the page's own statement.
    """
    short, long = sorted(side * user_unit for side in points)
    if long >= MIN_PAPER_LENGTH_POINTS and short <= MAX_PAPER_WIDTH_POINTS:
        return user_unit
    return user_unit * LETTER[3] / max(long, 1e-6)


def displayed_rect(rect: Rect, page: Rect, turn: int, scale: float) -> Rect:
    """Return a rectangle of the page in pixels of its image: left, top, right, bottom.

    Args:
        rect: The rectangle in the page's units.
        page: The visible box of the page in its units.
        turn: Degrees clockwise by which the page is displayed rotated.
        scale: Pixels per unit.
    """
    x0, y0, x1, y1 = rect
    left, bottom, right, top = page
    sides = {
        0: (x0 - left, top - y1, x1 - left, top - y0),
        90: (y0 - bottom, x0 - left, y1 - bottom, x1 - left),
        180: (right - x1, y0 - bottom, right - x0, y1 - bottom),
        270: (top - y1, right - x1, top - y0, right - x0),
    }[turn]
    return sides[0] * scale, sides[1] * scale, sides[2] * scale, sides[3] * scale


def field_rects(page: pikepdf.Page) -> list[Rect]:
    """Return the rectangles of the page's form fields, in its units."""
    rects = [
        rect_from(annotation.get("/Rect"))
        for annotation in page.obj.get("/Annots", ())
        if isinstance(annotation, pikepdf.Dictionary) and str(annotation.get("/Subtype", "")) == "/Widget"
    ]
    return [rect for rect in rects if rect is not None]


def scaled(rect: Rect, scale: float) -> Rect:
    """Return the rectangle multiplied by a factor."""
    return rect[0] * scale, rect[1] * scale, rect[2] * scale, rect[3] * scale
