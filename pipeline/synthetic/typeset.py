"""Sets a sample on pages: furniture first, then the blocks, line by line, onto as many sheets as they
need.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from pipeline.synthetic.compose import SyntheticDocument
from pipeline.synthetic.page import HEIGHT, WIDTH, Font, PageCanvas
from pipeline.synthetic.page_blocks import Block, Checks, Heading, Pairs, Signature, Table, Text
from pipeline.synthetic.page_furniture import identity, letterhead, page_feet, running_head, title
from pipeline.synthetic.style import Style

TOP, FOOT = 90, 240  # 1/200 inch kept free at the top and the foot
MIN_VALUE_WIDTH = 220  # 1/200 inch beside a label; a longer label stands above its value
MAX_CELL_LINES = 6  # lines of a table cell that are shown; no generated cell needs more


@dataclass(frozen=True, slots=True)
class TypesetDocument:
    """A document on its pages."""

    sample: SyntheticDocument
    style: Style
    sheets: tuple[PageCanvas, ...]


def typeset(rng: random.Random, sample: SyntheticDocument, style: Style) -> TypesetDocument:
    """Typeset the document. Identity data that the style leaves out is marked as not printed."""
    flow = _Flow(rng, sample, style)
    for block in sample.blocks:
        flow.put(block)
    page_feet(rng, flow.sheets, style, sample)
    seen = "\n".join(sheet.text for sheet in flow.sheets)
    printed = {key: value if value and value in seen else None for key, value in sample.printed.items()}
    return TypesetDocument(replace(sample, printed=printed), style, tuple(flow.sheets))


class _Flow:
    def __init__(self, rng: random.Random, sample: SyntheticDocument, style: Style) -> None:
        self.rng, self.sample, self.style = rng, sample, style
        self.font, self.bold = style.font(), style.font(bold=True)
        self.left, self.right = style.margin, WIDTH - style.margin
        self.step = round(style.size * style.leading)
        self.sheets = [PageCanvas()]
        y = letterhead(rng, self.sheet, style, sample, TOP)
        if rng.random() < 0.5:
            y = identity(rng, self.sheet, style, sample, title(self.sheet, style, sample.title, y))
        else:
            y = title(self.sheet, style, sample.title, identity(rng, self.sheet, style, sample, y))
        self.y = y + 10

    @property
    def sheet(self) -> PageCanvas:
        return self.sheets[-1]

    def room(self, height: int) -> None:
        """Start a new page if `height` does not fit."""
        if self.y + height > HEIGHT - FOOT:
            self.sheets.append(PageCanvas())
            self.y = running_head(self.rng, self.sheet, self.style, self.sample, len(self.sheets), TOP) + 10

    def put(self, block: Block) -> None:
        match block:
            case Heading(text):
                self._heading(text)
            case Text(text, mark):
                self._paragraph(f"{mark} {text}".strip(), indent=50 if mark else 0)
            case Pairs(pairs):
                self._pairs(pairs)
            case Table(columns, rows):
                self._table(columns, rows)
            case Checks(boxes):
                self._checks(boxes)
            case Signature(label, name, date):
                self._signature(label, name, date)

    def _heading(self, text: str) -> None:
        style = self.style.heading
        self.room(3 * self.step)
        self.y += self.step // 2
        shown = text.upper() if style == "caps" else f"{text}:" if style in ("colon", "run_in") else text
        font = self.font if style in ("plain", "colon") else self.bold
        end = self.sheet.write(self.left, self.y, shown, font)
        if style == "underlined":
            self.sheet.line(self.left, self.y + font.size + 6, end, self.y + font.size + 6)
        if style == "bar":
            self.sheet.line(self.left, self.y + font.size + 8, self.right, self.y + font.size + 8, 3)
        self.y += self.step + 4

    def _paragraph(self, text: str, indent: int) -> None:
        for line in wrap(text, self.font, self.right - self.left - indent):
            self.room(self.step)
            self.sheet.write(self.left + indent, self.y, line, self.font)
            self.y += self.step
        self.y += 0 if indent else self.step // 3

    def _pairs(self, pairs: tuple[tuple[str, str], ...]) -> None:
        manner = self.rng.choice(("list", "columns", "boxes", "under"))
        half = (self.right - self.left) // 2
        per_row = 1 if manner == "list" else 2
        room_for_label = (2 * half if per_row == 1 else half) - MIN_VALUE_WIDTH
        if manner in ("list", "columns") and any(
            self.bold.width(f"{label}{self.style.label_end}") > room_for_label for label, _ in pairs
        ):
            manner, per_row = "under", 2
        for start in range(0, len(pairs), per_row):
            row = pairs[start : start + per_row]
            tall = self.step * (2 if manner in ("boxes", "under") else 1)
            self.room(tall + 10)
            lowest = self.y + tall
            for i, (label, value) in enumerate(row):
                x, wide = self.left + i * half, (half if per_row == 2 else 2 * half) - 20
                lowest = max(lowest, self._pair(x, wide, label, value, manner))
            if manner == "boxes":
                for i in range(len(row)):
                    self.sheet.frame(self.left + i * half, self.y - 4, self.left + (i + 1) * half, lowest)
            self.y = lowest + (6 if manner == "boxes" else 0)
        self.y += self.step // 3

    def _pair(self, x: int, wide: int, label: str, value: str, manner: str) -> int:
        """Write one pair in its cell, and return the y below it."""
        if manner in ("boxes", "under"):
            small = self.style.font(0.65)
            y = self.y
            for line in wrap(label, small, wide - 16):
                self.sheet.write(x + 8, y, line, small)
                y += small.size + 4
            for line in wrap(value, self.font, wide - 16):
                self.sheet.write(x + 10, y + 2, line, self.font)
                y += self.step
            return y + 6
        end = self.sheet.write(x, self.y, f"{label}{self.style.label_end}", self.bold)
        y = self.y
        for line in wrap(value, self.font, max(200, x + wide - end - 14)):
            self.sheet.write(end + 14, y, line, self.font)
            y += self.step
        return max(y, self.y + self.step)

    def _table(self, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> None:
        font, head = self.style.font(0.88), self.style.font(0.82, bold=True)
        lines_of = [(columns, head), *((row, font) for row in rows)]
        edges = self._edges(columns, rows, font)
        step = round(font.size * 1.3)
        for cells, face in lines_of:
            wrapped = [
                wrap(c, face, edges[i + 1] - edges[i] - 14)[:MAX_CELL_LINES] for i, c in enumerate(cells)
            ]
            tall = max(1, *(len(w) for w in wrapped)) * step + 10
            self.room(tall)
            for i, lines in enumerate(wrapped):
                for k, line in enumerate(lines):
                    self.sheet.write(edges[i] + 6, self.y + 4 + k * step, line, face)
            if self.style.ruled:
                for i in range(len(cells)):
                    self.sheet.frame(edges[i], self.y, edges[i + 1], self.y + tall)
            elif face is head:
                self.sheet.line(self.left, self.y + tall - 2, self.right, self.y + tall - 2)
            self.y += tall
        self.y += self.step // 2

    def _edges(self, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], font: Font) -> list[int]:
        """The x of the columns' edges: as wide as their longest cells ask, within the page."""
        wants = [min(700, max(font.width(r[i]) for r in (columns, *rows))) + 30 for i in range(len(columns))]
        scale = (self.right - self.left) / sum(wants)
        edges, x = [self.left], float(self.left)
        for want in wants:
            x += want * scale
            edges.append(round(x))
        return edges

    def _checks(self, boxes: tuple[tuple[str, bool], ...]) -> None:
        x = self.left
        self.room(self.step * 2)
        for label, ticked in boxes:
            wide = self.font.width(label) + 70
            if x + wide > self.right and x > self.left:
                x, self.y = self.left, self.y + self.step
                self.room(self.step)
            side = self.font.size - 4
            self.sheet.frame(x, self.y + 2, x + side, self.y + side + 2)
            if ticked:
                self.sheet.line(x + 3, self.y + 4, x + side - 3, self.y + side, 4)
                self.sheet.line(x + side - 3, self.y + 4, x + 3, self.y + side, 4)
            self.sheet.write(x + side + 12, self.y, label, self.font)
            x += wide
        self.y += self.step + self.step // 2

    def _signature(self, label: str, name: str, date: str) -> None:
        self.room(4 * self.step)
        self.y += self.step
        if name and self.rng.random() < 0.6:
            self.sheet.write(self.left, self.y, f"{label}: {name}" + (f"  {date}" if date else ""), self.font)
        else:
            self.sheet.line(self.left, self.y + self.step, self.left + 620, self.y + self.step)
            self.sheet.write(
                self.left, self.y + self.step + 8, f"{label}  {name}".strip(), self.style.font(0.8)
            )
            if date:
                self.sheet.write(
                    self.left + 720, self.y + self.step + 8, f"Date: {date}", self.style.font(0.8)
                )
            self.y += self.step
        self.y += 2 * self.step


def wrap(text: str, font: Font, width: int) -> list[str]:
    """Return the text in lines no wider than `width`; a longer word gets a line of its own."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
