"""Estimate and remove the curl of a page that was not flat, from the bottom edges of letters along their
lines.

Letters are chained to their neighbors into lines. A smooth curve is fitted to all lines together: a
polynomial across the page, which may be stronger at the top or at the bottom. A page with straight lines is
left unchanged.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image import deskew
from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale

TRACING_LETTER_SIZE_PX = 10.0
"""Letter size at which lines are traced. Bottom edges are still found to half a pixel, in a fifth of the
time.
"""
MAX_LETTER_GAP_LETTER_SIZES = 2.6
"""Distance within which the next letter of a line must begin: more than the width of a space."""
MAX_BASELINE_STEP_LETTER_SIZES = 0.35
"""Vertical distance between the bottom edges of neighboring letters of a line."""
MIN_LETTERS_PER_CHAIN = 12
"""Shorter chains say nothing about a curve."""
MIN_CHAINS = 6
"""Fewer chains are a letterhead."""
MIN_CHAIN_SPREAD_SHARE = 0.4
"""Share of the page's width that the chains must cover."""
POLYNOMIAL_DEGREE = 4
"""Follows the steep rise near a book's spine to one or two pixels."""
MIN_BEND_LETTER_SIZES = 0.25
"""Vertical range of the lines (between the 15th and 85th percentile of each chain; the 75th percentile of the
chains) at which a page is straightened.
"""
GRID_POINTS = 33
"""Points in each direction at which the displacement is stored."""
MIN_SHARPNESS_GAIN = 1.5
"""Factor by which the row sharpness of the bottom edges must rise when the page is flattened. On flat pages
whose few long lines only seemed curved, it falls.
"""

Displacement = NDArray[np.float32]
"""Pixels by which each place of a page is below its place on the flat page, float32, shape (GRID_POINTS,
GRID_POINTS).
"""


def estimate_curl(gray: GrayImage, letter_size: float) -> Displacement | None:
    """Return the displacement of an upright page, or None if the page is flat.

    Args:
        gray: Shape (height, width).
        letter_size: Typical letter size in pixels, 0 if unknown.
    """
    scale = min(1.0, TRACING_LETTER_SIZE_PX / letter_size) if letter_size else 1.0
    small = downscale(gray, scale)
    chains = [
        chain for chain in trace_text_lines(small, letter_size * scale) if len(chain) >= MIN_LETTERS_PER_CHAIN
    ]
    if len(chains) < MIN_CHAINS:
        return None
    height, width = small.shape
    places = np.concatenate(chains)
    if np.ptp(np.percentile(places[:, 0], (2, 98))) < MIN_CHAIN_SPREAD_SHARE * width:
        return None
    owner = np.repeat(np.arange(len(chains)), [len(chain) for chain in chains])
    weights = fit_weights(places, owner, (width, height))
    if typical_bend(places[:, 1], owner) < MIN_BEND_LETTER_SIZES * letter_size * scale:
        return None
    down, across = (
        (np.mgrid[0:GRID_POINTS, 0:GRID_POINTS] + 0.5)
        / GRID_POINTS
        * np.array([height, width])[:, None, None]
    )
    grid = np.column_stack([across.ravel(), down.ravel()])
    clamped_x = np.clip(
        grid[:, 0], *np.percentile(places[:, 0], (0.5, 99.5))
    )  # no extrapolation beyond the print
    displacement = (
        polynomial_basis(np.column_stack([clamped_x, grid[:, 1]]), (width, height)) @ weights
    ).reshape(GRID_POINTS, GRID_POINTS)
    centered = np.asarray(displacement - np.median(displacement), np.float32)
    return (
        centered / np.float32(scale)
        if page_row_sharpness(flatten(small, centered)) >= MIN_SHARPNESS_GAIN * page_row_sharpness(small)
        else None
    )


