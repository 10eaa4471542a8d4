"""Print labeled facts in the ways in which forms arrange labels and values: lists, columns, boxes, captions,
banners.

Every arrangement is a function of a pen, the facts, and the area's upper left and right edge; it returns the
y below. Coordinates are in 1/200 inch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from pipeline.synthetic.page import Face, Font, PageCanvas


class Fact(NamedTuple):
    """A labeled value of a form. `kind`: the key of its label in phrases/form_labels.toml."""

    kind: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormStyle:
    """The typefaces of a form. `label_scale`: size of labels relative to values. `end`: what follows a label
    on the same line. `numbered`: boxes have numbers. `shift`: how far typewritten values are off their line.
    """

    face: Face
    value_face: Face
    cut: int
    size: int
    label_scale: float
    bold_labels: bool
    upper_labels: bool
    end: str
    numbered: bool
    shift: int

    @property
    def value_font(self) -> Font:
        return Font(self.value_face, self.size, cut=self.cut)

    @property
    def label_font(self) -> Font:
        return Font(self.face, max(15, round(self.size * self.label_scale)), self.bold_labels, self.cut)

    def font(self, scale: float = 1.0, *, bold: bool = False) -> Font:
        return Font(self.face, max(15, round(self.size * scale)), bold, self.cut)


@dataclass(frozen=True, slots=True)
class FormPen:
    """Writes on a page in a style."""

    rng: random.Random
    canvas: PageCanvas
    style: FormStyle

    def label_text(self, text: str, number: int = 0) -> str:
        """Return the label as this form prints it."""
        shown = text.upper() if self.style.upper_labels else text
        return f"{number}. {shown}" if self.style.numbered and number else shown

    def label(self, x: int, y: int, text: str, number: int = 0) -> int:
        """Write a label, and return the x at its end."""
        return self.canvas.write(x, y, self.label_text(text, number), self.style.label_font)

    def value(self, x: int, y: int, text: str) -> int:
        """Write a value, and return the x at its end. A typewriter is off the line by a little."""
        shift = self.rng.randint(-self.style.shift, self.style.shift) if self.style.shift else 0
        return self.canvas.write(x, y + shift, text, self.style.value_font)

    @property
    def step(self) -> int:
        """Return the distance between lines."""
        return round(self.style.size * 1.45)


Arrangement: TypeAlias = Callable[[FormPen, Sequence[Fact], int, int, int], int]


def list_lines(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write one fact on each line."""
    del right
    for number, fact in enumerate(facts, 1):
        end = pen.label(x, y, fact.label + pen.style.end, number)
        pen.value(end + 14, y, fact.value)
        y += pen.step
    return y + 10


