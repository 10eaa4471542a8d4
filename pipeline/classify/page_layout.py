"""The rows and cells of a page, from where its words stand: what a person sees as lines, columns and boxes of
a form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from pipeline.records import Box, OcrPage, Word

CELL_GAP = 1.3
"""A gap of this many line heights divides two cells; between words of a sentence it is 0.3 to 0.6."""

WIDE_SET = 2.2
"""So many of the page's usual gaps between words do not divide cells: a typewriter's gaps are wide, wider
after a comma.
"""

SPACE, FEW_GAPS = 0.4, 6
"""Line heights between words, on a page with fewer gaps than can tell."""

SAME_ROW = (0.35, 0.5)
"""Words stand on one row where their middles are closer than half the lower word's height, within these line
heights.
"""

GLUED = re.compile(r"(?:[^\W\d_][^\W\d_./'’()-]+#?[:;][.,]?|[^\W\d_]{2,}[.#]*#)(?=\w)")
"""A label and its value printed, or read, without a blank: "DOB:06/30/2015", "MRN#1234567". A time or an
address has no letters before its colon, or a stroke after it."""

RUN_ON = re.compile(
    r"[\d/.-]*\d{2,}(?=[A-Z][a-z]{2,})"
    r"|[^\W\d_]*[a-z](?=(?:Age|Sex|Gender|Race|DOB|MRN|SSN|Acct|Account|Date|Phone|Room|Unit|Name)[:#])"
)
"""A value and the label after it without a blank: "7419680Date", "JoanAge:"."""

NOISE = frozenset("|_~-—=.,'`\"°•*:;<>[](){}\\/")
"""A word made of these alone is a rule or a speck, not text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Words that stand together on a row. `row` counts from the top of the page."""

    words: tuple[Word, ...]
    row: int

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def box(self) -> Box:
        return box_of(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A page as rows of cells; `line` is the usual height of a line's words, `space` the usual gap between
    words of a cell, in pixels."""

    number: int
    width: int
    height: int
    line: float
    space: float
    rows: tuple[tuple[Cell, ...], ...]

    def texts(self) -> list[str]:
        """Each row's text."""
        return [" ".join(cell.text for cell in row) for row in self.rows]


def box_of(words: Sequence[Word]) -> Box:
    """The box around words; there is at least one."""
    return (
        min(word.box[0] for word in words),
        min(word.box[1] for word in words),
        max(word.box[2] for word in words),
        max(word.box[3] for word in words),
    )


def lay_out(page: OcrPage) -> Layout:
    """The page's rows, top to bottom, each a tuple of cells from left to right. A page without words has no
    rows.
    """
    words = [piece for word in page.words if not NOISE.issuperset(word.text) for piece in _unglued(word)]
    line = float(median(word.box[3] - word.box[1] for word in words)) if words else 1.0
    line = max(line, 1.0)
    rows_of_words = _rows(words, line)
    gap = max(CELL_GAP * line, min(WIDE_SET * _usual_gap(rows_of_words), 2 * CELL_GAP * line))
    rows = [_cells(row, index, gap) for index, row in enumerate(rows_of_words)]
    gaps = [
        after.box[0] - before.box[2] for row in rows for cell in row for before, after in pairwise(cell.words)
    ]
    space = max(1.0, float(median(gaps)) if len(gaps) >= FEW_GAPS else SPACE * line)
    size = (max(page.width, 1), max(page.height, 1))
    return Layout(number=page.number, width=size[0], height=size[1], line=line, space=space, rows=tuple(rows))


def _unglued(word: Word) -> tuple[Word, ...]:
    """The word, or the labels and values that it is made of, each with its share of the box."""
    glued = GLUED.match(word.text) or RUN_ON.match(word.text)
    if not glued:
        return (word,)
    x0, y0, x1, y1 = word.box
    at = x0 + round((x1 - x0) * glued.end() / len(word.text))
    rest = replace(word, text=word.text[glued.end() :], box=(at, y0, x1, y1))
    return replace(word, text=glued[0], box=(x0, y0, at, y1)), *_unglued(rest)


def _middle(word: Word) -> float:
    return (word.box[1] + word.box[3]) / 2


def _rows(words: Sequence[Word], line: float) -> list[list[Word]]:
    """Words gathered by the height they stand at; a row follows its own slope, so that a little skew does not
    tear it.
    """
    rows: list[list[Word]] = []
    for word in sorted(words, key=_middle):
        best: list[Word] | None = None
        for row in reversed(rows[-4:]):
            near = min(row, key=lambda other: abs(other.box[0] - word.box[0]))
            lower = min(near.box[3] - near.box[1], word.box[3] - word.box[1])
            if abs(_middle(near) - _middle(word)) <= min(
                max(SAME_ROW[0] * line, lower / 2), SAME_ROW[1] * line
            ):
                best = row
                break
        if best is None:
            rows.append([word])
        else:
            best.append(word)
    rows.sort(key=lambda row: median(_middle(word) for word in row))
    return [sorted(row, key=lambda word: word.box[0]) for row in rows]


def _usual_gap(rows: Sequence[Sequence[Word]]) -> float:
    """Pixels between words that follow one another: the lower third of all gaps, for tables have many wide
    ones.
    """
    gaps = sorted(after.box[0] - before.box[2] for row in rows for before, after in pairwise(row))
    return float(max(gaps[len(gaps) // 3], 0)) if gaps else 0.0


def _cells(row: Sequence[Word], index: int, gap: float) -> tuple[Cell, ...]:
    """A row cut where the gaps are wider than `gap`."""
    cells: list[list[Word]] = [[row[0]]]
    for before, word in pairwise(row):
        if word.box[0] - before.box[2] > gap:
            cells.append([word])
        else:
            cells[-1].append(word)
    return tuple(Cell(words=tuple(cell), row=index) for cell in cells)
