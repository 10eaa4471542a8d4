"""What the parser's child process answers with: a page as it was taken from its file, and the limits it works
under.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from pipeline import __version__

PlacedWord: TypeAlias = tuple[str, int, int, int, int]
"""Text, x0, y0, x1, y1 in pixels of the page's image."""

WALL_SECONDS_PER_CPU_SECOND = 4.0
"""The clock may run this much longer than the CPU limit: on a busy machine a page takes its turn among
others.
"""

TIMEOUT_PREFIX = "The page took longer than"
"""How the problem of a page begins that ran out of its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one file may cost. CPU seconds, bytes, pixels of a page before decoding, pixels that are handed
    on.
    """

    open_cpu_limit_seconds: float
    page_cpu_limit_seconds: float
    memory_bytes: int
    max_pages: int
    max_pixels: int
    max_render_pixels: int

    @property
    def page_wall(self) -> float:
        """How long the clock may run for a page."""
        return self.page_cpu_limit_seconds * WALL_SECONDS_PER_CPU_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page. `image`: SHA-256 of its file in the scratch folder. `problem`: what is wrong with it. `note`:
    what was done.
    """

    image: str | None = None
    dpi: float | None = None
    words: tuple[PlacedWord, ...] = ()
    problem: str | None = None
    note: str | None = None
    taken: Literal["kept", "extracted", "rendered", ""] = ""


PROTOCOL = [__version__, *Limits.__slots__, *Sheet.__slots__]
"""What parent and child must agree on: a child of another version than its parent's is our fault, never a
file's.
"""


class OpenedFile(Protocol):
    """An open file of any kind."""

    pages: int
    notes: tuple[tuple[str, str], ...]

    def page(self, number: int, careful: bool) -> Sheet: ...
    def close(self) -> None: ...
