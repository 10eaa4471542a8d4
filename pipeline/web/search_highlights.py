"""Where the words of a search stand on a page: the page's own word boxes, so that the ink itself is
marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WORD = re.compile(r"[\w'-]+")
# letters that an inflected word must share with the one looked for: "fracture" marks "fractures", "fractured"
STEM = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A box on the page, in its pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


def hits_on(words: Sequence[dict[str, Any]], query: str) -> list[Hit]:
    """The boxes of the page's words that the query's words mean, in the page's order."""
    wanted = [word.casefold() for word in WORD.findall(query)]
    return [Hit(*word["box"]) for word in words if _means(word["text"].casefold(), wanted)]


def _means(text: str, wanted: Sequence[str]) -> bool:
    return any(_same(found, word) for found in WORD.findall(text) for word in wanted)


def _same(found: str, wanted: str) -> bool:
    """The same word, or an ending apart."""
    if found == wanted:
        return True
    shared = min(len(found), len(wanted))
    return shared >= STEM and found[:shared] == wanted[:shared] and max(len(found), len(wanted)) - shared <= 3
