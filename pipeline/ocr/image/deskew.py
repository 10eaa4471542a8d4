"""Which way up a page is and how much it is skewed, from the shape of its ink alone.

Conventions: `rotation` is the degrees clockwise (0, 90, 180, 270) that make the page upright; `skew` is in
degrees, positive where the content was turned counter-clockwise (so that turning it clockwise by `skew`
levels the lines)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import Grey, reduced

SKEW_LIMIT = 15.0
"""Degrees: paper on a scanner's glass or feeder is never further off."""
COARSE_STEP, COARSE_POINTS = 0.25, 12_000
FINE_STEPS = (0.05, 0.0125)
FINE_POINTS = 30_000
LEVEL = 0.05
"""Degrees below which a page is level: less than a pixel along a printed line."""


def ink(grey: Grey, side: int) -> tuple[NDArray[np.bool_], float]:
    """The ink of the page reduced to `side` pixels on its longest side, and the scale used (<= 1)."""
    scale = min(1.0, side / max(grey.shape))
    small = reduced(grey, scale)
    window = max(15, (max(small.shape) // 40) | 1)
    dark = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    return dark > 0, scale


def baselines(dark: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Points (x, y) where ink ends downwards: the lower edges of letters and rules, N x 2."""
    y, x = np.divmod(np.flatnonzero(dark[:-1] > dark[1:]).astype(np.int32), np.int32(dark.shape[1]))
    return np.column_stack([x, y]).astype(np.float32)


def sharpness(points: NDArray[np.float32], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """How sharply the points gather in rows when the page is turned clockwise by each of these angles."""
    radians = np.deg2rad(angles).astype(np.float32)
    rows = points[:, 1][None, :] * np.cos(radians)[:, None] + points[:, 0][None, :] * np.sin(radians)[:, None]
    scores = np.empty(len(angles))
    for number, row in enumerate(rows):
        start = row.min()
        profile = np.bincount((row - start).astype(np.int32))
        scores[number] = float(np.square(np.diff(profile)).sum())
    return scores


def thin(points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """An even sample of at most `count` points, the same on every run."""
    return points[:: max(1, len(points) // count)]


def skew(grey: Grey) -> float:
    """Degrees the content is turned counter-clockwise, within SKEW_LIMIT; 0 where there is nothing to go
    by.
    """
    dark, _ = ink(grey, 1000)
    points = thin(baselines(dark), COARSE_POINTS)
    if len(points) < 50:
        return 0.0
    angles = np.arange(-SKEW_LIMIT, SKEW_LIMIT + COARSE_STEP / 2, COARSE_STEP)
    best = float(angles[int(sharpness(points, angles).argmax())])
    dark, _ = ink(grey, 2600)
    points = thin(baselines(dark), FINE_POINTS)
    reach = COARSE_STEP
    for step in FINE_STEPS:
        angles = best + np.arange(-reach, reach + step / 2, step)
        best = float(angles[int(sharpness(points, angles).argmax())])
        reach = step
    return round(best, 3) if abs(best) >= LEVEL else 0.0


def turn(pixels: Grey, rotation: int) -> Grey:
    """Turned clockwise by a right angle."""
    return np.ascontiguousarray(np.rot90(pixels, -rotation // 90)) if rotation else pixels


def level(pixels: Grey, skew: float) -> Grey:
    """Turned clockwise by `skew` degrees about its centre, white where nothing was, and large enough that no
    corner is lost.
    """
    if abs(skew) < LEVEL:
        return pixels
    matrix, size = levelling(pixels.shape[:2], skew)
    turned = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    return np.asarray(turned, dtype=np.uint8)


def levelling(shape: tuple[int, ...], skew: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The 2 x 3 matrix of that turn for a picture of `shape` (height, width), and the width and height it
    needs.
    """
    height, width = shape
    sin, cos = abs(math.sin(math.radians(skew))), math.cos(math.radians(skew))
    wide, high = math.ceil(width * cos + height * sin), math.ceil(height * cos + width * sin)
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -skew, 1.0), np.float64)
    matrix[:, 2] += ((wide - width) / 2, (high - height) / 2)
    return matrix, (wide, high)


def matrix(shape: tuple[int, int], rotation: int, skew: float) -> NDArray[np.float64]:
    """From a point (x, y, 1) of a picture of `shape` (height, width) to where `turn` and then `level` put it,
    3 x 3.
    """
    height, width = shape
    turns = {
        0: ((1, 0, 0), (0, 1, 0)),
        90: ((0, -1, height), (1, 0, 0)),
        180: ((-1, 0, width), (0, -1, height)),
        270: ((0, 1, 0), (-1, 0, width)),
    }
    turned = np.array([*turns[rotation], (0, 0, 1)], np.float64)
    if abs(skew) < LEVEL:
        return turned
    levelled, _ = levelling((width, height) if rotation % 180 else (height, width), skew)
    return np.vstack([levelled, (0, 0, 1)]) @ turned
