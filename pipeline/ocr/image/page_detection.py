"""The sheet of paper in a photograph: its four sides against the desk, and the perspective that makes it a
rectangle again.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, downscale

MAX_SIDE_PX = 480
"""Longest side in pixels at which the sheet is looked for; its sides are lines fitted through hundreds of
points.
"""
PRINT_CLOSING_PX = 13
"""Pixels at MAX_SIDE_PX of dark that is print on the sheet rather than the end of it."""
MIN_PAGE_SHARE, MAX_PAGE_SHARE = 0.3, 0.97
"""Share of the picture that the sheet covers: less is a slip on a desk, more is a page scanned as it should
be.
"""
MIN_QUADRILATERAL_FILL_SHARE = 0.96
"""Share of the four-cornered shape that is paper: less is a shape of another kind."""
MIN_BACKGROUND_CONTRAST = 35.0
"""Gray values by which what is around the sheet is darker than it."""
MAX_CORNER_DEVIATION_DEGREES = 25.0
"""Degrees by which a corner may differ from a right angle: a phone held askew."""
ASPECT_RATIO_RANGE = (1.15, 1.75)
"""Length of a sheet over its width: letter, A4 and legal paper, with what perspective does to them."""
MIN_BACKGROUND_MARGIN_SHARE = 0.01
"""Lengths of the picture that must be seen beyond a side of the sheet."""
CORNER_MARGIN_SHARE = 0.08
"""Share of a side next to its corners that its line is not fitted to: they may be folded."""
MAX_SIDE_FIT_RMS_SHARE = 0.006
"""Distance, in lengths of the picture, within which the points of a side lie on its line (root mean
square).
"""

Points = NDArray[np.float32]


def detect_page(gray: GrayImage) -> Points | None:
    """The corners (x, y) of the sheet in `gray`, clockwise from the upper left; None where there is no desk
    around it.
    """
    scale = min(1.0, MAX_SIDE_PX / max(gray.shape))
    small = downscale(gray, scale)
    if min(small.shape) < MAX_SIDE_PX // 4:
        return None
    paper = cv2.morphologyEx(
        cv2.medianBlur(small, 5), cv2.MORPH_CLOSE, np.ones((PRINT_CLOSING_PX, PRINT_CLOSING_PX), np.uint8)
    )
    _, light = cv2.threshold(paper, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(light, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea, default=None)
    if outline is None or not MIN_PAGE_SHARE <= cv2.contourArea(outline) / small.size <= MAX_PAGE_SHARE:
        return None
    hull = cv2.convexHull(outline)
    rough = cv2.approxPolyDP(hull, 0.03 * cv2.arcLength(hull, closed=True), closed=True).reshape(-1, 2)
    if len(rough) != 4:
        return None
    corners = refine_corners(
        outline.reshape(-1, 2).astype(np.float32), order_corners(rough.astype(np.float32)), max(small.shape)
    )
    if corners is None or not is_page(corners, np.asarray(outline, np.int32), np.asarray(small, np.uint8)):
        return None
    return (corners + 0.5) / np.float32(scale) - 0.5


def order_corners(corners: Points) -> Points:
    """Four corners clockwise, beginning at the upper left."""
    middle = corners.mean(axis=0)
    around = corners[np.argsort(np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0]))]
    return np.roll(around, -int(around.sum(axis=1).argmin()), axis=0)


def refine_corners(outline: Points, corners: Points, side: int) -> Points | None:
    """The corners where lines through the points of the four sides meet; None where a side is no straight
    line.
    """
    lines = []
    for start, end in pairwise([*corners, corners[0]]):
        along = (end - start) / max(1.0, float(np.hypot(*(end - start))))
        length = float(np.hypot(*(end - start)))
        apart = outline - start
        place, off = apart @ along, apart @ np.array((-along[1], along[0]))
        points = outline[
            (place > CORNER_MARGIN_SHARE * length)
            & (place < (1 - CORNER_MARGIN_SHARE) * length)
            & (np.abs(off) < 0.02 * side)
        ]
        if len(points) < 0.5 * length:
            return None
        dx, dy, x, y = cv2.fitLine(points, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
        rest = (points - (x, y)) @ np.array((-dy, dx))
        if np.sqrt(np.square(rest).mean()) > MAX_SIDE_FIT_RMS_SHARE * side:
            return None
        lines.append(np.cross((x, y, 1.0), (x + dx, y + dy, 1.0)))
    meets = [np.cross(before, after) for before, after in pairwise([lines[-1], *lines])]
    if any(abs(meet[2]) < 1e-9 for meet in meets):
        return None
    return np.array([meet[:2] / meet[2] for meet in meets], np.float32)


def is_page(corners: Points, outline: NDArray[np.int32], small: GrayImage) -> bool:
    """Whether a four-cornered shape is a sheet of paper on something darker."""
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
    turns = np.degrees(
        np.arccos(
            np.clip((sides * np.roll(sides, 1, axis=0)).sum(axis=1) / (lengths * np.roll(lengths, 1)), -1, 1)
        )
    )
    wide, high = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    shape = max(wide, high) / max(1.0, min(wide, high))
    if (
        np.abs(turns - 90).max() > MAX_CORNER_DEVIATION_DEGREES
        or not ASPECT_RATIO_RANGE[0] <= shape <= ASPECT_RATIO_RANGE[1]
    ):
        return False
    if sum(sides_with_background(corners, small.shape)) < 3:
        return False
    inside = cv2.fillConvexPoly(np.zeros_like(small), corners.round().astype(np.int32), 255)
    around = (
        cv2.subtract(
            cv2.dilate(inside, np.ones((15, 15), np.uint8)), cv2.dilate(inside, np.ones((5, 5), np.uint8))
        )
        > 0
    )
    edge = cv2.subtract(inside, cv2.erode(inside, np.ones((15, 15), np.uint8))) > 0
    return bool(around.any() and np.median(small[edge]) - np.median(small[around]) >= MIN_BACKGROUND_CONTRAST)


def sides_with_background(corners: Points, shape: tuple[int, ...]) -> tuple[bool, bool, bool, bool]:
    """Whether something is to be seen beyond the sheet's left, upper, right and lower side; a scanner shows
    it on one or two.
    """
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    near = MIN_BACKGROUND_MARGIN_SHARE * max(shape)
    return bool(left > near), bool(top > near), bool(right < shape[1] - near), bool(bottom < shape[0] - near)


def rectification(corners: Points) -> tuple[NDArray[np.float64], int, int]:
    """The perspective that takes the sheet to a rectangle of its own size, and that rectangle's width and
    height in pixels.
    """
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    wide, high = round(float(lengths[0] + lengths[2]) / 2), round(float(lengths[1] + lengths[3]) / 2)
    target = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, target), np.float64), wide, high
