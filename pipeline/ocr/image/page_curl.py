"""Print on a page that did not lie flat: how far each place was lifted, from the feet of letters along their
lines.

Letters are chained to their neighbors into lines. All lines together say by how much the page rises and
falls: a smooth curve across it (a polynomial), deeper at the top or at the bottom. A page whose lines are
straight is left alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image import deskew
from pipeline.ocr.image.pixels import GrayImage, connected_components, downscale

TRACING_LETTER_SIZE_PX = 10.0
"""Pixels of a usual letter at which lines are followed: feet are still found to half a pixel, in a fifth of
the time.
"""
MAX_LETTER_GAP_LETTER_SIZES = 2.6
"""Letter sizes within which the next letter of a line stands: the width of a space and more."""
MAX_BASELINE_STEP_LETTER_SIZES = 0.35
"""Letter sizes by which it may stand higher or lower."""
MIN_LETTERS_PER_CHAIN = 12
"""Letters of a chain that says something about a curve."""
MIN_CHAINS = 6
"""Chains needed: fewer are a letterhead."""
MIN_CHAIN_SPREAD_SHARE = 0.4
"""Share of the page's width that the chains must cover."""
POLYNOMIAL_DEGREE = 4
"""Of the polynomial: a spine's steep rise on one side is followed to a pixel or two."""
MIN_BEND_LETTER_SIZES = 0.25
"""Letter sizes by which lines bend (from lowest to highest, the middle of the chains) before the page is
straightened.
"""
GRID_POINTS = 33
"""Points each way at which the lift of the page is kept."""
MIN_SHARPNESS_GAIN = 1.5
"""How much more sharply the feet of letters must gather in rows once the page is straight; on pages that were
not bent, whose few long lines only seemed to be, they gather less."""

Displacement = NDArray[np.float32]


def estimate_curl(gray: GrayImage, size: float) -> Displacement | None:
    """Pixels by which each place of an upright page lies below where it belongs, GRID_POINTS x GRID_POINTS; None for a flat
    page.
    """
    scale = min(1.0, TRACING_LETTER_SIZE_PX / size) if size else 1.0
    small = downscale(gray, scale)
    chains = [chain for chain in trace_text_lines(small, size * scale) if len(chain) >= MIN_LETTERS_PER_CHAIN]
    if len(chains) < MIN_CHAINS:
        return None
    height, width = small.shape
    places = np.concatenate(chains)
    if np.ptp(np.percentile(places[:, 0], (2, 98))) < MIN_CHAIN_SPREAD_SHARE * width:
        return None
    owner = np.repeat(np.arange(len(chains)), [len(chain) for chain in chains])
    weights = fit_weights(places, owner, (width, height))
    if typical_bend(places[:, 1], owner) < MIN_BEND_LETTER_SIZES * size * scale:
        return None
    down, across = (
        (np.mgrid[0:GRID_POINTS, 0:GRID_POINTS] + 0.5)
        / GRID_POINTS
        * np.array([height, width])[:, None, None]
    )
    grid = np.column_stack([across.ravel(), down.ravel()])
    reach = np.clip(
        grid[:, 0], *np.percentile(places[:, 0], (0.5, 99.5))
    )  # beyond the print nothing is known
    shift = (polynomial_basis(np.column_stack([reach, grid[:, 1]]), (width, height)) @ weights).reshape(
        GRID_POINTS, GRID_POINTS
    )
    lift = np.asarray(shift - np.median(shift), np.float32)
    return (
        lift / np.float32(scale)
        if page_row_sharpness(flatten(small, lift)) >= MIN_SHARPNESS_GAIN * page_row_sharpness(small)
        else None
    )


