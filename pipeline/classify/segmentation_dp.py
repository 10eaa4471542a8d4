"""Cuts a run of pages into documents: the most probable cut of the whole stack, not page by page.

A cut is scored by the starts it takes and leaves, and by what each of its documents then looks like as a
whole: printed page numbers that count up to their total, and one patient. Documents are chosen by dynamic
programming; how sure each one is comes from the sum over all cuts (forward and backward), not from the best
alone."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

Penalties: TypeAlias = Callable[[int], Iterator[float]]
"""From a first page, by position: the nats against a document of it alone, of it and the next, and so on."""

LONGEST = 300
"""Pages of the longest document that is considered as one."""

FLOOR = 1e-4
"""No single page's evidence is believed beyond this."""


def best_segmentation(
    starts: Sequence[float], penalties: Penalties, longest: int = LONGEST
) -> list[tuple[int, int, float]]:
    """The documents of a run of pages: (first, last, probability of exactly this document), in order.

    `starts[i]`: the probability that a document starts at page i; the first page always starts one.
    """
    n = len(starts)
    if not n:
        return []
    begin = [0.0 if i == 0 else math.log(_held(p)) for i, p in enumerate(starts)]
    stay = [math.log(1 - _held(p)) for p in starts]
    score: list[array[float]] = []  # by first page, then by pages after it
    for first in range(n):
        inner = accumulate(stay[first + 1 : first + longest], initial=begin[first])
        score.append(
            array("d", (inside - against for inside, against in zip(inner, penalties(first), strict=False)))
        )
    best = [0.0] + [-math.inf] * n
    origin = [0] * (n + 1)
    forward = [0.0] + [-math.inf] * n
    for last in range(n):
        for first in range(max(0, last - longest + 1), last + 1):
            value = score[first][last - first]
            if best[first] + value > best[last + 1]:
                best[last + 1], origin[last + 1] = best[first] + value, first
            forward[last + 1] = _add(forward[last + 1], forward[first] + value)
    backward = [-math.inf] * n + [0.0]
    for first in range(n - 1, -1, -1):
        for last, value in enumerate(score[first], start=first):
            backward[first] = _add(backward[first], value + backward[last + 1])
    documents: list[tuple[int, int, float]] = []
    end = n
    while end:
        first = origin[end]
        sure = math.exp(min(0.0, forward[first] + score[first][end - 1 - first] + backward[end] - forward[n]))
        documents.append((first, end - 1, sure))
        end = first
    return documents[::-1]


def _held(probability: float) -> float:
    return min(max(probability, FLOOR), 1 - FLOOR)


def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))
