"""The blocks of a document before it is typeset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or with `mark` ("1.", "-") an entry of a list."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Label and value pairs."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Checks:
    """Boxes to tick: (label, ticked)."""

    boxes: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line; the printed name may be empty."""

    label: str
    name: str
    date: str


Block: TypeAlias = Heading | Text | Pairs | Table | Checks | Signature


def block_lines(block: Block) -> Iterator[str]:
    """Yield the block's lines as text."""
    match block:
        case Heading(text):
            yield text
        case Text(text, mark):
            yield f"{mark} {text}".strip()
        case Pairs(pairs):
            yield from (f"{label}: {value}".strip() for label, value in pairs)
        case Table(columns, rows):
            yield "  ".join(columns)
            yield from ("  ".join(row) for row in rows)
        case Checks(boxes):
            yield from (f"{'[X]' if ticked else '[ ]'} {label}" for label, ticked in boxes)
        case Signature(label, name, date):
            yield f"{label} {name} {date}".strip()
