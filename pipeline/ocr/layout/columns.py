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

from pipeline.ocr.layout.blocks import Part, beside

PROSE_LINES = 6
"""Lines on either side from which they are columns; fewer stand beside each other in any letterhead."""
PROSE_WORDS = 3.0
"""Words in a line of prose, on average: a cell or a form's field has fewer."""
PROSE_LETTERS = 0.6
"""Share of the words of prose that are of letters."""
RIVER = 0.6
"""Narrowest river in line heights; WIDE is the width from which wider says no more."""
WIDE = 3.0
ACROSS = 4
"""Times that the engine must go over from one side to the other: where it went once it saw the columns
itself.
"""
DEEPEST = 6
"""Columns within columns looked for: a newspaper has three."""


@dataclass(frozen=True, slots=True)
class River:
    """A stretch of white at `x` from `top` to `bottom`, better with a higher `worth`."""

    x: int
    top: int
    bottom: int
    worth: float


def in_columns(parts: Sequence[Part], height: float, depth: int = 0) -> list[Part]:
    """The parts in reading order. `height`: of a line, in pixels."""
    river = best_river(parts, height) if depth < DEEPEST else None
    if river is None:
        return sorted(parts, key=lambda part: part.at)
    heap: dict[str, list[Part]] = {"above": [], "left": [], "right": [], "below": []}
    for part in parts:
        beside = river.top <= part.middle <= river.bottom
        if beside and part.box[2] <= river.x:
            heap["left"].append(part)
        elif beside and part.box[0] >= river.x:
            heap["right"].append(part)
        else:
            heap["above" if part.middle < (river.top + river.bottom) / 2 else "below"].append(part)
    return [part for side in heap.values() for part in in_columns(side, height, depth + 1)]


def best_river(parts: Sequence[Part], height: float) -> River | None:
    """The river with the most prose on both sides."""
    if len(parts) < 2 * PROSE_LINES:
        return None
    edges = sorted({part.box[2] + 1 for part in parts})
    stretches = ((x, *stretch) for x in edges for stretch in open_stretches(parts, x))
    rivers = [river for stretch in stretches if (river := river_at(parts, *stretch, height))]
    return max(rivers, key=lambda river: river.worth, default=None)


def open_stretches(parts: Sequence[Part], x: int) -> list[tuple[float, float]]:
    """From where to where no part crosses the upright line at `x`."""
    crossing = sorted((part.box[1], part.box[3]) for part in parts if part.box[0] < x <= part.box[2])
    ends = np.maximum.accumulate([-np.inf, *(bottom for _, bottom in crossing)])
    starts = [*(top for top, _ in crossing), np.inf]
    return [(float(top), float(bottom)) for top, bottom in zip(ends, starts, strict=True) if bottom > top]


def river_at(parts: Sequence[Part], x: int, top: float, bottom: float, height: float) -> River | None:
    """The river at `x` between two heights, if there is one."""
    inside = [part for part in parts if top < part.middle < bottom]
    left, right = [part for part in inside if part.box[2] <= x], [part for part in inside if part.box[0] >= x]
    if min(len(left), len(right)) < PROSE_LINES:
        return None
    first = max(min(part.box[1] for part in side) for side in (left, right))
    last = min(max(part.box[3] for part in side) for side in (left, right))
    left, right = (
        [part for part in side if part.box[3] > first and part.box[1] < last] for side in (left, right)
    )
    if min(len(left), len(right)) < PROSE_LINES:
        return None
    gap = min(part.box[0] for part in right) - max(part.box[2] for part in left)
    both = [*left, *right]
    if gap < RIVER * height or goes_over(left, both) < ACROSS:
        return None
    if not is_prose(bank := nearest(left, -1)) or not is_prose(other := nearest(right, 1)):
        return None
    worth = min(len(bank), len(other)) * min(gap / height, WIDE)
    return River(x, min(part.box[1] for part in both), max(part.box[3] for part in both), worth)


def goes_over(left: Sequence[Part], both: Sequence[Part]) -> int:
    """How often the order changes from one side of a river to the other."""
    places = {part.at for part in left}
    sides = [at in places for at in sorted(part.at for part in both)]
    return sum(one != other for one, other in pairwise(sides))


def nearest(side: Sequence[Part], away: int) -> list[Part]:
    """Of the parts on each row the one next to the river. `away`: the direction in which they leave it."""
    found: list[Part] = []  # from the top: only its neighbours can be on a part's row
    for part in sorted(side, key=lambda part: part.box[0] if away > 0 else -part.box[2]):
        at = bisect(found, part.middle, key=attrgetter("middle"))
        if not any(beside(part.box, other.box) for other in found[max(0, at - 2) : at + 2]):
            found.insert(at, part)
    return found


def is_prose(bank: Sequence[Part]) -> bool:
    """Whether lines are of prose: enough of them, of several words, most of letters."""
    words = [word.text for part in bank for word in part.lines[0]]
    lettered = sum(sum(map(str.isalpha, word)) >= 0.5 * len(word) for word in words)
    return (
        len(bank) >= PROSE_LINES
        and len(words) >= PROSE_WORDS * len(bank)
        and lettered >= PROSE_LETTERS * len(words)
    )
