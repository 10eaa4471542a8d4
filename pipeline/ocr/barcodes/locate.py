"""Where bar codes of one dimension may stand on a page, at any angle: patches of parallel stripes.

A page is divided into cells; in a cell of a bar code nearly all edges run one way. Such a patch is cut out at
the page's own resolution, turned so that its bars stand upright, and made flat along the bars, which takes a
fax's noise away."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, connected_components

MAX_SIDE_PX = 1400
"""Pixels of the long side, about, in which edges are looked for: every second pixel of 200 and of 300 dpi.
The bars of a code that is read at all are not yet gray there."""

CELLS_PER_LONG_SIDE = 138
"""Cells along the long side: of 0.08 inches on letter paper, so that three stand on top of one another in the
lowest codes in use (0.25 inches)."""

STRIP_CELL_ROWS = 8
"""Rows of cells whose edges are looked at together: what is in hand stays in the processor's cache, which
halves the cost.
"""

MIN_COHERENCE = 0.6
"""Coherence of a cell's edges from which they run one way: print has up to 0.5, a bar code's middle 0.8 and
more.
"""

MIN_EDGE_STRENGTH_SHARE = 0.25
"""Edges of a cell as a share of the page's strongest (its 99.5th percentile) from which it is looked at."""

MIN_LENGTH_CELLS, MIN_HEIGHT_CELLS = 6, 2
"""Cells of the smallest patch: half an inch by 0.15."""

MIN_FILL_SHARE = 0.45
"""Share of the box around a patch that must be stripes."""

END_MARGIN_CELLS = 2.5
"""Cells added at either end: the outermost bars share their cell with the quiet zone."""

MAX_CANDIDATES = 8
"""Patches of a page that are looked at, the largest first; a form with more is ruled, not coded."""

FLATTENING_STEPS = ((4, 0), (16, 0), (16, 3))
"""Pixels along the bars that become one, tried in turn: noise is averaged away, an angle a little off costs
sharpness. At last white lines up to so wide are mended: a fax that lost lines along the bars."""

MIN_EDGES = 24
"""Changes between ink and paper across the smallest code: three letters of Code 128 have 37."""

MIN_FLATTENED_CONTRAST_SHARE = 0.6
"""Contrast that must be left when the middle of a patch is made flat: the bars of a code go through, letters
do not.
"""

MIN_ROWS = 16
"""Rows of a patch as it is read: a code counts where several rows say the same."""

MAX_DOUBLED_LENGTH_PX = 1200
"""Pixels up to which a patch is read at twice its size: its narrow bars have two pixels or three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeCandidate:
    """Where edges run one way: middle, length across the bars and height along them in cells or pixels, angle
    across the bars in degrees clockwise."""

    center_x: float
    center_y: float
    length: float
    height: float
    angle_degrees: float

    def scaled(self, scale: float) -> BarcodeCandidate:
        return BarcodeCandidate(
            center_x=self.center_x * scale,
            center_y=self.center_y * scale,
            length=self.length * scale,
            height=self.height * scale,
            angle_degrees=self.angle_degrees,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RectifiedBarcode:
    """A patch with its bars upright, flattened along them. `corners`: of the patch on the page (x, y)."""

    image: GrayImage
    corners: tuple[tuple[float, float], ...]


def locate_barcodes(gray: GrayImage) -> Iterator[Iterator[RectifiedBarcode]]:
    """Every patch of a page that may be a bar code, each in several degrees of flatness, the likeliest to be
    read first.

    `gray`: height x width, 0 black to 255 white, any turn.
    """
    scale = max(1, round(max(gray.shape) / MAX_SIDE_PX))
    high, wide = gray.shape[0] // scale, gray.shape[1] // scale
    whole = gray[: high * scale, : wide * scale]  # whole squares of pixels are averaged ten times as fast
    small = cv2.resize(whole, (wide, high), interpolation=cv2.INTER_AREA) if scale > 1 else gray
    for patch in _candidates(np.asarray(small, np.uint8)):
        yield _rectify(gray, patch.scaled(scale))


def _candidates(small: GrayImage) -> list[BarcodeCandidate]:
    """The patches of parallel edges, the largest first."""
    cell = max(4, max(small.shape) // CELLS_PER_LONG_SIDE)
    xx, yy, xy = _structure_tensor(small, cell)
    edges = xx + yy
    one_way = np.hypot(xx - yy, 2 * xy) > MIN_COHERENCE * np.maximum(edges, 1.0)
    mask = (one_way & (edges > MIN_EDGE_STRENGTH_SHARE * np.percentile(edges, 99.5))).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    count, labels, stats, _ = connected_components(mask, 4)
    found = []
    for number in sorted(range(1, count), key=lambda n: -int(stats[n, 4]))[:MAX_CANDIDATES]:
        own = labels == number
        angle = 0.5 * math.atan2(2 * float(xy[own].sum()), float((xx - yy)[own].sum()))
        if patch := _candidate_from_cells(own, angle):
            found.append(patch.scaled(cell))
    return found


def _structure_tensor(small: GrayImage, cell: int) -> tuple[NDArray[np.float32], ...]:
    """The structure tensor of each cell: means of the products of its edges' two components (xx, yy, xy)."""
    down, right = small.shape[0] // cell, small.shape[1] // cell
    parts: tuple[list[NDArray[np.float32]], ...] = ([], [], [])
    for top in range(0, down, STRIP_CELL_ROWS):
        rows = min(STRIP_CELL_ROWS, down - top)
        strip = small[top * cell : (top + rows) * cell, : right * cell]
        gx, gy = cv2.Sobel(strip, cv2.CV_32F, 1, 0), cv2.Sobel(strip, cv2.CV_32F, 0, 1)
        for part, product in zip(parts, (gx * gx, gy * gy, gx * gy), strict=True):
            part.append(
                np.asarray(cv2.resize(product, (right, rows), interpolation=cv2.INTER_AREA), np.float32)
            )
    return tuple(np.concatenate(part) for part in parts)


