"""Tell whether two values are readings of the same print on a page."""

from __future__ import annotations

from pipeline.boxes import shared_area_share
from pipeline.records import Box

MIN_OVERLAP_SHARE = 0.5
"""Share of the smaller box from which two boxes are readings of the same print."""


def same_print(left_page: int, left: Box, right_page: int, right: Box) -> bool:
    """Return whether two boxes cover the same print."""
    return left_page == right_page and shared_area_share(left, right) >= MIN_OVERLAP_SHARE
