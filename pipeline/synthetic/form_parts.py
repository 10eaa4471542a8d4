"""What the structures of form pages share: the page's edges, and the facts as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pipeline.synthetic.form_blocks import Fact, FormPen
from pipeline.synthetic.page import Font

LEFT, RIGHT, TOP = 110, 1590, 100
"""The edges of what is printed, in 1/200 inch."""

Facts: TypeAlias = Mapping[str, Fact]

MONO_SIZE = 27


def typewriter(pen: FormPen) -> Font:
    """Return the typeface of a typewriter."""
    return Font("mono", MONO_SIZE, cut=pen.style.cut)


def write_lines(pen: FormPen, x: int, y: int, lines: list[str], font: Font) -> int:
    """Write lines one below another, and return the y below them."""
    for line in lines:
        if line.strip():
            pen.canvas.write(x, y, line, font)
            y += round(font.size * 1.3)
    return y


def value_of(facts: Facts, kind: str) -> str:
    """Return the value of a fact; empty if the page does not print it."""
    return facts[kind].value if kind in facts else ""


def labeled(facts: Facts, kind: str, end: str = ":") -> str:
    """Return a fact as one text; empty if the page does not print it."""
    return f"{facts[kind].label}{end} {facts[kind].value}" if kind in facts else ""
