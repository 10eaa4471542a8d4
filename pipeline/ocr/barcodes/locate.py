"""Locate linear barcodes on a page at any angle: regions of parallel stripes.

A page is divided into cells; in a cell of a barcode, nearly all edges have one direction (the coherence of
the structure tensor). Such a region is cut out at the page's own resolution, rotated so that its bars are
upright, and averaged along the bars, which removes a fax's noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, connected_components

MAX_SIDE_PX = 1400
"""Approximate long side at which edges are detected: every second pixel of 200 and of 300 dpi. The bars of a
readable code are not yet gray at this size.
"""

CELLS_PER_LONG_SIDE = 138
"""Cells along the long side: 0.08 inches on letter paper, so that three cells fit on top of each other in the
lowest codes in use (0.25 inches).
"""

STRIP_CELL_ROWS = 8
"""Rows of cells processed together: the data stays in the processor's cache, which halves the cost."""

MIN_COHERENCE = 0.6
"""Coherence of a cell's edges at which they have one direction. Print has up to 0.5, the middle of a barcode
0.8 or more.
"""

MIN_EDGE_STRENGTH_SHARE = 0.25
"""Edge strength of a cell as a share of the page's strongest (its 99.5th percentile) at which it is
considered.
"""

MIN_LENGTH_CELLS, MIN_HEIGHT_CELLS = 6, 2
"""Cells of the smallest candidate: half an inch by 0.15."""

MIN_FILL_SHARE = 0.45
"""Share of the box around a candidate that must be stripes."""

END_MARGIN_CELLS = 2.5
"""Cells added at either end: the outermost bars share their cell with the quiet zone."""

MAX_CANDIDATES = 8
"""Candidates of a page that are decoded, the largest first. A form with more has rules, not codes."""

FLATTENING_STEPS = ((4, 0), (16, 0), (16, 3))
"""Pixels along the bars that become one, tried in turn: noise is averaged away, but an angle that is slightly
off costs sharpness. In the last step, white lines of up to that width are closed: a fax that lost lines along
the bars.
"""

MIN_EDGES = 24
"""Changes between ink and paper across the smallest code. Three letters of Code 128 have 37."""

MIN_FLATTENED_CONTRAST_SHARE = 0.6
"""Share of the contrast that must remain when the middle of a candidate is averaged: the bars of a code
continue, letters do not.
"""

MIN_ROWS = 16
"""Rows of a candidate as decoded: a code counts if several rows agree."""

