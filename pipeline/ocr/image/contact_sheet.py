"""Draw a contact sheet: pages before and after cleanup, side by side and small, to compare many at once."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.ocr.image.pixels import GrayImage, resize

MAX_PAGE_SIDE_PX = 900
"""Longest side of a page on the sheet, about 80 dpi: print is legible and frames around words are
distinguishable.
"""
GAP_PX = 12
"""Distance between pages."""
CAPTION_HEIGHT_PX = 26
"""Height of the line above a pair that shows its name."""
BACKGROUND_GRAY, CAPTION_GRAY = 225, 0


def shrink_for_sheet(page: GrayImage) -> GrayImage:
    """Return a page at its size on the sheet. Ink is thickened first, so that thin frames stay visible."""
    factor = min(1.0, MAX_PAGE_SIDE_PX / max(page.shape))
    if factor == 1.0:
        return page
    kernel_side = round(1 / factor)
    return resize(
        np.asarray(cv2.erode(page, np.ones((kernel_side, kernel_side), np.uint8)), np.uint8), factor
    )


def contact_sheet(pairs: Sequence[tuple[str, GrayImage, GrayImage]], pairs_per_row: int = 2) -> GrayImage:
    """Return one grayscale image of (name, before, after) triples.

    Raises:
        ValueError: There are no pairs.
    """
    cells = [draw_pair(name, before, after) for name, before, after in pairs]
    width, height = max(cell.shape[1] for cell in cells), max(cell.shape[0] for cell in cells)
    rows = -(-len(cells) // pairs_per_row)
    sheet = np.full(
        (rows * (height + GAP_PX) + GAP_PX, min(pairs_per_row, len(cells)) * (width + GAP_PX) + GAP_PX),
        BACKGROUND_GRAY,
        np.uint8,
    )
    for number, cell in enumerate(cells):
        y, x = (
            GAP_PX + number // pairs_per_row * (height + GAP_PX),
            GAP_PX + number % pairs_per_row * (width + GAP_PX),
        )
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet


def draw_pair(name: str, before: GrayImage, after: GrayImage) -> GrayImage:
    """Draw two pages side by side under their name."""
    height = max(before.shape[0], after.shape[0])
    cell = np.full(
        (height + CAPTION_HEIGHT_PX, before.shape[1] + GAP_PX + after.shape[1]), BACKGROUND_GRAY, np.uint8
    )
    cell[CAPTION_HEIGHT_PX : CAPTION_HEIGHT_PX + before.shape[0], : before.shape[1]] = before
    cell[CAPTION_HEIGHT_PX : CAPTION_HEIGHT_PX + after.shape[0], before.shape[1] + GAP_PX :] = after
    cv2.putText(
        cell, name, (2, CAPTION_HEIGHT_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, CAPTION_GRAY, 1, cv2.LINE_AA
    )
    return cell