def trace_text_lines(gray: GrayImage, letter: float) -> list[NDArray[np.float64]]:
    """Chains of letters standing beside each other, each N x 2: the middle of a letter and its foot."""
    window = max(15, (max(gray.shape) // 40) | 1)
    dark = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 15)
    _, _, stats, _ = connected_components(dark)
    x, y, wide, high, _ = stats[1:].T
    fits = (high >= 0.5 * letter) & (high <= 1.6 * letter) & (wide <= 3 * letter) & (wide >= 0.15 * letter)
    order = np.argsort(x[fits])
    left, right, foot = x[fits][order], (x + wide)[fits][order], (y + high)[fits][order].astype(float)
    following = np.full(len(left), -1)
    starts = np.searchsorted(left, right - 0.3 * letter)
    ends = np.searchsorted(left, right + MAX_LETTER_GAP_LETTER_SIZES * letter)
    for number in range(len(left)):
        near = np.arange(starts[number], ends[number])
        near = near[
            (np.abs(foot[near] - foot[number]) <= MAX_BASELINE_STEP_LETTER_SIZES * letter) & (near > number)
        ]
        if len(near):
            following[number] = near[np.argmin(left[near] + 2 * np.abs(foot[near] - foot[number]))]
    taken = np.zeros(len(left), bool)
    found = []
    for number in range(len(left)):
        chain = []
        at = number
        while at >= 0 and not taken[at]:
            taken[at] = True
            chain.append(at)
            at = following[at]
        if len(chain) >= MIN_LETTERS_PER_CHAIN:
            found.append(np.column_stack([(left[chain] + right[chain]) / 2, foot[chain]]))
    return found


def page_row_sharpness(gray: GrayImage) -> float:
    """How sharply the feet of letters gather in rows."""
    dark, _ = deskew.ink_mask(gray, max(gray.shape))
    return float(deskew.row_sharpness(deskew.bottom_edge_points(dark), np.zeros(1))[0])


def polynomial_basis(places: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """The polynomials at places (x, y), N x 2 * POLYNOMIAL_DEGREE: across the page, and the same times the height on
    it.
    """
    across, down = 2 * places[:, 0] / shape[0] - 1, 2 * places[:, 1] / shape[1] - 1
    powers = np.stack([across**power for power in range(1, POLYNOMIAL_DEGREE + 1)], axis=1)
    return np.concatenate([powers, powers * down[:, None]], axis=1)


def center_by_chain(values: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values (N or N x K) less the mean of their chain: where a line stands on the page says nothing about
    its curve.
    """
    counts = np.bincount(owner)
    flat = values if values.ndim == 2 else values[:, None]
    means = np.stack([np.bincount(owner, column) / counts for column in flat.T], axis=1)
    return (flat - means[owner]).reshape(values.shape)


def fit_weights(
    places: NDArray[np.float64], owner: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """The polynomials' weights; letters with a descender, and chains that jump to another line, are left out
    the second time.
    """
    design, feet = (
        center_by_chain(polynomial_basis(places, shape), owner),
        center_by_chain(places[:, 1], owner),
    )
    keep = np.ones(len(feet), bool)
    weights = np.zeros(design.shape[1])
    ridge = 1e-3 * len(feet) * np.eye(design.shape[1])
    for _ in range(3):
        weights = np.asarray(
            np.linalg.solve(design[keep].T @ design[keep] + ridge, design[keep].T @ feet[keep]), np.float64
        )
        rest = np.abs(feet - design @ weights)
        keep = rest <= max(1.0, 2 * float(np.median(rest)))
    return weights


def typical_bend(feet: NDArray[np.float64], owner: NDArray[np.int64]) -> float:
    """By how many pixels lines bend: the middle over chains of the spread of their feet."""
    spreads = [np.ptp(np.percentile(feet[owner == number], (15, 85))) for number in range(owner[-1] + 1)]
    return float(np.percentile(spreads, 75))


def flatten(gray: GrayImage, shift: Displacement) -> GrayImage:
    """The page with its lines straight."""
    height, width = gray.shape
    lower = np.asarray(cv2.resize(shift, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    lower += np.arange(height, dtype=np.float32)[:, None]
    columns = np.broadcast_to(np.arange(width, dtype=np.float32), lower.shape)
    flat = cv2.remap(
        gray, np.ascontiguousarray(columns), lower, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(flat, np.uint8)


def displacement_at(shift: Displacement, x: float, y: float, shape: tuple[int, ...]) -> float:
    """The shift at a point of a page of `shape` (height, width)."""
    across, down = (
        x / shape[1] * GRID_POINTS - 0.5,
        y / shape[0] * GRID_POINTS - 0.5,
    )  # as cv2.resize places the points
    at = np.array([[across]], np.float32), np.array([[down]], np.float32)
    return float(cv2.remap(shift, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0, 0])
