"""A page as a list of marks in 1/200 inch, with its words and their boxes; draw.py converts it to pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from PIL import ImageFont

from pipeline.records import Box, Word

Face: TypeAlias = Literal["sans", "serif", "mono", "narrow"]
WIDTH, HEIGHT = 1700, 2200  # US letter in 1/200 inch
FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "~/.fonts",
    "~/.local/share/fonts",
)
# Font files to look for, best first; each one that is found is used by some documents. Without any, Pillow's
# own font is used.
FONT_FILES_BY_FACE: dict[Face, tuple[tuple[str, str], ...]] = {
    "sans": (
        ("LiberationSans-Regular", "LiberationSans-Bold"),
        ("DejaVuSans", "DejaVuSans-Bold"),
        ("Arial", "Arial Bold"),
    ),
    "serif": (
        ("LiberationSerif-Regular", "LiberationSerif-Bold"),
        ("DejaVuSerif", "DejaVuSerif-Bold"),
        ("Times New Roman", "Times New Roman Bold"),
    ),
    "mono": (
        ("LiberationMono-Regular", "LiberationMono-Bold"),
        ("DejaVuSansMono", "DejaVuSansMono-Bold"),
        ("Courier New", "Courier New Bold"),
    ),
    "narrow": (
        ("LiberationSansNarrow-Regular", "LiberationSansNarrow-Bold"),
        ("DejaVuSansCondensed", "DejaVuSansCondensed-Bold"),
    ),
}


@dataclass(frozen=True, slots=True)
class Font:
    """A typeface in a size (pixels at 200 dpi). `cut` chooses among the families found for the face."""

    face: Face
    size: int
    bold: bool = False
    cut: int = 0

    def load(self, scale: float = 1.0) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return _load(self.face, round(self.size * scale), self.bold, self.cut)

    def width(self, text: str) -> int:
        """Return the width of the text in pixels at 200 dpi, without kerning between words."""
        parts = text.split(" ")
        return round(sum(_length(self, part) for part in parts) + (len(parts) - 1) * _length(self, " "))


@dataclass(frozen=True, slots=True)
class DrawingMark:
    """A piece of text (the box starts at its upper left), a line, a frame or a filled box."""

    kind: Literal["text", "line", "frame", "fill"]
    box: Box
    text: str = ""
    font: Font | None = None
    white: bool = False
    weight: int = 2


@dataclass(slots=True)
class PageCanvas:
    """A page that is being typeset."""

    marks: list[DrawingMark] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)

    def write(self, x: int, y: int, text: str, font: Font, *, white: bool = False) -> int:
        """Write the text with its upper left at (x, y), and return the x at its end."""
        space, at = font.width(" "), x
        for part in text.split(" "):
            if part:
                wide = font.width(part)
                self.words.append(
                    Word(text=part, box=(at, y, at + wide, y + round(font.size * 1.05)), confidence=1.0)
                )
                at += wide
            at += space
        end = x + font.width(text)
        self.marks.append(DrawingMark("text", (x, y, end, y + font.size), text, font, white))
        return end

    def line(self, x0: int, y0: int, x1: int, y1: int, weight: int = 2) -> None:
        self.marks.append(DrawingMark("line", (x0, y0, x1, y1), weight=weight))

    def frame(self, x0: int, y0: int, x1: int, y1: int, weight: int = 2) -> None:
        self.marks.append(DrawingMark("frame", (x0, y0, x1, y1), weight=weight))

    def fill(self, x0: int, y0: int, x1: int, y1: int) -> None:
        self.marks.append(DrawingMark("fill", (x0, y0, x1, y1)))

    @property
    def text(self) -> str:
        """The words, line by line from the top."""
        lines: list[list[Word]] = []
        for word in sorted(self.words, key=lambda w: (w.box[3], w.box[0])):
            if lines and abs(lines[-1][-1].box[3] - word.box[3]) <= 0.4 * (word.box[3] - word.box[1]):
                lines[-1].append(word)
            else:
                lines.append([word])
        return "\n".join(" ".join(w.text for w in sorted(line, key=lambda w: w.box[0])) for line in lines)


@cache
def font_files() -> dict[str, Path]:
    """Return the font files of this machine by stem."""
    found: dict[str, Path] = {}
    for folder in FONT_FOLDERS:
        for where, _, names in os.walk(Path(folder).expanduser()):
            for name in sorted(names):
                path = Path(where, name)
                if path.suffix.lower() in (".ttf", ".otf"):
                    found.setdefault(path.stem, path)
    return found


@lru_cache(maxsize=100_000)
def _length(font: Font, word: str) -> float:
    return float(font.load().getlength(word))


@cache
def _load(face: Face, size: int, bold: bool, cut: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    there = [pair for pair in FONT_FILES_BY_FACE[face] if pair[0] in font_files() and pair[1] in font_files()]
    if not there:
        return ImageFont.load_default(size)
    return ImageFont.truetype(str(font_files()[there[cut % len(there)][bold]]), size)
