"""Split consecutive pages into documents: find the most probable segmentation of the whole stack, not page by
page.

A segmentation is scored by the document starts that it has and has not, and by the penalties of each of its
documents (printed page numbers that do not count up to their total, two patients). Dynamic programming finds
the best segmentation. The probability of each document is the sum over all segmentations that contain it
(forward-backward algorithm), not only the best one.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

Penalties: TypeAlias = Callable[[int], Iterator[float]]
"""From a first page, by position: the penalties in nats of a document of this page alone, of this and the
next page, and so on.
"""

MAX_DOCUMENT_PAGES = 300
"""Pages of the longest document that is considered."""

MIN_PROBABILITY = 1e-4
"""The evidence at a single page is not trusted beyond this distance from 0 and 1."""


def best_segmentation(
    starts: Sequence[float], penalties: Penalties, max_pages: int = MAX_DOCUMENT_PAGES
) -> list[tuple[int, int, float]]:
    """Return the documents of consecutive pages, in order: (first page, last page, probability of exactly
    this document).

    Args:
        starts: The probability that a document starts at each page; the first page always starts one.
        penalties: The penalties of a document by its first page.
        max_pages: Pages of the longest document.
    """
    count = len(starts)
    if not count:
        return []
    scores = _document_scores(starts, penalties, max_pages)
    forward, origin = _forward(scores, max_pages)
    backward = _backward(scores)
    documents: list[tuple[int, int, float]] = []
    end = count
    while end:
        first = origin[end]
        log_share = forward[first] + scores[first][end - 1 - first] + backward[end] - forward[count]
        documents.append((first, end - 1, math.exp(min(0.0, log_share))))
        end = first
    return documents[::-1]


def _document_scores(starts: Sequence[float], penalties: Penalties, max_pages: int) -> list[array[float]]:
    """Return the log score of each possible document, by first page and then by the number of further
    pages.
    """
    log_start = [0.0 if i == 0 else math.log(_clamp(p)) for i, p in enumerate(starts)]
    log_no_start = [math.log(1 - _clamp(p)) for p in starts]
    scores: list[array[float]] = []
    for first in range(len(starts)):
        by_length = accumulate(log_no_start[first + 1 : first + max_pages], initial=log_start[first])
        penalized = (score - penalty for score, penalty in zip(by_length, penalties(first), strict=False))
        scores.append(array("d", penalized))
    return scores


def _forward(scores: Sequence[Sequence[float]], max_pages: int) -> tuple[list[float], list[int]]:
    """Return the log sum over all segmentations of the pages before each page, and for each page the first
    page of the last document in the best of them.
    """
    count = len(scores)
    best = [0.0] + [-math.inf] * count
    origin = [0] * (count + 1)
    forward = [0.0] + [-math.inf] * count
    for last in range(count):
        for first in range(max(0, last - max_pages + 1), last + 1):
            score = scores[first][last - first]
            if best[first] + score > best[last + 1]:
                best[last + 1], origin[last + 1] = best[first] + score, first
            forward[last + 1] = _log_add(forward[last + 1], forward[first] + score)
    return forward, origin


def _backward(scores: Sequence[Sequence[float]]) -> list[float]:
    """Return the log sum over all segmentations of each page and the pages after it."""
    count = len(scores)
    backward = [-math.inf] * count + [0.0]
    for first in range(count - 1, -1, -1):
        for last, score in enumerate(scores[first], start=first):
            backward[first] = _log_add(backward[first], score + backward[last + 1])
    return backward


def _clamp(probability: float) -> float:
    return min(max(probability, MIN_PROBABILITY), 1 - MIN_PROBABILITY)


def _log_add(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))
