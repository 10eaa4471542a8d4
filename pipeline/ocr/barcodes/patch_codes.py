"""Patch codes: four bars, two wide and two narrow, on the sheets that divide a batch. Six arrangements, no
check digit.

A bar is read across: along a line of pixels that crosses all four. A patch is believed where many
neighboring lines read the same arrangement at the same place, so that neither text nor a table's rules pass
for one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.records import Barcode, Box

PATCH_CODES = {"WWNN": "1", "WNNW": "2", "WNWN": "3", "NWWN": "4", "NNWW": "6", "NWNW": "T"}
"""Wide and narrow bars, read from the edge of the sheet inwards (Kodak's definition)."""

FORMAT = "PatchCode"
LINE_STEP_PX = 6
"""Every how many pixels a line is read: a patch is at least two inches long, 200 pixels here, so about 33
lines cross it.
"""

MIN_SPAN_SHARE = 0.14
"""Of the page's width that agreeing lines must span: two inches of 8.5 are 0.23, less what noise and skew
take away.
"""

PATCH_SIZE_SHARES = (0.033, 0.16)
"""A patch from first to last bar as a share of the page's long side: 0.8 of 11 inches is 0.073; scaled copies
vary.
"""

MIN_BAR_PX = 3
"""Pixels: a thinner run is a speck or a table's rule; the narrow bar of the smallest patch looked for has
4.
"""

MAX_DRIFT_SHARE = 0.35
"""How far the patch may shift from one line to the next, as a share of its size, before the lines count as
different ones.
"""


def read_patch_codes(small: NDArray[np.uint8], factor: float = 1.0) -> list[Barcode]:
    """The patch codes on a page of about 100 dpi; boxes are multiplied by `factor`. Bars may lie across or
    upright.
    """
    small = cv2.medianBlur(small, 3).astype(np.uint8)
    dark = small < min(160, max(64, int(small.mean()) - 40))
    across = _patches_on_columns(dark)
    upright = [(text, (y0, x0, y1, x1)) for text, (x0, y0, x1, y1) in _patches_on_columns(dark.T)]
    return [
        Barcode(
            format=FORMAT,
            text=text,
            box=(int(x0 * factor), int(y0 * factor), int(x1 * factor) + 1, int(y1 * factor) + 1),
        )
        for text, (x0, y0, x1, y1) in across + upright
    ]


def _patches_on_columns(dark: NDArray[np.bool_]) -> list[tuple[str, Box]]:
    """Patches whose bars run left to right, found on columns of pixels."""
    height, width = dark.shape
    low, high = (share * max(height, width) for share in PATCH_SIZE_SHARES)
    groups: list[tuple[str, list[tuple[int, int, int]]]] = []
    for x in range(LINE_STEP_PX, width - LINE_STEP_PX, LINE_STEP_PX):
        for top, bottom, pattern in _patterns_on_line(dark[:, x], low, high):
            inwards = pattern if top + bottom < height else pattern[::-1]
            if inwards not in PATCH_CODES:
                continue
            for text, lines in groups:
                last = lines[-1]
                if (
                    text == PATCH_CODES[inwards]
                    and x - last[0] <= 6 * LINE_STEP_PX
                    and abs(top - last[1]) < MAX_DRIFT_SHARE * (bottom - top)
                ):
                    lines.append((x, top, bottom))
                    break
            else:
                groups.append((PATCH_CODES[inwards], [(x, top, bottom)]))
    return [
        (text, (lines[0][0], min(line[1] for line in lines), lines[-1][0], max(line[2] for line in lines)))
        for text, lines in groups
        if len(lines) * LINE_STEP_PX >= MIN_SPAN_SHARE * min(height, width)
    ]


def _patterns_on_line(line: NDArray[np.bool_], low: float, high: float) -> list[tuple[int, int, str]]:
    """(first pixel, last pixel, wide and narrow bars) of every four bars on a line that could be a patch."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    keep = ends - starts >= MIN_BAR_PX
    starts, ends = starts[keep], ends[keep]
    found = []
    bars, spaces, sizes = ends - starts, starts[1:] - ends[:-1], ends[3:] - starts[:-3]
    for i in np.flatnonzero((sizes >= low) & (sizes <= high)):
        pattern = _bar_pattern(bars[i : i + 4].tolist(), spaces[i : i + 3].tolist())
        if pattern:
            found.append((int(starts[i]), int(ends[i + 3]), pattern))
    return found


def _bar_pattern(bars: list[int], spaces: list[int]) -> str:
    """Wide and narrow of four bars, or nothing where they are not two and two, evenly spaced. Nominally 20, 8
    and 8 pixels.
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