def two_columns(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write two facts on each line."""
    half = (right - x) // 2
    for index, fact in enumerate(facts):
        left, top = x + (index % 2) * half, y + (index // 2) * pen.step
        end = pen.label(left, top, fact.label + pen.style.end, index + 1)
        pen.value(end + 14, top, fact.value)
    return y + (len(facts) + 1) // 2 * pen.step + 10


def value_column(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write labels in one column and values in another, far to the right."""
    wide = max(pen.style.label_font.width(pen.label_text(fact.label)) for fact in facts)
    gap = pen.rng.choice((40, 120, 220))
    at = min(x + wide + gap, right - 500)
    for fact in facts:
        pen.label(x, y, fact.label + pen.style.end)
        pen.value(max(at, x + wide + 16), y, fact.value)
        y += pen.step
    return y + 10


def right_aligned_labels(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write labels that end at one line, and values that begin there."""
    del right
    font = pen.style.label_font
    wide = max(font.width(pen.label_text(fact.label + pen.style.end)) for fact in facts)
    for fact in facts:
        text = fact.label + pen.style.end
        pen.label(x + wide - font.width(pen.label_text(text)), y, text)
        pen.value(x + wide + 20, y, fact.value)
        y += pen.step
    return y + 10


def boxes_above(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write boxes, with a small label at the top of each and the value below it."""
    label, value = pen.style.label_font, pen.style.value_font
    high = label.size + value.size + pen.rng.choice((16, 22, 34))
    at = x
    for number, fact in enumerate(facts, 1):
        wide = max(label.width(pen.label_text(fact.label, number)), value.width(fact.value)) + 40
        if at + wide > right and at > x:
            at, y = x, y + high
        pen.canvas.frame(at, y, at + wide, y + high)
        pen.label(at + 6, y + 4, fact.label, number)
        pen.value(at + pen.rng.choice((10, 24)), y + high - value.size - 8, fact.value)
        at += wide
    return y + high + 16


def boxes_left(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write a ruled table with cells for labels and for values in turn."""
    high = pen.step + 12
    quarter = (right - x) // 4
    needs = [
        max(quarter, pen.style.label_font.width(pen.label_text(f.label)) + 24)
        + pen.style.value_font.width(f.value)
        for f in facts
    ]
    per_row = 2 if max(needs) <= 2 * quarter - 20 else 1
    for index, fact in enumerate(facts):
        left, top = x + (index % per_row) * 2 * quarter, y + (index // per_row) * high
        middle = left + max(quarter, pen.style.label_font.width(pen.label_text(fact.label)) + 24)
        pen.canvas.frame(left, top, middle, top + high)
        pen.canvas.frame(middle, top, left + 2 * quarter, top + high)
        pen.label(left + 8, top + 8, fact.label)
        pen.value(middle + 8, top + 6, fact.value)
    return y + -(-len(facts) // per_row) * high + 16


def header_row(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write a row of headings and a row of values below them, as often as needed."""
    gap = 36
    while facts:
        count, wide = 0, 0
        for fact in facts:
            need = _column_width(pen, fact) + gap
            if count and x + wide + need > right:
                break
            count, wide = count + 1, wide + need
        at = x
        for fact in facts[:count]:
            pen.label(at, y, fact.label)
            pen.value(at, y + pen.step, fact.value)
            at += _column_width(pen, fact) + gap
        pen.canvas.line(x, y + pen.step - 4, right, y + pen.step - 4)
        facts, y = facts[count:], y + round(pen.step * 2.4)
    return y


def _column_width(pen: FormPen, fact: Fact) -> int:
    return max(pen.style.label_font.width(pen.label_text(fact.label)), pen.style.value_font.width(fact.value))


def captions_below(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write values on lines, with a small label under each line."""
    small = pen.style.font(0.62)
    at = x
    high = pen.step + small.size + 26
    for fact in facts:
        wide = max(small.width(fact.label), pen.style.value_font.width(fact.value)) + 60
        if at + wide > right and at > x:
            at, y = x, y + high
        pen.value(at + 8, y, fact.value)
        pen.canvas.line(at, y + pen.step - 4, at + wide - 24, y + pen.step - 4)
        pen.canvas.write(at + 4, y + pen.step, pen.label_text(fact.label), small)
        at += wide
    return y + high + 10


def stacked(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write each label on a line of its own, and the value on the next line."""
    del right
    for fact in facts:
        pen.label(x, y, fact.label + pen.rng.choice(("", pen.style.end)))
        pen.value(x + pen.rng.choice((0, 0, 30)), y + round(pen.style.label_font.size * 1.25), fact.value)
        y += round(pen.style.label_font.size * 1.25) + round(pen.step * 1.15)
    return y + 10


def dotted(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write dots between label and value."""
    del right
    for fact in facts:
        dots = "." * max(4, 30 - len(fact.label))
        end = pen.label(x, y, f"{fact.label} {dots}")
        pen.value(end + 14, y, fact.value)
        y += pen.step
    return y + 10


def blanks(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write values on lines that follow their labels, one after another as far as the page is wide."""
    at = x
    for fact in facts:
        wide = pen.style.label_font.width(pen.label_text(fact.label + pen.style.end))
        need = wide + pen.style.value_font.width(fact.value) + 90
        if at + need > right and at > x:
            at, y = x, y + round(pen.step * 1.25)
        end = pen.label(at, y, fact.label + pen.style.end)
        stop = pen.value(end + 24, y - 2, fact.value) + 24
        pen.canvas.line(end + 8, y + pen.style.size + 4, stop, y + pen.style.size + 4)
        at = stop + 24
    return y + round(pen.step * 1.4)


def banner(pen: FormPen, facts: Sequence[Fact], x: int, y: int, right: int) -> int:
    """Write the facts one after another on as few lines as possible."""
    font = pen.style.font(0.9)
    mark = pen.rng.choice(("   ", "    ", " | ", "  "))
    start = x
    for fact in facts:
        text = f"{pen.label_text(fact.label)}{pen.style.end} {fact.value}"
        if x + font.width(text) > right and x > start:
            x, y = start, y + round(font.size * 1.35)
        x = pen.canvas.write(x, y, text + mark.rstrip(), font) + font.width(" ") * max(1, len(mark) - 1)
    return y + round(font.size * 2)


ARRANGEMENTS: dict[str, Arrangement] = {
    "list": list_lines,
    "two_columns": two_columns,
    "value_column": value_column,
    "right_aligned": right_aligned_labels,
    "boxes_above": boxes_above,
    "boxes_left": boxes_left,
    "header_row": header_row,
    "captions_below": captions_below,
    "stacked": stacked,
    "dotted": dotted,
    "blanks": blanks,
    "banner": banner,
}
"""How labels and values are arranged, by name."""