def _candidate_from_cells(own: NDArray[np.bool_], angle: float) -> BarcodeCandidate | None:
    """The box of some cells in the frame of their angle (radians), in cells; None where they are too few or
    scattered.
    """
    ys, xs = np.nonzero(own)
    sin, cos = math.sin(angle), math.cos(angle)
    across, along = xs * cos + ys * sin, ys * cos - xs * sin
    long, high = float(np.ptp(across)) + 1, float(np.ptp(along)) + 1
    if long < MIN_LENGTH_CELLS or high < MIN_HEIGHT_CELLS or len(xs) < MIN_FILL_SHARE * long * high:
        return None
    a, b = float(across.min() + across.max()) / 2, float(along.min() + along.max()) / 2
    return BarcodeCandidate(
        center_x=a * cos - b * sin + 0.5,
        center_y=a * sin + b * cos + 0.5,
        length=long + 2 * END_MARGIN_CELLS,
        height=high,
        angle_degrees=math.degrees(angle),
    )


def _rectify(gray: GrayImage, patch: BarcodeCandidate) -> Iterator[RectifiedBarcode]:
    """The patch with its bars upright, in several degrees of flatness; nothing where it holds too few
    bars.
    """
    wide, high = max(1, round(patch.length)), max(1, round(patch.height))
    matrix = cv2.getRotationMatrix2D((patch.center_x, patch.center_y), patch.angle_degrees, 1.0)
    matrix[:, 2] += np.array((wide / 2 - patch.center_x, high / 2 - patch.center_y))
    flat = np.asarray(
        cv2.warpAffine(gray, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderValue=(255,)), np.uint8
    )
    if _count_edges(flat) < MIN_EDGES:
        return
    ends = (
        np.array([(0, 0, 1), (wide, 0, 1), (wide, high, 1), (0, high, 1)])
        @ cv2.invertAffineTransform(matrix).T
    )
    corners = tuple((float(x), float(y)) for x, y in ends)
    for by, mended in FLATTENING_STEPS:
        rows = max(4, round(high / by))
        thin = cv2.resize(flat, (wide, rows), interpolation=cv2.INTER_AREA)
        thin = cv2.morphologyEx(thin, cv2.MORPH_OPEN, np.ones((1, mended), np.uint8)) if mended else thin
        tall = cv2.resize(
            thin,
            (wide * 2 if wide < MAX_DOUBLED_LENGTH_PX else wide, max(rows, MIN_ROWS)),
            interpolation=cv2.INTER_CUBIC,
        )
        yield RectifiedBarcode(image=np.asarray(tall, np.uint8), corners=corners)


def _count_edges(flat: GrayImage) -> int:
    """How often ink and paper change along the middle of the patch; 0 where no bars go through it, as with a
    line of print.
    """
    middle = flat[len(flat) // 4 : max(len(flat) // 4 + 1, 3 * len(flat) // 4)].mean(axis=0)
    low, high = np.percentile(middle, (5, 95))
    if high - low < MIN_FLATTENED_CONTRAST_SHARE * max(
        1.0, float(np.ptp(np.percentile(flat[::4, ::4], (5, 95))))
    ):
        return 0
    return int(np.count_nonzero(np.diff(middle > (low + high) / 2)))
