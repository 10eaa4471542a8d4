"""Detect the sheet of paper in a photograph: its four sides against the desk, and the perspective that makes
it a rectangle.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, downscale

MAX_SIDE_PX = 480
"""Longest side at which the sheet is searched; its sides are lines fitted through hundreds of points."""
PRINT_CLOSING_PX = 13
"""Size, at MAX_SIDE_PX, of dark areas that are print on the sheet rather than its end."""
MIN_PAGE_SHARE, MAX_PAGE_SHARE = 0.3, 0.97
"""Share of the photograph that the sheet covers. Less is a slip on a desk, more is a properly scanned page.
"""
MIN_QUADRILATERAL_FILL_SHARE = 0.96
"""Share of the quadrilateral that must be paper. Less is another shape."""
MIN_BACKGROUND_CONTRAST = 35.0
"""Gray values by which the surroundings are darker than the sheet."""
MAX_CORNER_DEVIATION_DEGREES = 25.0
"""Deviation of a corner from a right angle: the phone was tilted."""
ASPECT_RATIO_RANGE = (1.15, 1.75)
"""Length of a sheet divided by its width: letter, A4 and legal paper, with the distortion by perspective."""
MIN_BACKGROUND_MARGIN_SHARE = 0.01
"""Background that must be visible beyond a side of the sheet, as a share of the photograph's length."""
CORNER_MARGIN_SHARE = 0.08
"""Share of a side next to its corners to which its line is not fitted: corners may be folded."""
MAX_SIDE_FIT_RMS_SHARE = 0.006
"""Distance of a side's points from its line (root mean square), as a share of the photograph's length."""

Points = NDArray[np.float32]
"""Points (x, y), float32, shape (points, 2)."""


