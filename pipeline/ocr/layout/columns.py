"""Columns of prose that the engine has read across: where lines of prose stand on both sides of a river of
white and the engine goes from one to the other and back, all of the left side is read before the right. Lines
of a table or a form, short or of figures, are left as the engine has them."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

import numpy as np

from pipeline.ocr.layout.blocks import Block, overlap_vertically

MIN_PROSE_LINES = 6
"""Lines on either side from which they are columns; fewer stand beside each other in any letterhead."""
MIN_PROSE_WORDS_PER_LINE = 3.0
"""Words in a line of prose, on average: a cell or a form's field has fewer."""
MIN_PROSE_ALPHABETIC_SHARE = 0.6
"""Share of the words of prose that are of letters."""
MIN_GUTTER_LINE_HEIGHTS = 0.6
"""Narrowest river in line heights; MAX_SCORED_GUTTER_LINE_HEIGHTS is the width from which wider says no more."""
MAX_SCORED_GUTTER_LINE_HEIGHTS = 3.0
MIN_SIDE_CHANGES = 4
"""Times that the engine must go over from one side to the other: where it went once it saw the columns
itself.
"""
MAX_COLUMN_DEPTH = 6
"""Columns within columns looked for: a newspaper has three."""


@dataclass(frozen=True, slots=True)
class Gutter:
    """A stretch of white at `x` from `top` to `bottom`, better with a higher `worth`."""

    x: int
    top: int
    bottom: int
    score: float


def order_by_columns(parts: Sequence[Block], height: float, depth: int = 0) -> list[Block]:
    """The parts in reading order. `height`: of a line, in pixels."""
    river = best_gutter(parts, height) if depth < MAX_COLUMN_DEPTH else None
    if river is None:
        return sorted(parts, key=lambda part: part.engine_index)
    heap: dict[str, list[Block]] = {"above": [], "left": [], "right": [], "below": []}
    for part in parts:
        beside = river.top <= part.center_y <= river.bottom
        if beside and part.box[2] <= river.x:
            heap["left"].append(part)
        elif beside and part.box[0] >= river.x:
            heap["right"].append(part)
        else:
            heap["above" if part.center_y < (river.top + river.bottom) / 2 else "below"].append(part)
    return [part for side in heap.values() for part in order_by_columns(side, height, depth + 1)]


def best_gutter(parts: Sequence[Block], height: float) -> Gutter | None:
    """The river with the most prose on both sides."""
    if len(parts) < 2 * MIN_PROSE_LINES:
        return None
    edges = sorted({part.box[2] + 1 for part in parts})
    stretches = ((x, *stretch) for x in edges for stretch in open_intervals(parts, x))
    rivers = [river for stretch in stretches if (river := gutter_at(parts, *stretch, height))]
    return max(rivers, key=lambda river: river.score, default=None)


def open_intervals(parts: Sequence[Block], x: int) -> list[tuple[float, float]]:
    """From where to where no part crosses the upright line at `x`."""
    crossing = sorted((part.box[1], part.box[3]) for part in parts if part.box[0] < x <= part.box[2])
    ends = np.maximum.accumulate([-np.inf, *(bottom for _, bottom in crossing)])
    starts = [*(top for top, _ in crossing), np.inf]
    return [(float(top), float(bottom)) for top, bottom in zip(ends, starts, strict=True) if bottom > top]


def gutter_at(parts: Sequence[Block], x: int, top: float, bottom: float, height: float) -> Gutter | None:
    """The river at `x` between two heights, if there is one."""
    inside = [part for part in parts if top < part.center_y < bottom]
    left, right = [part for part in inside if part.box[2] <= x], [part for part in inside if part.box[0] >= x]
    if min(len(left), len(right)) < MIN_PROSE_LINES:
        return None
    first = max(min(part.box[1] for part in side) for side in (left, right))
    last = min(max(part.box[3] for part in side) for side in (left, right))
    left, right = (
        [part for part in side if part.box[3] > first and part.box[1] < last] for side in (left, right)
    )
    if min(len(left), len(right)) < MIN_PROSE_LINES:
        return None
    gap = min(part.box[0] for part in right) - max(part.box[2] for part in left)
    both = [*left, *right]
    if gap < MIN_GUTTER_LINE_HEIGHTS * height or count_side_changes(left, both) < MIN_SIDE_CHANGES:
        return None
    if not is_prose(bank := nearest_to_gutter(left, -1)) or not is_prose(
        other := nearest_to_gutter(right, 1)
    ):
        return None
    worth = min(len(bank), len(other)) * min(gap / height, MAX_SCORED_GUTTER_LINE_HEIGHTS)
    return Gutter(x, min(part.box[1] for part in both), max(part.box[3] for part in both), worth)


def count_side_changes(left: Sequence[Block], both: Sequence[Block]) -> int:
    """How often the order changes from one side of a river to the other."""
    places = {part.engine_index for part in left}
    sides = [at in places for at in sorted(part.engine_index for part in both)]
    return sum(one != other for one, other in pairwise(sides))


def nearest_to_gutter(side: Sequence[Block], away: int) -> list[Block]:
    """Of the parts on each row the one next to the river. `away`: the direction in which they leave it."""
    found: list[Block] = []  # from the top: only its neighbors can be on a part's row
    for part in sorted(side, key=lambda part: part.box[0] if away > 0 else -part.box[2]):
        at = bisect(found, part.center_y, key=attrgetter("center_y"))
        if not any(overlap_vertically(part.box, other.box) for other in found[max(0, at - 2) : at + 2]):
            found.insert(at, part)
    return found


def is_prose(bank: Sequence[Block]) -> bool:
    """Whether lines are of prose: enough of them, of several words, most of letters."""
    words = [word.text for part in bank for word in part.lines[0]]
    lettered = sum(sum(map(str.isalpha, word)) >= 0.5 * len(word) for word in words)
    return (
        len(bank) >= MIN_PROSE_LINES
        and len(words) >= MIN_PROSE_WORDS_PER_LINE * len(bank)
        and lettered >= MIN_PROSE_ALPHABETIC_SHARE * len(words)
    )
