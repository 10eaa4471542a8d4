"""What the parser process answers with: a page as it was extracted from its file, and the limits of the
process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from pipeline import __version__

PlacedWord: TypeAlias = tuple[str, int, int, int, int]
"""Text, x0, y0, x1, y1 in pixels of the page's image."""

WALL_SECONDS_PER_CPU_SECOND = 4.0
"""Wall-clock limits are this many times the CPU limits: on a busy machine a page waits for its turn."""

TIMEOUT_PREFIX = "The page took longer than"
"""How the problem of a page that timed out begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits for one file. `max_pixels` applies before decoding, `max_render_pixels` to the result."""

    open_cpu_limit_seconds: float
    page_cpu_limit_seconds: float
    memory_bytes: int
    max_pages: int
    max_pixels: int
    max_render_pixels: int

    @property
    def page_wall(self) -> float:
        """The wall-clock limit for a page, in seconds."""
        return self.page_cpu_limit_seconds * WALL_SECONDS_PER_CPU_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPage:
    """One page.

    Attributes:
        image: SHA-256 of its file in the scratch folder.
        words: The embedded text, in pixels of the image.
        problem: What is wrong with the page.
        note: What was changed, such as a reduced size.
        image_source: Whether the image is the file's own (kept), was extracted from a PDF, or was rendered.
    """

    image: str | None = None
    dpi: float | None = None
    words: tuple[PlacedWord, ...] = ()
    problem: str | None = None
    note: str | None = None
    image_source: Literal["kept", "extracted", "rendered", ""] = ""


PROTOCOL = [__version__, *Limits.__slots__, *ParsedPage.__slots__]
"""What parent and child must agree on. A child of another version is an error of the installation, not of a
file.
"""


class OpenedFile(Protocol):
    """An open file of any type."""

    @property
    def pages(self) -> int: ...
    @property
    def notes(self) -> tuple[tuple[str, str], ...]: ...
    def page(self, number: int, careful: bool) -> ParsedPage: ...
    def close(self) -> None: ...
