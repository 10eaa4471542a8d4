"""A sheet of pages before and after, side by side and small, to look through many at once."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.ocr.image.pixels import GrayImage, resize

MAX_PAGE_SIDE_PX = 900
"""Longest side of a page on the sheet in pixels, about 80 dpi: print can be read, frames around words can be
told apart.
"""
GAP_PX = 12
"""Pixels between pages."""
CAPTION_HEIGHT_PX = 26
"""Pixels above a pair for its name."""
BACKGROUND_GRAY, CAPTION_GRAY = 225, 0


def shrink_for_sheet(page: GrayImage) -> GrayImage:
    """A page at the size that it has on the sheet; thin frames stay visible because ink wins over paper."""
    factor = min(1.0, MAX_PAGE_SIDE_PX / max(page.shape))
    if factor == 1.0:
        return page
    reach = round(1 / factor)
    return resize(np.asarray(cv2.erode(page, np.ones((reach, reach), np.uint8)), np.uint8), factor)


def contact_sheet(pairs: Sequence[tuple[str, GrayImage, GrayImage]], across: int = 2) -> GrayImage:
    """(name, before, after) of pages as one gray picture, `across` pairs in a row. Raises ValueError without
    pairs.
    """
    cells = [draw_pair(name, before, after) for name, before, after in pairs]
    wide, high = max(cell.shape[1] for cell in cells), max(cell.shape[0] for cell in cells)
    rows = -(-len(cells) // across)
    sheet = np.full(
        (rows * (high + GAP_PX) + GAP_PX, min(across, len(cells)) * (wide + GAP_PX) + GAP_PX),
        BACKGROUND_GRAY,
        np.uint8,
    )
    for number, cell in enumerate(cells):
        y, x = GAP_PX + number // across * (high + GAP_PX), GAP_PX + number % across * (wide + GAP_PX)
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet


def draw_pair(name: str, before: GrayImage, after: GrayImage) -> GrayImage:
    """Two pages side by side under their name."""
    high = max(before.shape[0], after.shape[0])
    cell = np.full(
        (high + CAPTION_HEIGHT_PX, before.shape[1] + GAP_PX + after.shape[1]), BACKGROUND_GRAY, np.uint8
    )
    cell[CAPTION_HEIGHT_PX : CAPTION_HEIGHT_PX + before.shape[0], : before.shape[1]] = before
    cell[CAPTION_HEIGHT_PX : CAPTION_HEIGHT_PX + after.shape[0], before.shape[1] + GAP_PX :] = after
    cv2.putText(
        cell, name, (2, CAPTION_HEIGHT_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, CAPTION_GRAY, 1, cv2.LINE_AA
    )
    return cell
