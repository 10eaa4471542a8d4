"""Parts of a page for its reading order: words that stay together, with the box around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.ocr.engines.engine import Seen
from pipeline.ocr.recognition.second_pass import around, segments
from pipeline.records import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One or more lines of words in reading order. `at`: where in the engine's order its first word
    stands.
    """

    lines: tuple[tuple[Seen, ...], ...]
    box: Box
    at: int

    @property
    def middle(self) -> float:
        """Its middle height on the page."""
        return (self.box[1] + self.box[3]) / 2


def parts_of(seen: Sequence[Seen], numbers: Sequence[int]) -> list[Part]:
    """The words of these numbers as parts of lines, in the engine's order."""
    found: list[Part] = []
    start = 0
    for segment in segments([seen[number] for number in numbers]):
        found.append(Part(lines=(tuple(segment),), box=around(segment), at=numbers[start]))
        start += len(segment)
    return found


def shared(low: int, high: int, other_low: int, other_high: int) -> int:
    """The length that two stretches share; negative where they are apart."""
    return min(high, other_high) - max(low, other_low)


def beside(one: Box, other: Box) -> bool:
    """Whether two boxes share more than half of the lower one's height."""
    return shared(one[1], one[3], other[1], other[3]) > 0.5 * min(one[3] - one[1], other[3] - other[1])
