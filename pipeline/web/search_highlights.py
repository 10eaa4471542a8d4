"""Search highlights: the boxes of the words on a page that match a search, so that the page image itself is
marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WORD = re.compile(r"[\w'-]+")
# letters that an inflected word must share with the searched one: "fracture" marks "fractures", "fractured"
MIN_STEM_LETTERS = 4
MAX_ENDING_LETTERS = 3


@dataclass(frozen=True, slots=True)
class HighlightBox:
    """A box on the page, in its pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


def find_highlights(words: Sequence[dict[str, Any]], query: str) -> list[HighlightBox]:
    """Return the boxes of the page's words that match a word of the query, in the page's order."""
    searched = [word.casefold() for word in WORD.findall(query)]
    return [HighlightBox(*word["box"]) for word in words if _matches_any(word["text"].casefold(), searched)]


def _matches_any(text: str, searched: Sequence[str]) -> bool:
    return any(_same_stem(word, other) for word in WORD.findall(text) for other in searched)


def _same_stem(word: str, other: str) -> bool:
    """Are the words equal, or do they differ in an ending only?"""
    if word == other:
        return True
    shared = min(len(word), len(other))
    return (
        shared >= MIN_STEM_LETTERS
        and word[:shared] == other[:shared]
        and max(len(word), len(other)) - shared <= MAX_ENDING_LETTERS
    )
