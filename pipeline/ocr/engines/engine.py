"""The words that recognition engines return, and the protocols of the engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pipeline.ocr.image.pixels import GrayImage
from pipeline.records import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class OcrWord:
    """A word as an engine recognized it.

    Attributes:
        text: The characters.
        box: In pixels of the recognized image.
        confidence: The engine's confidence, in [0, 1].
        block: Number of the word's block in the text.
        paragraph: Number of the paragraph in the block.
        line: Number of the line in the paragraph.
        second_confidence: The second engine's confidence in this word (0 if it recognized something else);
            None if it was not used.
    """

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
    """A word as an engine recognized it in a strip.

    Attributes:
        start: Left edge as a share of the strip's width.
        end: Right edge as a share of the strip's width.
        confidence: In [0, 1].
    """

    text: str
    start: float
    end: float
    confidence: float

    def box_on_page(self, strip_box: Box, top: int, bottom: int) -> Box:
        """Return the word's box on the image from which its strip was cut.

        Args:
            strip_box: The strip's box on that image.
            top: Upper edge of the word's box.
            bottom: Lower edge of the word's box.
        """
        left, width = strip_box[0], strip_box[2] - strip_box[0]
        x0 = int(left + self.start * width)
        return (x0, top, max(x0 + 1, int(left + self.end * width)), bottom)


class StripReader(Protocol):
    """An engine that recognizes strips: images of one line or a part of it."""

    def read(self, strips: Sequence[GrayImage]) -> list[list[StripWord]]:
        """Return the words of each strip (shape (height, width), dark on light) from left to right."""
        ...


class TesseractInterface(Protocol):
    """Tesseract with some languages, as a library in this process or as a program."""

    @property
    def name(self) -> Literal["library", "program"]:
        """Return how Tesseract is called."""
        ...

    def version(self) -> str:
        """Return Tesseract's version, such as "5.5.4"."""
        ...

    def recognize(
        self, images: Sequence[GrayImage], psm: int, dpi: float, seconds: float
    ) -> list[list[OcrWord]]:
        """Return the words of each image, in Tesseract's reading order.

        Args:
            images: Grayscale images, each of shape (height, width).
            psm: Tesseract's page segmentation mode.
            dpi: Resolution that Tesseract assumes.
            seconds: Time limit for all images together.

        Raises:
            TimeoutError: The time limit was exceeded.
            RecognitionFailed: The program crashed on an image.
        """
        ...


class RecognitionFailed(Exception):
    """An engine stopped on an image without a result."""
