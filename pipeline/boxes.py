"""The geometry of boxes on a page."""

from __future__ import annotations

from pipeline.records import Box


def center(box: Box) -> tuple[float, float]:
    """Return the center (x, y) of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def contains_center(area: Box, box: Box) -> bool:
    """Return whether the center of a box is in an area."""
    x, y = center(box)
    return area[0] <= x <= area[2] and area[1] <= y <= area[3]


def shared_area_share(one: Box, other: Box) -> float:
    """Return the share of the smaller box that both boxes cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(0, width) * max(0, height) / max(1, smaller)
