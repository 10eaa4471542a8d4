"""Arrange the words of a page into rows and cells by their positions: what a person sees as lines, columns
and boxes of a form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from pipeline.records import Box, OcrPage, Word

CELL_GAP_LINES = 1.3
"""A gap of this many line heights divides two cells; between words of a sentence the gap is 0.3 to 0.6."""

CELL_GAP_WORD_GAPS = 2.2
"""Gaps of up to this many of the page's usual word gaps do not divide cells: a typewriter's gaps are wide,
wider after a comma. Limited to twice CELL_GAP_LINES.
"""

DEFAULT_WORD_GAP_LINES = 0.4
"""Line heights between words, on a page with too few gaps to measure."""

MIN_MEASURED_GAPS = 6
"""Gaps between words from which the page's usual gap is measured."""

ROW_TOLERANCE_LINES = (0.35, 0.5)
"""Two words are on one row if their middles differ by less than half the height of the higher word, limited
to between these line heights.
"""

ROWS_COMPARED = 4
"""The last rows that a word is compared with."""

JOINED_LABEL = re.compile(r"(?:[^\W\d_][^\W\d_./'’()-]+#?[:;][.,]?|[^\W\d_]{2,}[.#]*#)(?=\w)")
"""A label and its value printed, or read, without a space: "DOB:06/30/2015", "MRN#1234567". A time or an
address has no letters before its colon, or a slash after it.
"""

JOINED_VALUE = re.compile(
    r"[\d/.-]*\d{2,}(?=[A-Z][a-z]{2,})"
    r"|[A-Z](?=(?:Age|Sex|Date|DOB|MRN)$)"
    r"|[^\W\d_]*[a-z](?=(?:Age|Sex|Gender|Race|DOB|MRN|SSN|Acct|Account|Date|Phone|Room|Unit|Name)[:#])"
)
"""A value and the label after it without a space: "7419680Date", "JoanAge:"."""

NOISE_CHARS = frozenset("|_~-—=.,'`\"°•*:;<>[](){}\\/")
"""A word made only of these characters is a line or a speck, not text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Words that are close together on a row. `row` counts from the top of the page."""

    words: tuple[Word, ...]
    row: int

    @property
    def text(self) -> str:
        """The texts of the words, separated by spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def box(self) -> Box:
        """The box around all words."""
        return bounding_box(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A page as rows of cells. `line_height`: the usual height of words; `word_gap`: the usual gap between
    words of a cell; both in pixels.
    """

    number: int
    width: int
    height: int
    line_height: float
    word_gap: float
    rows: tuple[tuple[Cell, ...], ...]

    def texts(self) -> list[str]:
        """Return the text of each row."""
        return [" ".join(cell.text for cell in row) for row in self.rows]


def bounding_box(words: Sequence[Word]) -> Box:
    """Return the box around the words; there must be at least one."""
    return (
        min(word.box[0] for word in words),
        min(word.box[1] for word in words),
        max(word.box[2] for word in words),
        max(word.box[3] for word in words),
    )


def analyze_layout(page: OcrPage) -> Layout:
    """Return the page's rows from top to bottom, each with its cells from left to right.

    A page without words has no rows.
    """
    words = [
        part
        for word in page.words
        if not NOISE_CHARS.issuperset(word.text)
        for part in _split_joined_words(word)
    ]
    line_height = max(1.0, float(median(_height(word) for word in words)) if words else 1.0)
    rows_of_words = _group_rows(words, line_height)
    cell_gap = max(
        CELL_GAP_LINES * line_height,
        min(CELL_GAP_WORD_GAPS * _narrow_gap(rows_of_words), 2 * CELL_GAP_LINES * line_height),
    )
    rows = tuple(_split_cells(row, index, cell_gap) for index, row in enumerate(rows_of_words))
    return Layout(
        number=page.number,
        width=max(page.width, 1),
        height=max(page.height, 1),
        line_height=line_height,
        word_gap=_word_gap(rows, line_height),
        rows=rows,
    )


def _word_gap(rows: Sequence[Sequence[Cell]], line_height: float) -> float:
    """Return the usual gap between words within cells, in pixels."""
    gaps = [
        after.box[0] - before.box[2] for row in rows for cell in row for before, after in pairwise(cell.words)
    ]
    if len(gaps) < MIN_MEASURED_GAPS:
        return max(1.0, DEFAULT_WORD_GAP_LINES * line_height)
    return max(1.0, float(median(gaps)))


def _split_joined_words(word: Word) -> tuple[Word, ...]:
    """Return the labels and values that were read as one word, each with its share of the box; or the word
    itself.
    """
    joined = JOINED_LABEL.match(word.text) or JOINED_VALUE.match(word.text)
    if not joined:
        return (word,)
    x0, y0, x1, y1 = word.box
    split_x = x0 + round((x1 - x0) * joined.end() / len(word.text))
    rest = replace(word, text=word.text[joined.end() :], box=(split_x, y0, x1, y1))
    return replace(word, text=joined[0], box=(x0, y0, split_x, y1)), *_split_joined_words(rest)


def _height(word: Word) -> int:
    return word.box[3] - word.box[1]


def _middle(word: Word) -> float:
    return (word.box[1] + word.box[3]) / 2


def _group_rows(words: Sequence[Word], line_height: float) -> list[list[Word]]:
    """Group words into rows by their heights on the page. A row may slope, so that a slight skew does not
    split it.
    """
    rows: list[list[Word]] = []
    for word in sorted(words, key=_middle):
        near = [row for row in reversed(rows[-ROWS_COMPARED:]) if _on_row(word, row, line_height)]
        row = min(near, key=lambda row: _offset(word, row), default=None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    rows.sort(key=lambda row: median(_middle(word) for word in row))
    return [sorted(row, key=lambda word: word.box[0]) for row in rows]


def _on_row(word: Word, row: Sequence[Word], line_height: float) -> bool:
    """Return whether the word is at the height of the row's horizontally nearest word."""
    nearest = _nearest(word, row)
    smallest, largest = (lines * line_height for lines in ROW_TOLERANCE_LINES)
    tolerance = min(max(smallest, max(_height(nearest), _height(word)) / 2), largest)
    return abs(_middle(nearest) - _middle(word)) <= tolerance


def _offset(word: Word, row: Sequence[Word]) -> float:
    """Return the difference in height, in pixels, from the row's horizontally nearest word."""
    return abs(_middle(_nearest(word, row)) - _middle(word))


def _nearest(word: Word, row: Sequence[Word]) -> Word:
    """Return the row's word with the smallest horizontal gap to the word."""
    return min(row, key=lambda other: max(other.box[0] - word.box[2], word.box[0] - other.box[2]))


def _narrow_gap(rows: Sequence[Sequence[Word]]) -> float:
    """Return the lower third of all gaps between adjacent words, in pixels: tables have many wide gaps."""
    gaps = sorted(after.box[0] - before.box[2] for row in rows for before, after in pairwise(row))
    return float(max(gaps[len(gaps) // 3], 0)) if gaps else 0.0


def _split_cells(row: Sequence[Word], index: int, cell_gap: float) -> tuple[Cell, ...]:
    """Split a row at gaps wider than `cell_gap` pixels."""
    cells: list[list[Word]] = [[row[0]]]
    for before, word in pairwise(row):
        if word.box[0] - before.box[2] > cell_gap:
            cells.append([word])
        else:
            cells[-1].append(word)
    return tuple(Cell(words=tuple(cell), row=index) for cell in cells)
