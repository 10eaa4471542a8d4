"""Blocks of a page for its reading order: words that stay together, with the box around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.recognition.second_pass import bounding_box, split_into_segments
from pipeline.records import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One or more lines of words in reading order.

    Attributes:
        lines: The words of each line.
        box: Around all words.
        engine_index: Index of the first word in the engine's order.
    """

    lines: tuple[tuple[OcrWord, ...], ...]
    box: Box
    engine_index: int

    @property
    def center_y(self) -> float:
        """Vertical center in pixels."""
        return (self.box[1] + self.box[3]) / 2


def make_blocks(words: Sequence[OcrWord], indexes: Sequence[int]) -> list[Block]:
    """Return a block for each line segment of the words with these indexes, in the engine's order."""
    blocks: list[Block] = []
    start = 0
    for segment in split_into_segments([words[index] for index in indexes]):
        blocks.append(Block(lines=(tuple(segment),), box=bounding_box(segment), engine_index=indexes[start]))
        start += len(segment)
    return blocks


def overlap(low: int, high: int, other_low: int, other_high: int) -> int:
    """Return the length that two intervals share; negative if they are apart."""
    return min(high, other_high) - max(low, other_low)


def overlap_vertically(one: Box, other: Box) -> bool:
    """Return whether two boxes share more than half of the lower one's height."""
    return overlap(one[1], one[3], other[1], other[3]) > 0.5 * min(one[3] - one[1], other[3] - other[1])