def trace_text_lines(gray: GrayImage, letter_size: float) -> list[NDArray[np.float64]]:
    """Return chains of neighboring letters, each of shape (letters, 2): the letter's horizontal center and
    its bottom edge.
    """
    window = max(15, (max(gray.shape) // 40) | 1)
    ink = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    _, _, stats, _ = connected_components(ink)
    x, y, width, height, _ = stats[1:].T
    is_letter = (
        (height >= 0.5 * letter_size)
        & (height <= 1.6 * letter_size)
        & (width <= 3 * letter_size)
        & (width >= 0.15 * letter_size)
    )
    order = np.argsort(x[is_letter])
    left, right, bottom = (
        x[is_letter][order],
        (x + width)[is_letter][order],
        (y + height)[is_letter][order].astype(float),
    )
    following = np.full(len(left), -1)
    starts = np.searchsorted(left, right - 0.3 * letter_size)
    ends = np.searchsorted(left, right + MAX_LETTER_GAP_LETTER_SIZES * letter_size)
    for number in range(len(left)):
        close_by = np.arange(starts[number], ends[number])
        close_by = close_by[
            (np.abs(bottom[close_by] - bottom[number]) <= MAX_BASELINE_STEP_LETTER_SIZES * letter_size)
            & (close_by > number)
        ]
        if len(close_by):
            following[number] = close_by[
                np.argmin(left[close_by] + 2 * np.abs(bottom[close_by] - bottom[number]))
            ]
    is_taken = np.zeros(len(left), bool)
    traced = []
    for number in range(len(left)):
        chain = []
        letter = number
        while letter >= 0 and not is_taken[letter]:
            is_taken[letter] = True
            chain.append(letter)
            letter = following[letter]
        if len(chain) >= MIN_LETTERS_PER_CHAIN:
            traced.append(np.column_stack([(left[chain] + right[chain]) / 2, bottom[chain]]))
    return traced


def page_row_sharpness(gray: GrayImage) -> float:
    """Return how sharply the bottom edges of letters gather in rows."""
    is_ink, _ = deskew.ink_mask(gray, max(gray.shape))
    return float(deskew.row_sharpness(deskew.bottom_edge_points(is_ink), np.zeros(1))[0])


def polynomial_basis(places: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the polynomial terms at places (x, y), shape (places, 2 * POLYNOMIAL_DEGREE): the powers of x,
    and the same multiplied by y.

    Args:
        places: (x, y) in pixels, shape (places, 2).
        shape: Width and height of the page.
    """
    across, down = 2 * places[:, 0] / shape[0] - 1, 2 * places[:, 1] / shape[1] - 1
    powers = np.stack([across**power for power in range(1, POLYNOMIAL_DEGREE + 1)], axis=1)
    return np.concatenate([powers, powers * down[:, None]], axis=1)


def center_by_chain(values: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return values, shape (N,) or (N, K), minus the mean of their chain: the position of a line on the page
    says nothing about its curve.
    """
    counts = np.bincount(owner)
    columns = values if values.ndim == 2 else values[:, None]
    means = np.stack([np.bincount(owner, column) / counts for column in columns.T], axis=1)
    return (columns - means[owner]).reshape(values.shape)


def fit_weights(
    places: NDArray[np.float64], owner: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Fit the polynomial weights to the bottom edges by ridge regression.

    Outliers (letters with a descender, chains that jump to another line) are dropped after each of three
    rounds.

    Args:
        places: (x, y) of the letters, shape (letters, 2).
        owner: The chain of each letter, shape (letters,).
        shape: Width and height of the page.
    """
    design, bottoms = (
        center_by_chain(polynomial_basis(places, shape), owner),
        center_by_chain(places[:, 1], owner),
    )
    is_inlier = np.ones(len(bottoms), bool)
    weights = np.zeros(design.shape[1])
    ridge = 1e-3 * len(bottoms) * np.eye(design.shape[1])
    for _ in range(3):
        weights = np.asarray(
            np.linalg.solve(
                design[is_inlier].T @ design[is_inlier] + ridge, design[is_inlier].T @ bottoms[is_inlier]
            ),
            np.float64,
        )
        residuals = np.abs(bottoms - design @ weights)
        is_inlier = residuals <= max(1.0, 2 * float(np.median(residuals)))
    return weights


def typical_bend(bottoms: NDArray[np.float64], owner: NDArray[np.int64]) -> float:
    """Return by how many pixels lines bend: the 75th percentile over chains of the range of their bottom
    edges.
    """
    spreads = [np.ptp(np.percentile(bottoms[owner == number], (15, 85))) for number in range(owner[-1] + 1)]
    return float(np.percentile(spreads, 75))


def flatten(gray: GrayImage, displacement: Displacement) -> GrayImage:
    """Return the page with straight lines."""
    height, width = gray.shape
    source_y = np.asarray(
        cv2.resize(displacement, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
    source_y += np.arange(height, dtype=np.float32)[:, None]
    source_x = np.broadcast_to(np.arange(width, dtype=np.float32), source_y.shape)
    flat = cv2.remap(
        gray, np.ascontiguousarray(source_x), source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(flat, np.uint8)


def displacement_at(displacement: Displacement, x: float, y: float, shape: tuple[int, ...]) -> float:
    """Return the displacement at a point of a page of `shape` (height, width)."""
    across, down = (
        x / shape[1] * GRID_POINTS - 0.5,
        y / shape[0] * GRID_POINTS - 0.5,
    )  # as cv2.resize places the points
    at = np.array([[across]], np.float32), np.array([[down]], np.float32)
    return float(cv2.remap(displacement, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0, 0])
