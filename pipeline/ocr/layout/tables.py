"""The ruled tables and boxed forms of a page, found from their rules: which areas are cells, which rules hold
them together.
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
"""Longest side, in pixels, at which rules are looked for: 145 dpi on a letter page, where a hairline still
shows.
"""
MIN_HORIZONTAL_RULE_LETTER_SIZES, MIN_VERTICAL_RULE_LETTER_SIZES = 4.0, 2.2
"""Shortest rule in letter sizes, across and down: more than a dash, more than the stem of a capital."""
MIN_LETTER_SIZE_PX = 6.0
"""Pixels at MAX_SIDE_PX below which a letter's size is not believed."""
MAX_RULE_GAP_PX = 5
"""Pixels at MAX_SIDE_PX by which a fax breaks a rule; where a rule is certain, three times as much is mended."""
MIN_CELL_HEIGHT_LETTER_SIZES, MIN_CELL_WIDTH_LETTER_SIZES = 1.0, 1.5
"""A smaller area, in letter sizes, is the inside of a letter or the gap between two words on a rule."""
MAX_CELL_PAGE_SHARE = 0.5
"""Share of the page above which an area is the page within its border."""
MIN_CELL_FILL_SHARE = 0.75
"""Share of its box that a cell fills; less is where areas flow together through broken rules."""
MIN_RULE_PAGE_SHARE = 5e-4
"""Share of the page under rules below which there is no table: the rule above a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`box`: around the rules that hang together; `cells`: the areas that they enclose, in no order. In
    pixels of the page.
    """

    box: Box
    cells: tuple[Box, ...]


def find_tables(gray: GrayImage, size: float) -> list[Table]:
    """The tables of a page. `gray`: upright and level; `size`: its usual letter in pixels, 0 if unknown."""
    scale = min(1.0, MAX_SIDE_PX / max(gray.shape))
    dark, _ = ink_mask(resize(gray, scale), MAX_SIDE_PX)  # averaged: hairlines keep their weight
    letter = max(MIN_LETTER_SIZE_PX, (size or DEFAULT_LETTER_SIZE_PX) * scale)
    rules = find_rules(dark, letter)
    if rules.mean() < MIN_RULE_PAGE_SHARE / 255:
        return []
    _, labels, frames, _ = connected_components(rules)
    found: dict[int, list[Box]] = {}
    for cell in enclosed_areas(rules, letter):
        if owner := enclosing_component(labels, cell):
            found.setdefault(owner, []).append(to_page_pixels(cell, scale))
    return [
        Table(box=to_page_pixels((x, y, x + wide, y + high), scale), cells=tuple(found[number]))
        for number, (x, y, wide, high, _) in enumerate(frames)
        if number in found
    ]


def find_rules(dark: NDArray[np.bool_], letter: float) -> GrayImage:
    """The straight rules across and down, 255 where one is, mended and thick enough that corners close."""
    picture = dark.astype(np.uint8) * np.uint8(255)
    across = horizontal_runs(picture, round(MIN_HORIZONTAL_RULE_LETTER_SIZES * letter))
    down = horizontal_runs(np.ascontiguousarray(picture.T), round(MIN_VERTICAL_RULE_LETTER_SIZES * letter)).T
    return np.asarray(cv2.dilate(across | down, np.ones((3, 3), np.uint8)), np.uint8)


def horizontal_runs(picture: GrayImage, length: int) -> GrayImage:
    """Ink that runs on to the right for at least so many pixels; a step of one pixel up or down does not end
    it.
    """
    thick = cv2.dilate(picture, np.ones((3, 1), np.uint8))
    mended = cv2.morphologyEx(thick, cv2.MORPH_CLOSE, np.ones((1, MAX_RULE_GAP_PX), np.uint8))
    long = cv2.morphologyEx(mended, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    return np.asarray(
        cv2.morphologyEx(long, cv2.MORPH_CLOSE, np.ones((1, 3 * MAX_RULE_GAP_PX), np.uint8)), np.uint8
    )


def enclosed_areas(rules: GrayImage, letter: float) -> list[Box]:
    """Boxes of the areas between rules that are large enough to hold a word and smaller than the page."""
    height, width = rules.shape
    _, _, stats, _ = connected_components(cv2.bitwise_not(rules), 4)
    x, y, wide, high, area = stats[1:].T
    inside = (x > 0) & (y > 0) & (x + wide < width) & (y + high < height)
    fits = (
        (high >= MIN_CELL_HEIGHT_LETTER_SIZES * letter)
        & (wide >= MIN_CELL_WIDTH_LETTER_SIZES * letter)
        & (wide * high <= MAX_CELL_PAGE_SHARE * width * height)
    )
    chosen = np.nonzero(inside & fits & (area >= MIN_CELL_FILL_SHARE * wide * high))[0]
    return [(int(x[n]), int(y[n]), int(x[n] + wide[n]), int(y[n] + high[n])) for n in chosen]


def enclosing_component(owners: NDArray[Any], cell: Box) -> int:
    """The number of the rules around a cell, looked for at the middle of its sides; 0 if these are open."""
    x0, y0, x1, y1 = cell
    middle_x, middle_y = (x0 + x1) // 2, (y0 + y1) // 2
    sides = (
        owners[middle_y, max(0, x0 - 3) : x0],
        owners[max(0, y0 - 3) : y0, middle_x],
        owners[y1 : y1 + 3, middle_x],
    )
    return next((int(side.max()) for side in sides if side.any()), 0)


def to_page_pixels(box: Box, scale: float) -> Box:
    """A box in pixels of the page."""
    x0, y0, x1, y1 = (round(side / scale) for side in box)
    return (x0, y0, x1, y1)