MAX_DOUBLED_LENGTH_PX = 1200
"""Length up to which a candidate is decoded at twice its size: its narrow bars have two or three pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeCandidate:
    """A region whose edges have one direction, in cells or pixels.

    Attributes:
        center_x: Center.
        center_y: Center.
        length: Across the bars.
        height: Along the bars.
        angle_degrees: Direction across the bars, clockwise.
    """

    center_x: float
    center_y: float
    length: float
    height: float
    angle_degrees: float

    def scaled(self, scale: float) -> BarcodeCandidate:
        """Return the candidate in units that are smaller by `scale`."""
        return BarcodeCandidate(
            center_x=self.center_x * scale,
            center_y=self.center_y * scale,
            length=self.length * scale,
            height=self.height * scale,
            angle_degrees=self.angle_degrees,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RectifiedBarcode:
    """A candidate with upright bars, averaged along them.

    Attributes:
        image: Shape (height, width).
        corners: The candidate's corners (x, y) on the page.
    """

    image: GrayImage
    corners: tuple[tuple[float, float], ...]


def locate_barcodes(gray: GrayImage) -> Iterator[Iterator[RectifiedBarcode]]:
    """Yield every region of a page that may be a linear barcode, each with several degrees of averaging, the
    most probably readable first.

    Args:
        gray: Shape (height, width), at any angle.
    """
    scale = max(1, round(max(gray.shape) / MAX_SIDE_PX))
    height, width = gray.shape[0] // scale, gray.shape[1] // scale
    cropped = gray[
        : height * scale, : width * scale
    ]  # whole squares of pixels are averaged ten times as fast
    small = cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA) if scale > 1 else gray
    for candidate in _candidates(np.asarray(small, np.uint8)):
        yield _rectify(gray, candidate.scaled(scale))


def _candidates(small: GrayImage) -> list[BarcodeCandidate]:
    """Return the regions of parallel edges, the largest first, in pixels of `small`."""
    cell = max(4, max(small.shape) // CELLS_PER_LONG_SIDE)
    xx, yy, xy = _structure_tensor(small, cell)
    edges = xx + yy
    has_one_direction = np.hypot(xx - yy, 2 * xy) > MIN_COHERENCE * np.maximum(edges, 1.0)
    mask = (has_one_direction & (edges > MIN_EDGE_STRENGTH_SHARE * np.percentile(edges, 99.5))).astype(
        np.uint8
    )
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    count, labels, stats, _ = connected_components(mask, 4)
    candidates = []
    for number in sorted(range(1, count), key=lambda n: -int(stats[n, 4]))[:MAX_CANDIDATES]:
        component = labels == number
        angle = 0.5 * math.atan2(2 * float(xy[component].sum()), float((xx - yy)[component].sum()))
        if candidate := _candidate_from_cells(component, angle):
            candidates.append(candidate.scaled(cell))
    return candidates


def _structure_tensor(small: GrayImage, cell: int) -> tuple[NDArray[np.float32], ...]:
    """Return the structure tensor of each cell: the means of the products of its two gradients (xx, yy, xy),
    each of shape (rows, columns).
    """
    rows, columns = small.shape[0] // cell, small.shape[1] // cell
    parts: tuple[list[NDArray[np.float32]], ...] = ([], [], [])
    for top in range(0, rows, STRIP_CELL_ROWS):
        strip_rows = min(STRIP_CELL_ROWS, rows - top)
        strip = small[top * cell : (top + strip_rows) * cell, : columns * cell]
        gx, gy = cv2.Sobel(strip, cv2.CV_32F, 1, 0), cv2.Sobel(strip, cv2.CV_32F, 0, 1)
        for part, product in zip(parts, (gx * gx, gy * gy, gx * gy), strict=True):
            part.append(
                np.asarray(
                    cv2.resize(product, (columns, strip_rows), interpolation=cv2.INTER_AREA), np.float32
                )
            )
    return tuple(np.concatenate(part) for part in parts)


def _candidate_from_cells(component: NDArray[np.bool_], angle: float) -> BarcodeCandidate | None:
    """Return the box of some cells in the frame of their angle (radians), in cells; None if they are too few
    or scattered.
    """
    ys, xs = np.nonzero(component)
    sin, cos = math.sin(angle), math.cos(angle)
    across, along = xs * cos + ys * sin, ys * cos - xs * sin
    length, height = float(np.ptp(across)) + 1, float(np.ptp(along)) + 1
    if length < MIN_LENGTH_CELLS or height < MIN_HEIGHT_CELLS or len(xs) < MIN_FILL_SHARE * length * height:
        return None
    middle_across, middle_along = float(across.min() + across.max()) / 2, float(along.min() + along.max()) / 2
    return BarcodeCandidate(
        center_x=middle_across * cos - middle_along * sin + 0.5,
        center_y=middle_across * sin + middle_along * cos + 0.5,
        length=length + 2 * END_MARGIN_CELLS,
        height=height,
        angle_degrees=math.degrees(angle),
    )


def _rectify(gray: GrayImage, candidate: BarcodeCandidate) -> Iterator[RectifiedBarcode]:
    """Yield the candidate with upright bars, with several degrees of averaging; nothing if it has too few
    bars.
    """
    width, height = max(1, round(candidate.length)), max(1, round(candidate.height))
    matrix = cv2.getRotationMatrix2D((candidate.center_x, candidate.center_y), candidate.angle_degrees, 1.0)
    matrix[:, 2] += np.array((width / 2 - candidate.center_x, height / 2 - candidate.center_y))
    flat = np.asarray(
        cv2.warpAffine(gray, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(255,)), np.uint8
    )
    if _count_edges(flat) < MIN_EDGES:
        return
    page_corners = (
        np.array([(0, 0, 1), (width, 0, 1), (width, height, 1), (0, height, 1)])
        @ cv2.invertAffineTransform(matrix).T
    )
    corners = tuple((float(x), float(y)) for x, y in page_corners)
    for pixels_per_row, gap in FLATTENING_STEPS:
        rows = max(4, round(height / pixels_per_row))
        averaged = cv2.resize(flat, (width, rows), interpolation=cv2.INTER_AREA)
        averaged = (
            cv2.morphologyEx(averaged, cv2.MORPH_OPEN, np.ones((1, gap), np.uint8)) if gap else averaged
        )
        enlarged = cv2.resize(
            averaged,
            (width * 2 if width < MAX_DOUBLED_LENGTH_PX else width, max(rows, MIN_ROWS)),
            interpolation=cv2.INTER_CUBIC,
        )
        yield RectifiedBarcode(image=np.asarray(enlarged, np.uint8), corners=corners)


def _count_edges(flat: GrayImage) -> int:
    """Return how often ink and paper alternate along the middle of the candidate; 0 if no bars run through
    it, as in a line of print.
    """
    middle = flat[len(flat) // 4 : max(len(flat) // 4 + 1, 3 * len(flat) // 4)].mean(axis=0)
    low, high = np.percentile(middle, (5, 95))
    if high - low < MIN_FLATTENED_CONTRAST_SHARE * max(
        1.0, float(np.ptp(np.percentile(flat[::4, ::4], (5, 95))))
    ):
        return 0
    return int(np.count_nonzero(np.diff(middle > (low + high) / 2)))
