"""Estimate and remove the skew of a page from the shape of its ink.

Conventions: `rotation` is the number of degrees clockwise (0, 90, 180, 270) that make the page upright.
`skew` is in degrees, positive if the content is rotated counter-clockwise, so that rotating the page
clockwise by `skew` levels its lines.

The estimate is a projection profile method: the bottom edges of letters are projected onto the vertical axis
at many angles, and the angle with the sharpest row profile wins.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, downscale

MAX_SKEW_DEGREES = 15.0
"""Paper on a scanner's glass or in its feeder is never skewed more than this."""
COARSE_STEP_DEGREES, MAX_COARSE_POINTS = 0.25, 12_000
FINE_STEPS_DEGREES = (0.05, 0.0125)
MAX_FINE_POINTS = 30_000
MIN_SKEW_DEGREES = 0.05
"""Below this a page counts as level: the shift is less than a pixel along a printed line."""


def ink_mask(gray: GrayImage, max_side: int) -> tuple[NDArray[np.bool_], float]:
    """Binarize a page after downscaling it.

    Args:
        gray: Shape (height, width).
        max_side: Longest side of the mask in pixels.

    Returns:
        The mask (True is ink) and the scale that was used, at most 1.
    """
    scale = min(1.0, max_side / max(gray.shape))
    small = downscale(gray, scale)
    window = max(15, (max(small.shape) // 40) | 1)
    is_ink = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    return is_ink > 0, scale


def bottom_edge_points(is_ink: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the points (x, y) where ink ends downwards: the bottom edges of letters and rules, shape
    (points, 2).
    """
    y, x = np.divmod(np.flatnonzero(is_ink[:-1] > is_ink[1:]).astype(np.int32), np.int32(is_ink.shape[1]))
    return np.column_stack([x, y]).astype(np.float32)


def row_sharpness(points: NDArray[np.float32], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how sharply points gather in rows if the page is rotated clockwise by each of some angles.

    Args:
        points: (x, y), shape (points, 2).
        angles: Degrees, shape (angles,).

    Returns:
        The sum of squared differences of neighboring rows of the projection profile for each angle.
    """
    radians = np.deg2rad(angles).astype(np.float32)
    rows = points[:, 1][None, :] * np.cos(radians)[:, None] + points[:, 0][None, :] * np.sin(radians)[:, None]
    scores = np.empty(len(angles))
    for number, row in enumerate(rows):
        start = row.min()
        profile = np.bincount((row - start).astype(np.int32))
        scores[number] = float(np.square(np.diff(profile)).sum())
    return scores


def subsample(points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return an evenly spaced sample of at most about `count` points, the same on every run."""
    return points[:: max(1, len(points) // count)]


def estimate_skew(gray: GrayImage) -> float:
    """Return the skew in degrees, within MAX_SKEW_DEGREES; 0 if there is too little ink to tell."""
    is_ink, _ = ink_mask(gray, 1000)
    points = subsample(bottom_edge_points(is_ink), MAX_COARSE_POINTS)
    if len(points) < 50:
        return 0.0
    angles = np.arange(-MAX_SKEW_DEGREES, MAX_SKEW_DEGREES + COARSE_STEP_DEGREES / 2, COARSE_STEP_DEGREES)
    best = float(angles[int(row_sharpness(points, angles).argmax())])
    is_ink, _ = ink_mask(gray, 2600)
    points = subsample(bottom_edge_points(is_ink), MAX_FINE_POINTS)
    search_range = COARSE_STEP_DEGREES
    for step in FINE_STEPS_DEGREES:
        angles = best + np.arange(-search_range, search_range + step / 2, step)
        best = float(angles[int(row_sharpness(points, angles).argmax())])
        search_range = step
    return round(best, 3) if abs(best) >= MIN_SKEW_DEGREES else 0.0


def rotate(pixels: GrayImage, rotation: int) -> GrayImage:
    """Rotate an image clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, -rotation // 90)) if rotation else pixels


def remove_skew(pixels: GrayImage, skew: float) -> GrayImage:
    """Rotate an image clockwise by `skew` degrees about its center. New pixels are white, and the result is
    large enough to keep every corner.
    """
    if abs(skew) < MIN_SKEW_DEGREES:
        return pixels
    matrix, size = skew_removal_matrix(pixels.shape[:2], skew)
    rotated = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    return np.asarray(rotated, dtype=np.uint8)


def skew_removal_matrix(shape: tuple[int, ...], skew: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Return the affine transform of `remove_skew`.

    Args:
        shape: Height and width of the image.
        skew: Degrees.

    Returns:
        The matrix, shape (2, 3), and the width and height of the result.
    """
    height, width = shape
    sin, cos = abs(math.sin(math.radians(skew))), math.cos(math.radians(skew))
    new_width, new_height = math.ceil(width * cos + height * sin), math.ceil(height * cos + width * sin)
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -skew, 1.0), np.float64)
    matrix[:, 2] += ((new_width - width) / 2, (new_height - height) / 2)
    return matrix, (new_width, new_height)


def upright_matrix(shape: tuple[int, int], rotation: int, skew: float) -> NDArray[np.float64]:
    """Return the transform from a point (x, y, 1) of an image to the point where `rotate` and then
    `remove_skew` move it.

    Args:
        shape: Height and width of the image.
        rotation: Degrees clockwise: 0, 90, 180 or 270.
        skew: Degrees.

    Returns:
        A matrix of shape (3, 3).
    """
    height, width = shape
    rotation_rows = {
        0: ((1, 0, 0), (0, 1, 0)),
        90: ((0, -1, height), (1, 0, 0)),
        180: ((-1, 0, width), (0, -1, height)),
        270: ((0, 1, 0), (-1, 0, width)),
    }
    rotation_matrix = np.array([*rotation_rows[rotation], (0, 0, 1)], np.float64)
    if abs(skew) < MIN_SKEW_DEGREES:
        return rotation_matrix
    skew_matrix, _ = skew_removal_matrix((width, height) if rotation % 180 else (height, width), skew)
    return np.vstack([skew_matrix, (0, 0, 1)]) @ rotation_matrix
