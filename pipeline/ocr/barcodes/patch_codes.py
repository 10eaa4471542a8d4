"""Read patch codes: four bars, two wide and two narrow, on the sheets that separate a batch. There are six
arrangements and no check digit.

The bars are read along lines of pixels that cross all four. A patch code is accepted if many neighboring
lines have the same arrangement at the same place, so that neither text nor a table's rules are mistaken for
one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.records import Barcode, Box

PATCH_CODES = {"WWNN": "1", "WNNW": "2", "WNWN": "3", "NWWN": "4", "NNWW": "6", "NWNW": "T"}
"""Wide and narrow bars, read from the edge of the sheet inwards (Kodak's definition)."""

FORMAT = "PatchCode"
LINE_STEP_PX = 6
"""Distance of the lines that are read. A patch is at least two inches long, 200 pixels here, so about 33
lines cross it.
"""

MIN_SPAN_SHARE = 0.14
"""Share of the page's width that agreeing lines must span: two inches of 8.5 are 0.23, less what noise and
skew remove.
"""

PATCH_SIZE_SHARES = (0.033, 0.16)
"""A patch from first to last bar as a share of the page's long side: 0.8 of 11 inches is 0.073; scaled copies
vary.
"""

MIN_BAR_PX = 3
"""A thinner run is a speck or a table's rule. The narrow bar of the smallest patch has 4 pixels."""

MAX_DRIFT_SHARE = 0.35
"""Shift of the patch from one line to the next, as a share of its size, above which the lines are different
patches.
"""


def read_patch_codes(small: NDArray[np.uint8], factor: float = 1.0) -> list[Barcode]:
    """Return the patch codes on a page.

    Args:
        small: The page at about 100 dpi, shape (height, width). Bars may be horizontal or vertical.
        factor: Boxes are multiplied by this factor.
    """
    small = cv2.medianBlur(small, 3).astype(np.uint8)
    is_ink = small < min(160, max(64, int(small.mean()) - 40))
    horizontal = _patches_on_columns(is_ink)
    vertical = [(text, (y0, x0, y1, x1)) for text, (x0, y0, x1, y1) in _patches_on_columns(is_ink.T)]
    return [
        Barcode(
            format=FORMAT,
            text=text,
            box=(int(x0 * factor), int(y0 * factor), int(x1 * factor) + 1, int(y1 * factor) + 1),
        )
        for text, (x0, y0, x1, y1) in horizontal + vertical
    ]


def _patches_on_columns(is_ink: NDArray[np.bool_]) -> list[tuple[str, Box]]:
    """Return patches with horizontal bars, found on columns of pixels."""
    height, width = is_ink.shape
    min_size, max_size = (share * max(height, width) for share in PATCH_SIZE_SHARES)
    groups: list[tuple[str, list[tuple[int, int, int]]]] = []
    for x in range(LINE_STEP_PX, width - LINE_STEP_PX, LINE_STEP_PX):
        for top, bottom, pattern in _patterns_on_line(is_ink[:, x], min_size, max_size):
            inwards = pattern if top + bottom < height else pattern[::-1]
            if inwards not in PATCH_CODES:
                continue
            lines = _same_patch(groups, PATCH_CODES[inwards], x, top, bottom)
            if lines is None:
                groups.append((PATCH_CODES[inwards], [(x, top, bottom)]))
            else:
                lines.append((x, top, bottom))
    return [
        (text, (lines[0][0], min(line[1] for line in lines), lines[-1][0], max(line[2] for line in lines)))
        for text, lines in groups
        if len(lines) * LINE_STEP_PX >= MIN_SPAN_SHARE * min(height, width)
    ]


def _same_patch(
    groups: list[tuple[str, list[tuple[int, int, int]]]], code: str, x: int, top: int, bottom: int
) -> list[tuple[int, int, int]] | None:
    """Return the lines of the patch that a line continues, or None."""
    for text, lines in groups:
        last_x, last_top, _ = lines[-1]
        is_close = x - last_x <= 6 * LINE_STEP_PX and abs(top - last_top) < MAX_DRIFT_SHARE * (bottom - top)
        if text == code and is_close:
            return lines
    return None


def _patterns_on_line(
    line: NDArray[np.bool_], min_size: float, max_size: float
) -> list[tuple[int, int, str]]:
    """Return (first pixel, last pixel, wide and narrow bars) of every four bars on a line that could be a
    patch.

    Args:
        line: Whether each pixel is ink.
        low: Smallest size of a patch in pixels.
        high: Largest size of a patch in pixels.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    is_bar = ends - starts >= MIN_BAR_PX
    starts, ends = starts[is_bar], ends[is_bar]
    patterns = []
    bars, spaces, sizes = ends - starts, starts[1:] - ends[:-1], ends[3:] - starts[:-3]
    for i in np.flatnonzero((sizes >= min_size) & (sizes <= max_size)):
        pattern = _bar_pattern(bars[i : i + 4].tolist(), spaces[i : i + 3].tolist())
        if pattern:
            patterns.append((int(starts[i]), int(ends[i + 3]), pattern))
    return patterns


def _bar_pattern(bars: list[int], spaces: list[int]) -> str:
    """Return the wide and narrow bars as W and N, or an empty string if they are not two and two, evenly
    spaced. Nominal sizes are 20, 8 and 8 pixels.
    """
    order = sorted(bars)
    narrow, wide = order[1], order[2]
    two_and_two = (
        wide >= 1.5 * narrow and order[3] <= 1.4 * wide and narrow <= max(1.6 * order[0], order[0] + 3)
    )
    if not two_and_two:
        return ""
    mean = sum(spaces) / len(spaces)
    if not (
        max(spaces) <= max(1.5 * mean, mean + 2)
        and 0.25 * narrow <= mean <= 2.5 * narrow
        and mean < 0.9 * wide
    ):
        return ""
    middle = (narrow + wide) / 2
    return "".join("W" if bar > middle else "N" for bar in bars)
