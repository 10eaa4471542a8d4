"""Compare the pictures of two pages: whether they are two scans of one paper, or of two papers, even if both
are the same printed form.

Both pictures become maps of their ink, the one is laid over the other, and the ink that only one of them has
is measured. Two scans of one paper leave specks; other handwriting on the same form leaves strokes.

The numbers below were chosen with 360 pairs of simulated scans (six scanners, skew, shift, stretch): 102 of
120 pairs of one paper count as the same, and 2 of 240 pairs of two papers. MAX_UNMATCHED_SHARE was then added
for pages with little ink.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Ink: TypeAlias = NDArray[np.uint8]
"""Shape (height, width): 255 where there is ink, else 0."""

Soft: TypeAlias = NDArray[np.float32]
"""Shape (height, width): blurred ink, 0 to 1."""

Placement: TypeAlias = NDArray[np.float32]
"""Shape (2, 3): the affine map from the places of one page to those of the other, in pixels."""

HEIGHT_PX = 1100
"""Height at which pages are compared: 100 dpi on a letter page, at which a pen stroke is 2 pixels wide."""

MARGIN_SHARE = 0.05
"""The outer part of each side that is not compared: fax headers, punch holes, shadows of the edge."""

MIN_DARKNESS = 60
"""How much darker than the paper around it ink is, of 255."""

PAPER_PX = 41
"""Width of the square in which the brightest pixel is paper: wider than any stroke of print."""

ALIGNMENT_SCALE = 0.25
"""Scale of the first alignment; the second is at twice this scale."""

BLURS_PX, FINE_BLUR_PX = (3.0, 7.0), 2.0
"""Blurs of the first alignment, the stronger one for pages that are far apart, and of the second."""

GOOD_CORRELATION = 0.95
"""Correlation of two pages from which no other start of the alignment is tried."""

ALIGNMENT_STEPS, ALIGNMENT_PRECISION = 60, 1e-5
"""When the iteration of the alignment ends: after so many steps, or when a step gains less correlation."""

TOLERANCE_PX = 3
"""Distance within which ink of one page is the same as that of the other (0.8 mm): scanners stretch paper."""

MIN_STROKE_PX = 14
"""Area of a part of a pen stroke (1 mm2); smaller ones are specks."""

MAX_STROKE_WIDTH_PX = 11
"""Width of the widest stroke of a pen or of print (2.8 mm); wider ink is a punch hole, a stain or an edge."""

MAX_UNMATCHED_PX, MAX_UNMATCHED_SHARE = 250, 0.1
"""Area of strokes that two scans of one paper may differ in (16 mm2, 3 cm of a pen's stroke), and its share
of the ink of the page that has less.
"""

MIN_INK_PX = 300
"""Area of ink (19 mm2) from which pages can be compared: nearly blank ones are all alike."""

MAX_COVERED_SHARE = 0.5
"""The part of a page that may be near ink. On a fuller page (a photograph, the grid of an ECG), other ink
would not be noticed.
"""


def is_same_paper(left: bytes, right: bytes) -> bool:
    """Return whether two pictures of pages (PNG or JPEG) are probably scans of one paper.

    Pages that cannot be laid over each other, have too little ink to tell, or too much, count as different.
    """
    first, second = _read_ink(left), _read_ink(right)
    if first is None or second is None:
        return False
    placement = _align(first, second)
    if placement is None:
        return False
    moved = _move(second, placement, first)
    compared = _move(np.full_like(second, 255), placement, first) & _inner_part(first)
    near_first, near_second = _widen(first), _widen(moved)
    ink = min(int(np.count_nonzero(page & compared)) for page in (first, moved))
    covered = int(np.count_nonzero(near_first & compared)) / max(1, int(np.count_nonzero(compared)))
    if ink < MIN_INK_PX or covered > MAX_COVERED_SHARE:
        return False
    only_in_one = (first & ~near_second & compared, moved & ~near_first & compared)
    return sum(map(_stroke_area, only_in_one)) <= min(MAX_UNMATCHED_PX, MAX_UNMATCHED_SHARE * ink)


def _read_ink(picture: bytes) -> Ink | None:
    """Return the ink of a page at the common height, without punch holes, stains and edges; None if the
    picture cannot be decoded.
    """
    gray = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        return None
    width = max(1, round(gray.shape[1] * HEIGHT_PX / gray.shape[0]))
    small = cv2.resize(gray, (width, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    brightest = cv2.dilate(small, np.ones((PAPER_PX, PAPER_PX), np.uint8))
    darkness = cv2.subtract(cv2.blur(brightest, (PAPER_PX, PAPER_PX)), small)
    ink = np.where(darkness > MIN_DARKNESS, 255, 0).astype(np.uint8)
    wide = cv2.morphologyEx(ink, cv2.MORPH_OPEN, _disk(MAX_STROKE_WIDTH_PX))
    return ink & ~_widen(np.asarray(wide, np.uint8))


def _align(left: Ink, right: Ink) -> Placement | None:
    """Return where the right page lies on the left one; None if they fit nowhere.

    The enhanced correlation coefficient (Evangelidis and Psarakis, 2008) starts at the shift that phase
    correlation finds, or at none, and is refined at a larger scale.
    """
    left, right = _same_size(left, right)
    best: Placement | None = None
    best_correlation = 0.0
    for blur in BLURS_PX:
        one, other = (_soften(page, ALIGNMENT_SCALE, blur) for page in (left, right))
        for shift in (cv2.phaseCorrelate(one, other)[0], (0.0, 0.0)):
            start = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
            correlation, found = _maximize_correlation(one, other, start)
            if correlation > best_correlation:
                best, best_correlation = found, correlation
            if best_correlation > GOOD_CORRELATION:
                break
        if best_correlation > GOOD_CORRELATION:
            break
    if best is None:
        return None
    one, other = (_soften(page, 2 * ALIGNMENT_SCALE, FINE_BLUR_PX) for page in (left, right))
    start = _scaled(best, 2.0)
    correlation, refined = _maximize_correlation(one, other, start)
    return _scaled(refined if correlation else start, 0.5 / ALIGNMENT_SCALE)


def _same_size(left: Ink, right: Ink) -> tuple[Ink, Ink]:
    """Return both pages with empty pixels added at the right, so that they have the same width."""
    width = max(left.shape[1], right.shape[1])
    a, b = (np.pad(page, ((0, 0), (0, width - page.shape[1]))) for page in (left, right))
    return a, b


def _soften(ink: Ink, scale: float, blur_px: float) -> Soft:
    small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), blur_px) / 255, np.float32)


def _move(page: Ink, placement: Placement, onto: Ink) -> Ink:
    """Return the page as it lies on the other one."""
    size = (onto.shape[1], onto.shape[0])
    moved = cv2.warpAffine(page, placement, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return np.asarray(moved, np.uint8)


def _maximize_correlation(left: Soft, right: Soft, start: Placement) -> tuple[float, Placement]:
    """Return the correlation and the placement that the iteration reaches; 0 and the start if it fails."""
    everywhere = np.full(right.shape, 255, np.uint8)
    end = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ALIGNMENT_STEPS, ALIGNMENT_PRECISION)
    try:
        correlation, found = cv2.findTransformECC(
            left, right, start.copy(), cv2.MOTION_AFFINE, end, everywhere, 1
        )
    except cv2.error:  # the pages have nothing in common
        return 0.0, start
    return float(correlation), np.asarray(found, np.float32)


def _scaled(placement: Placement, factor: float) -> Placement:
    """Return a placement for pages that are larger by the factor."""
    scaled = placement.copy()
    scaled[:, 2] *= factor
    return scaled


def _inner_part(page: Ink) -> Ink:
    """Return a mask of the page without its margins."""
    height, width = page.shape
    top, left = round(height * MARGIN_SHARE), round(width * MARGIN_SHARE)
    mask = np.zeros_like(page)
    mask[top : height - top, left : width - left] = 255
    return mask


def _widen(ink: Ink) -> Ink:
    """Return what is within the tolerance of ink."""
    return cv2.dilate(ink, _disk(2 * TOLERANCE_PX + 1)).astype(np.uint8)


def _disk(diameter_px: int) -> Ink:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter_px, diameter_px)), np.uint8)


def _stroke_area(ink: Ink) -> int:
    """Return the area of the ink without specks, in pixels."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]  # the first is the paper
    return int(areas[areas >= MIN_STROKE_PX].sum())
