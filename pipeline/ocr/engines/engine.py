"""What every engine answers with, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.ocr.image.pixels import GrayImage
from pipeline.records import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class OcrWord:
    """A word as an engine saw it: where in the text (block, paragraph, line) it stands, and how sure the
    engine is, in [0, 1].

    `other`: how sure the second engine is that this is the word (0 if it read something else), None if it was
    not asked."""

    text: str
    box: Box
    confidence: float
    block: int
    paragraph: int
    line: int
    second_confidence: float | None = None

    @property
    def line_key(self) -> tuple[int, int, int]:
        """Equal for the words of one line."""
        return (self.block, self.paragraph, self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripWord:
    """A word as an engine reads it in a strip: `start` and `end` are shares of the strip's width."""

    text: str
    start: float
    end: float
    confidence: float

    def box(self, cut: Box, top: int, bottom: int) -> Box:
        """The word's box where its strip was cut out at `cut`."""
        left, width = cut[0], cut[2] - cut[0]
        x0 = int(left + self.start * width)
        return (x0, top, max(x0 + 1, int(left + self.end * width)), bottom)


class StripReader(Protocol):
    """An engine that reads strips: pictures of one line or a part of it."""

    def read(self, strips: Sequence[GrayImage]) -> list[list[StripWord]]: ...
