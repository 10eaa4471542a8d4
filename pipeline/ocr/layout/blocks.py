"""Parts of a page for its reading order: words that stay together, with the box around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.recognition.second_pass import bounding_box, split_into_segments
from pipeline.records import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One or more lines of words in reading order. `at`: where in the engine's order its first word
    stands.
    """

    lines: tuple[tuple[OcrWord, ...], ...]
    box: Box
    engine_index: int

    @property
    def center_y(self) -> float:
        """Its middle height on the page."""
        return (self.box[1] + self.box[3]) / 2


def make_blocks(seen: Sequence[OcrWord], numbers: Sequence[int]) -> list[Block]:
    """The words of these numbers as parts of lines, in the engine's order."""
    found: list[Block] = []
    start = 0
    for segment in split_into_segments([seen[number] for number in numbers]):
        found.append(Block(lines=(tuple(segment),), box=bounding_box(segment), engine_index=numbers[start]))
        start += len(segment)
    return found


def overlap(low: int, high: int, other_low: int, other_high: int) -> int:
    """The length that two stretches share; negative where they are apart."""
    return min(high, other_high) - max(low, other_low)


def overlap_vertically(one: Box, other: Box) -> bool:
    """Whether two boxes share more than half of the lower one's height."""
    return overlap(one[1], one[3], other[1], other[3]) > 0.5 * min(one[3] - one[1], other[3] - other[1])
