"""Detect blank pages: the empty back of a sheet, regardless of punch holes, borders and shadows from the
scanner.
"""

from __future__ import annotations

from pipeline.records import OcrPage

THUMBNAIL_COLUMNS, THUMBNAIL_ROWS = 64, 80
MARGIN_ROWS, MARGIN_COLUMNS = 8, 7
"""Cells at the edges of the thumbnail that are ignored: punch holes, black borders and a fax's line are
there.
"""

NEIGHBORHOOD_CELLS = 9
"""Side of the neighborhood that a cell is compared with, so that light that falls off over the page has no
effect.
"""

MIN_INK_CONTRAST = 6
"""Gray levels by which a cell with ink is darker than its neighborhood: one short word darkens a cell by 20.
"""

MIN_INK_CELLS = 3
"""A page with at least this many cells with ink is not blank: a signature or a line of pencil has more."""


def is_blank(page: OcrPage) -> bool:
    """Return whether nothing is on the page. A page that could not be read is not blank: its content is
    unknown.
    """
    if page.problem or page.barcodes:
        return False
    if page.blank:
        return True
    has_text = any(c.isalnum() for word in page.words for c in word.text)
    if has_text or len(page.thumbnail) != THUMBNAIL_COLUMNS * THUMBNAIL_ROWS:
        return False
    return _count_ink_cells(page.thumbnail) < MIN_INK_CELLS


def _count_ink_cells(thumbnail: bytes) -> int:
    """Return the number of cells, without the edges, that are darker than their neighborhood."""
    import cv2
    import numpy as np

    gray = np.frombuffer(thumbnail, np.uint8).reshape(THUMBNAIL_ROWS, THUMBNAIL_COLUMNS)
    contrast = cv2.medianBlur(gray, NEIGHBORHOOD_CELLS).astype(int) - gray
    inner = contrast[
        MARGIN_ROWS : THUMBNAIL_ROWS - MARGIN_ROWS, MARGIN_COLUMNS : THUMBNAIL_COLUMNS - MARGIN_COLUMNS
    ]
    return int((inner > MIN_INK_CONTRAST).sum())
