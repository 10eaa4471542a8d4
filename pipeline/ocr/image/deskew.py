"""Which way up a page is and how much it is skewed, from the shape of its ink alone.

Conventions: `rotation` is the degrees clockwise (0, 90, 180, 270) that make the page upright; `skew` is in
degrees, positive where the content was turned counter-clockwise (so that turning it clockwise by `skew`
levels the lines)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, downscale

MAX_SKEW_DEGREES = 15.0
"""Degrees: paper on a scanner's glass or feeder is never further off."""
COARSE_STEP_DEGREES, MAX_COARSE_POINTS = 0.25, 12_000
FINE_STEPS_DEGREES = (0.05, 0.0125)
MAX_FINE_POINTS = 30_000
MIN_SKEW_DEGREES = 0.05
"""Degrees below which a page is level: less than a pixel along a printed line."""


def ink_mask(gray: GrayImage, side: int) -> tuple[NDArray[np.bool_], float]:
    """The ink of the page reduced to `side` pixels on its longest side, and the scale used (<= 1)."""
    scale = min(1.0, side / max(gray.shape))
    small = downscale(gray, scale)
    window = max(15, (max(small.shape) // 40) | 1)
    dark = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    return dark > 0, scale


def bottom_edge_points(dark: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Points (x, y) where ink ends downwards: the lower edges of letters and rules, N x 2."""
    y, x = np.divmod(np.flatnonzero(dark[:-1] > dark[1:]).astype(np.int32), np.int32(dark.shape[1]))
    return np.column_stack([x, y]).astype(np.float32)


def row_sharpness(points: NDArray[np.float32], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """How sharply the points gather in rows when the page is turned clockwise by each of these angles."""
    radians = np.deg2rad(angles).astype(np.float32)
    rows = points[:, 1][None, :] * np.cos(radians)[:, None] + points[:, 0][None, :] * np.sin(radians)[:, None]
    scores = np.empty(len(angles))
    for number, row in enumerate(rows):
        start = row.min()
        profile = np.bincount((row - start).astype(np.int32))
        scores[number] = float(np.square(np.diff(profile)).sum())
    return scores


def subsample(points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """An even sample of at most `count` points, the same on every run."""
    return points[:: max(1, len(points) // count)]


def estimate_skew(gray: GrayImage) -> float:
    """Degrees the content is turned counter-clockwise, within MAX_SKEW_DEGREES; 0 where there is nothing to go
    by.
    """
    dark, _ = ink_mask(gray, 1000)
    points = subsample(bottom_edge_points(dark), MAX_COARSE_POINTS)
    if len(points) < 50:
        return 0.0
    angles = np.arange(-MAX_SKEW_DEGREES, MAX_SKEW_DEGREES + COARSE_STEP_DEGREES / 2, COARSE_STEP_DEGREES)
    best = float(angles[int(row_sharpness(points, angles).argmax())])
    dark, _ = ink_mask(gray, 2600)
    points = subsample(bottom_edge_points(dark), MAX_FINE_POINTS)
    reach = COARSE_STEP_DEGREES
    for step in FINE_STEPS_DEGREES:
        angles = best + np.arange(-reach, reach + step / 2, step)
        best = float(angles[int(row_sharpness(points, angles).argmax())])
        reach = step
    return round(best, 3) if abs(best) >= MIN_SKEW_DEGREES else 0.0


def rotate(pixels: GrayImage, rotation: int) -> GrayImage:
    """Turned clockwise by a right angle."""
    return np.ascontiguousarray(np.rot90(pixels, -rotation // 90)) if rotation else pixels


def remove_skew(pixels: GrayImage, skew: float) -> GrayImage:
    """Turned clockwise by `skew` degrees about its center, white where nothing was, and large enough that no
    corner is lost.
    """
    if abs(skew) < MIN_SKEW_DEGREES:
        return pixels
    matrix, size = skew_removal_matrix(pixels.shape[:2], skew)
    turned = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    return np.asarray(turned, dtype=np.uint8)


def skew_removal_matrix(shape: tuple[int, ...], skew: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The 2 x 3 matrix of that turn for a picture of `shape` (height, width), and the width and height it
    needs.
    """
    height, width = shape
    sin, cos = abs(math.sin(math.radians(skew))), math.cos(math.radians(skew))
    wide, high = math.ceil(width * cos + height * sin), math.ceil(height * cos + width * sin)
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -skew, 1.0), np.float64)
    matrix[:, 2] += ((wide - width) / 2, (high - height) / 2)
    return matrix, (wide, high)


def upright_matrix(shape: tuple[int, int], rotation: int, skew: float) -> NDArray[np.float64]:
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
    if abs(skew) < MIN_SKEW_DEGREES:
        return turned
    levelled, _ = skew_removal_matrix((width, height) if rotation % 180 else (height, width), skew)
    return np.vstack([levelled, (0, 0, 1)]) @ turned
