"""Reorder columns of prose that the engine has read across: if lines of prose are on both sides of a white
gutter and the engine alternates between the sides, the whole left side is read before the right. Lines of a
table or a form, which are short or contain numbers, keep the engine's order.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

import numpy as np

from pipeline.ocr.layout.blocks import Block, overlap_vertically

MIN_PROSE_LINES = 6
"""Lines on either side at which they are columns; any letterhead has fewer next to each other."""
MIN_PROSE_WORDS_PER_LINE = 3.0
"""Mean number of words in a line of prose. A cell or a form's field has fewer."""
MIN_PROSE_ALPHABETIC_SHARE = 0.6
"""Share of the words of prose that consist of letters."""
MIN_GUTTER_LINE_HEIGHTS = 0.6
"""Width of the narrowest gutter."""
MAX_SCORED_GUTTER_LINE_HEIGHTS = 3.0
"""Width above which a wider gutter scores no more."""
MIN_SIDE_CHANGES = 4
"""Times that the engine must change sides. If it changes once, it has recognized the columns."""
MAX_COLUMN_DEPTH = 6
"""Columns within columns that are searched. A newspaper has three."""


@dataclass(frozen=True, slots=True)
class Gutter:
    """A stretch of white at `x` from `top` to `bottom`, in pixels. A higher score is better."""

    x: int
    top: int
    bottom: int
    score: float


def order_by_columns(blocks: Sequence[Block], height: float, depth: int = 0) -> list[Block]:
    """Return the blocks in reading order.

    Args:
        blocks: In any order.
        height: Line height in pixels.
        depth: Depth of the recursion.
    """
    gutter = best_gutter(blocks, height) if depth < MAX_COLUMN_DEPTH else None
    if gutter is None:
        return sorted(blocks, key=lambda block: block.engine_index)
    sides: dict[str, list[Block]] = {"above": [], "left": [], "right": [], "below": []}
    for block in blocks:
        sides[side_of(block, gutter)].append(block)
    return [block for side in sides.values() for block in order_by_columns(side, height, depth + 1)]


def side_of(block: Block, gutter: Gutter) -> str:
    """Return whether a block is above, left of, right of or below a gutter."""
    if gutter.top <= block.center_y <= gutter.bottom:
        if block.box[2] <= gutter.x:
            return "left"
        if block.box[0] >= gutter.x:
            return "right"
    return "above" if block.center_y < (gutter.top + gutter.bottom) / 2 else "below"


def best_gutter(blocks: Sequence[Block], height: float) -> Gutter | None:
    """Return the gutter with the most prose on both sides."""
    if len(blocks) < 2 * MIN_PROSE_LINES:
        return None
    edges = sorted({block.box[2] + 1 for block in blocks})
    intervals = ((x, *interval) for x in edges for interval in open_intervals(blocks, x))
    gutters = [gutter for interval in intervals if (gutter := gutter_at(blocks, *interval, height))]
    return max(gutters, key=lambda gutter: gutter.score, default=None)


def open_intervals(blocks: Sequence[Block], x: int) -> list[tuple[float, float]]:
    """Return the vertical intervals in which no block crosses the vertical line at `x`."""
    crossing = sorted((block.box[1], block.box[3]) for block in blocks if block.box[0] < x <= block.box[2])
    ends = np.maximum.accumulate([-np.inf, *(bottom for _, bottom in crossing)])
    starts = [*(top for top, _ in crossing), np.inf]
    return [(float(top), float(bottom)) for top, bottom in zip(ends, starts, strict=True) if bottom > top]


def gutter_at(blocks: Sequence[Block], x: int, top: float, bottom: float, height: float) -> Gutter | None:
    """Return the gutter at `x` between two heights, or None if there are no columns of prose on both sides.

    Args:
        blocks: The blocks of the page.
        x: Position of the gutter in pixels.
        top: Upper limit in pixels.
        bottom: Lower limit in pixels.
        height: Line height in pixels.
    """
    inside = [block for block in blocks if top < block.center_y < bottom]
    left, right = common_range(
        [block for block in inside if block.box[2] <= x], [block for block in inside if block.box[0] >= x]
    )
    if min(len(left), len(right)) < MIN_PROSE_LINES:
        return None
    both = [*left, *right]
    gap = min(block.box[0] for block in right) - max(block.box[2] for block in left)
    if gap < MIN_GUTTER_LINE_HEIGHTS * height or count_side_changes(left, both) < MIN_SIDE_CHANGES:
        return None
    left_lines, right_lines = nearest_to_gutter(left, -1), nearest_to_gutter(right, 1)
    if not is_prose(left_lines) or not is_prose(right_lines):
        return None
    score = min(len(left_lines), len(right_lines)) * min(gap / height, MAX_SCORED_GUTTER_LINE_HEIGHTS)
    return Gutter(x, min(block.box[1] for block in both), max(block.box[3] for block in both), score)


def common_range(left: Sequence[Block], right: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """Return the blocks of two sides in the vertical range that both sides cover; nothing if a side has fewer
    than MIN_PROSE_LINES blocks.
    """
    if min(len(left), len(right)) < MIN_PROSE_LINES:
        return [], []
    top = max(min(block.box[1] for block in side) for side in (left, right))
    bottom = min(max(block.box[3] for block in side) for side in (left, right))
    left, right = (
        [block for block in side if block.box[3] > top and block.box[1] < bottom] for side in (left, right)
    )
    return left, right


def count_side_changes(left: Sequence[Block], both: Sequence[Block]) -> int:
    """Return how often the order changes from one side of a gutter to the other."""
    left_indexes = {block.engine_index for block in left}
    sides = [index in left_indexes for index in sorted(block.engine_index for block in both)]
    return sum(one != other for one, other in pairwise(sides))


def nearest_to_gutter(side: Sequence[Block], away: int) -> list[Block]:
    """Return, on each row, the block next to the gutter.

    Args:
        side: The blocks on one side of the gutter.
        away: Direction away from the gutter: -1 for the left side, 1 for the right side.
    """
    nearest: list[Block] = []  # sorted by center_y: only its neighbors can be on a block's row
    for block in sorted(side, key=lambda block: block.box[0] if away > 0 else -block.box[2]):
        index = bisect(nearest, block.center_y, key=attrgetter("center_y"))
        if not any(
            overlap_vertically(block.box, other.box) for other in nearest[max(0, index - 2) : index + 2]
        ):
            nearest.insert(index, block)
    return nearest


def is_prose(lines: Sequence[Block]) -> bool:
    """Return whether lines are prose: enough lines, of several words each, most of them letters."""
    words = [word.text for block in lines for word in block.lines[0]]
    alphabetic = sum(sum(map(str.isalpha, word)) >= 0.5 * len(word) for word in words)
    return (
        len(lines) >= MIN_PROSE_LINES
        and len(words) >= MIN_PROSE_WORDS_PER_LINE * len(lines)
        and alphabetic >= MIN_PROSE_ALPHABETIC_SHARE * len(words)
    )
