"""Find the ruled tables and boxed forms of a page from their rules: which areas are cells, and which rules
connect them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.deskew import ink_mask
from pipeline.ocr.image.pixels import DEFAULT_LETTER_SIZE_PX, GrayImage, connected_components, resize
from pipeline.records import Box

MAX_SIDE_PX = 1600
"""Longest side at which rules are searched: 145 dpi on a letter page, where a hairline is still visible."""
MIN_HORIZONTAL_RULE_LETTER_SIZES, MIN_VERTICAL_RULE_LETTER_SIZES = 4.0, 2.2
"""Shortest horizontal and vertical rule: longer than a dash, longer than the stem of a capital letter."""
MIN_LETTER_SIZE_PX = 6.0
"""Smallest plausible letter size at MAX_SIDE_PX."""
MAX_RULE_GAP_PX = 5
"""Gap that a fax leaves in a rule, at MAX_SIDE_PX. If a rule is certain, gaps of three times that size are
closed.
"""
MIN_CELL_HEIGHT_LETTER_SIZES, MIN_CELL_WIDTH_LETTER_SIZES = 1.0, 1.5
"""A smaller area is the inside of a letter or the gap between two words on a rule."""
MAX_CELL_PAGE_SHARE = 0.5
"""Share of the page above which an area is the page within its border."""
MIN_CELL_FILL_SHARE = 0.75
"""Share of its box that a cell fills. Less is the result of areas merging through broken rules."""
MIN_RULE_PAGE_SHARE = 5e-4
"""Share of the page under rules below which there is no table: the rule above a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A ruled table, in pixels of the page.

    Attributes:
        box: Around the connected rules.
        cells: The areas that they enclose, in no particular order.
    """

    box: Box
    cells: tuple[Box, ...]


def find_tables(gray: GrayImage, letter_size: float) -> list[Table]:
    """Return the tables of a page.

    Args:
        gray: The upright, level page, shape (height, width).
        letter_size: Typical letter size in pixels, 0 if unknown.
    """
    scale = min(1.0, MAX_SIDE_PX / max(gray.shape))
    is_ink, _ = ink_mask(resize(gray, scale), MAX_SIDE_PX)  # averaged: hairlines keep their weight
    scaled_letter_size = max(MIN_LETTER_SIZE_PX, (letter_size or DEFAULT_LETTER_SIZE_PX) * scale)
    rules = find_rules(is_ink, scaled_letter_size)
    if rules.mean() < MIN_RULE_PAGE_SHARE / 255:
        return []
    _, labels, frames, _ = connected_components(rules)
    cells_by_label: dict[int, list[Box]] = {}
    for cell in enclosed_areas(rules, scaled_letter_size):
        if label := enclosing_component(labels, cell):
            cells_by_label.setdefault(label, []).append(to_page_pixels(cell, scale))
    return [
        Table(box=to_page_pixels((x, y, x + width, y + height), scale), cells=tuple(cells_by_label[label]))
        for label, (x, y, width, height, _) in enumerate(frames)
        if label in cells_by_label
    ]


def find_rules(is_ink: NDArray[np.bool_], letter_size: float) -> GrayImage:
    """Return the mask of straight rules in both directions, with gaps closed and thick enough that corners
    close.

    Args:
        is_ink: Mask of ink.
        letter_size: Typical letter size in pixels of the mask.
    """
    ink = is_ink.astype(np.uint8) * np.uint8(255)
    horizontal = horizontal_runs(ink, round(MIN_HORIZONTAL_RULE_LETTER_SIZES * letter_size))
    vertical = horizontal_runs(
        np.ascontiguousarray(ink.T), round(MIN_VERTICAL_RULE_LETTER_SIZES * letter_size)
    ).T
    return np.asarray(cv2.dilate(horizontal | vertical, np.ones((3, 3), np.uint8)), np.uint8)


def horizontal_runs(ink: GrayImage, length: int) -> GrayImage:
    """Return the mask of ink that continues to the right for at least `length` pixels. A step of one pixel up
    or down does not end it.
    """
    thickened = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    closed = cv2.morphologyEx(thickened, cv2.MORPH_CLOSE, np.ones((1, MAX_RULE_GAP_PX), np.uint8))
    long_runs = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    return np.asarray(
        cv2.morphologyEx(long_runs, cv2.MORPH_CLOSE, np.ones((1, 3 * MAX_RULE_GAP_PX), np.uint8)), np.uint8
    )


def enclosed_areas(rules: GrayImage, letter_size: float) -> list[Box]:
    """Return the boxes of the areas between rules that are large enough for a word but not the whole page."""
    height, width = rules.shape
    _, _, stats, _ = connected_components(cv2.bitwise_not(rules), 4)
    x, y, widths, heights, area = stats[1:].T
    is_inside = (x > 0) & (y > 0) & (x + widths < width) & (y + heights < height)
    has_cell_size = (
        (heights >= MIN_CELL_HEIGHT_LETTER_SIZES * letter_size)
        & (widths >= MIN_CELL_WIDTH_LETTER_SIZES * letter_size)
        & (widths * heights <= MAX_CELL_PAGE_SHARE * width * height)
    )
    chosen = np.nonzero(is_inside & has_cell_size & (area >= MIN_CELL_FILL_SHARE * widths * heights))[0]
    return [(int(x[n]), int(y[n]), int(x[n] + widths[n]), int(y[n] + heights[n])) for n in chosen]


def enclosing_component(labels: NDArray[Any], cell: Box) -> int:
    """Return the label of the rules around a cell, found at the middle of its sides; 0 if these are open."""
    x0, y0, x1, y1 = cell
    middle_x, middle_y = (x0 + x1) // 2, (y0 + y1) // 2
    sides = (
        labels[middle_y, max(0, x0 - 3) : x0],
        labels[max(0, y0 - 3) : y0, middle_x],
        labels[y1 : y1 + 3, middle_x],
    )
    return next((int(side.max()) for side in sides if side.any()), 0)


def to_page_pixels(box: Box, scale: float) -> Box:
    """Return a box in pixels of the page."""
    x0, y0, x1, y1 = (round(side / scale) for side in box)
    return (x0, y0, x1, y1)
