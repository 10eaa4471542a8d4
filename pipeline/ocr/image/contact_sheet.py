"""A sheet of pages before and after, side by side and small, to look through many at once."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.ocr.image.pixels import Grey, scaled

SIDE = 900
"""Longest side of a page on the sheet in pixels, about 80 dpi: print can be read, frames around words can be
told apart.
"""
GAP = 12
"""Pixels between pages."""
CAPTION = 26
"""Pixels above a pair for its name."""
PAPER, INK = 225, 0


def small(page: Grey) -> Grey:
    """A page at the size that it has on the sheet; thin frames stay visible because ink wins over paper."""
    factor = min(1.0, SIDE / max(page.shape))
    if factor == 1.0:
        return page
    reach = round(1 / factor)
    return scaled(np.asarray(cv2.erode(page, np.ones((reach, reach), np.uint8)), np.uint8), factor)


def contact_sheet(pairs: Sequence[tuple[str, Grey, Grey]], across: int = 2) -> Grey:
    """(name, before, after) of pages as one grey picture, `across` pairs in a row. Raises ValueError without
    pairs.
    """
    cells = [pair_of(name, before, after) for name, before, after in pairs]
    wide, high = max(cell.shape[1] for cell in cells), max(cell.shape[0] for cell in cells)
    rows = -(-len(cells) // across)
    sheet = np.full(
        (rows * (high + GAP) + GAP, min(across, len(cells)) * (wide + GAP) + GAP), PAPER, np.uint8
    )
    for number, cell in enumerate(cells):
        y, x = GAP + number // across * (high + GAP), GAP + number % across * (wide + GAP)
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet


def pair_of(name: str, before: Grey, after: Grey) -> Grey:
    """Two pages side by side under their name."""
    high = max(before.shape[0], after.shape[0])
    cell = np.full((high + CAPTION, before.shape[1] + GAP + after.shape[1]), PAPER, np.uint8)
    cell[CAPTION : CAPTION + before.shape[0], : before.shape[1]] = before
    cell[CAPTION : CAPTION + after.shape[0], before.shape[1] + GAP :] = after
    cv2.putText(cell, name, (2, CAPTION - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, INK, 1, cv2.LINE_AA)
    return cell
