"""Tell whether two values are readings of the same print on a page."""

from __future__ import annotations

from pipeline.records import Box

MIN_OVERLAP_SHARE = 0.5
"""Share of the smaller box from which two boxes are readings of the same print."""


def same_print(left_page: int, left: Box, right_page: int, right: Box) -> bool:
    """Return whether two boxes cover the same print."""
    if left_page != right_page:
        return False
    width = min(left[2], right[2]) - max(left[0], right[0])
    height = min(left[3], right[3]) - max(left[1], right[1])
    if width <= 0 or height <= 0:
        return False
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (left, right))
    return width * height >= MIN_OVERLAP_SHARE * max(smaller, 1)