def detect_page(gray: GrayImage) -> Points | None:
    """Return the corners (x, y) of the sheet, shape (4, 2), clockwise from the upper left; None if there is
    no background around a sheet.
    """
    scale = min(1.0, MAX_SIDE_PX / max(gray.shape))
    small = downscale(gray, scale)
    if min(small.shape) < MAX_SIDE_PX // 4:
        return None
    paper = cv2.morphologyEx(
        cv2.medianBlur(small, 5), cv2.MORPH_CLOSE, np.ones((PRINT_CLOSING_PX, PRINT_CLOSING_PX), np.uint8)
    )
    _, is_light = cv2.threshold(paper, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(is_light, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea, default=None)
    if outline is None or not MIN_PAGE_SHARE <= cv2.contourArea(outline) / small.size <= MAX_PAGE_SHARE:
        return None
    hull = cv2.convexHull(outline)
    approximate = cv2.approxPolyDP(hull, 0.03 * cv2.arcLength(hull, closed=True), closed=True).reshape(-1, 2)
    if len(approximate) != 4:
        return None
    corners = refine_corners(
        outline.reshape(-1, 2).astype(np.float32),
        order_corners(approximate.astype(np.float32)),
        max(small.shape),
    )
    if corners is None or not is_page(corners, np.asarray(outline, np.int32), np.asarray(small, np.uint8)):
        return None
    return (corners + 0.5) / np.float32(scale) - 0.5


def order_corners(corners: Points) -> Points:
    """Return four corners clockwise, starting at the upper left."""
    center = corners.mean(axis=0)
    ordered = corners[np.argsort(np.arctan2(corners[:, 1] - center[1], corners[:, 0] - center[0]))]
    return np.roll(ordered, -int(ordered.sum(axis=1).argmin()), axis=0)


def refine_corners(outline: Points, corners: Points, side: int) -> Points | None:
    """Return the corners where the lines fitted to the four sides intersect; None if a side is not a straight
    line.

    Args:
        outline: Points of the sheet's outline, shape (points, 2).
        corners: Approximate corners, shape (4, 2).
        side: Longest side of the image in pixels.
    """
    lines = []
    for start, end in pairwise([*corners, corners[0]]):
        along = (end - start) / max(1.0, float(np.hypot(*(end - start))))
        length = float(np.hypot(*(end - start)))
        offsets = outline - start
        position, distance = offsets @ along, offsets @ np.array((-along[1], along[0]))
        points = outline[
            (position > CORNER_MARGIN_SHARE * length)
            & (position < (1 - CORNER_MARGIN_SHARE) * length)
            & (np.abs(distance) < 0.02 * side)
        ]
        if len(points) < 0.5 * length:
            return None
        dx, dy, x, y = cv2.fitLine(points, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
        residuals = (points - (x, y)) @ np.array((-dy, dx))
        if np.sqrt(np.square(residuals).mean()) > MAX_SIDE_FIT_RMS_SHARE * side:
            return None
        lines.append(np.cross((x, y, 1.0), (x + dx, y + dy, 1.0)))
    intersections = [np.cross(before, after) for before, after in pairwise([lines[-1], *lines])]
    if any(abs(meet[2]) < 1e-9 for meet in intersections):
        return None
    return np.array([meet[:2] / meet[2] for meet in intersections], np.float32)


def is_page(corners: Points, outline: NDArray[np.int32], small: GrayImage) -> bool:
    """Return whether a quadrilateral is a sheet of paper on something darker.

    Args:
        corners: Shape (4, 2).
        outline: The contour that the corners were found from, as OpenCV returns it.
        small: The downscaled photograph.
    """
    area = cv2.contourArea(corners)
    if (
        not cv2.isContourConvex(corners)
        or not MIN_QUADRILATERAL_FILL_SHARE
        <= cv2.contourArea(outline) / max(1.0, area)
        <= 2 - MIN_QUADRILATERAL_FILL_SHARE
    ):
        return False
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    corner_angles = np.degrees(
        np.arccos(
            np.clip((sides * np.roll(sides, 1, axis=0)).sum(axis=1) / (lengths * np.roll(lengths, 1)), -1, 1)
        )
    )
    width, height = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    aspect_ratio = max(width, height) / max(1.0, min(width, height))
    if (
        np.abs(corner_angles - 90).max() > MAX_CORNER_DEVIATION_DEGREES
        or not ASPECT_RATIO_RANGE[0] <= aspect_ratio <= ASPECT_RATIO_RANGE[1]
    ):
        return False
    if sum(sides_with_background(corners, small.shape)) < 3:
        return False
    filled = cv2.fillConvexPoly(np.zeros_like(small), corners.round().astype(np.int32), 255)
    is_around = (
        cv2.subtract(
            cv2.dilate(filled, np.ones((15, 15), np.uint8)), cv2.dilate(filled, np.ones((5, 5), np.uint8))
        )
        > 0
    )
    is_edge = cv2.subtract(filled, cv2.erode(filled, np.ones((15, 15), np.uint8))) > 0
    return bool(
        is_around.any() and np.median(small[is_edge]) - np.median(small[is_around]) >= MIN_BACKGROUND_CONTRAST
    )


def sides_with_background(corners: Points, shape: tuple[int, ...]) -> tuple[bool, bool, bool, bool]:
    """Return whether background is visible beyond the sheet's left, upper, right and lower side. On a scanner
    it is visible on one or two.
    """
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    margin = MIN_BACKGROUND_MARGIN_SHARE * max(shape)
    return (
        bool(left > margin),
        bool(top > margin),
        bool(right < shape[1] - margin),
        bool(bottom < shape[0] - margin),
    )


def rectification(corners: Points) -> tuple[NDArray[np.float64], int, int]:
    """Return the perspective matrix, shape (3, 3), that maps the sheet to a rectangle of its own size, and
    that rectangle's width and height in pixels.
    """
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    width, height = round(float(lengths[0] + lengths[2]) / 2), round(float(lengths[1] + lengths[3]) / 2)
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, target), np.float64), width, height
