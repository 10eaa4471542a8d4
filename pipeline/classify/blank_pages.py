"""Whether a page bears nothing: the blank back of a sheet, whatever punch holes, borders and shadows the
scanner added.
"""

from __future__ import annotations

from pipeline.records import OcrPage

COLUMNS, ROWS = 64, 80
EDGE = (8, 7)
"""Cells of the thumbnail, top and side, that are left out: punch holes, black borders and a fax's line stand
there.
"""

NEAR = 9
"""Side of the neighbourhood, in cells, that a cell is compared with: light that falls off over the page goes
unnoticed.
"""

DARKER = 6
"""Grey levels by which a cell must be darker than its neighbourhood to bear ink: one short word darkens it by
20.
"""

MARKED = 3
"""Cells with ink from which a page is not blank: a signature or a line of pencil has more."""


def is_blank(page: OcrPage) -> bool:
    """Is nothing on the page? A page that could not be read is not blank, for nobody knows what it bears."""
    if page.problem or page.barcodes:
        return False
    if page.blank:
        return True
    if (
        any(any(c.isalnum() for c in word.text) for word in page.words)
        or len(page.thumbnail) != COLUMNS * ROWS
    ):
        return False
    return _marked(page.thumbnail) < MARKED


def _marked(thumbnail: bytes) -> int:
    """Cells away from the edges that are darker than what is around them."""
    import cv2
    import numpy as np

    grey = np.frombuffer(thumbnail, np.uint8).reshape(ROWS, COLUMNS)
    around = cv2.medianBlur(grey, NEAR).astype(int)
    inner = (around - grey)[EDGE[0] : ROWS - EDGE[0], EDGE[1] : COLUMNS - EDGE[1]]
    return int((inner > DARKER).sum())
