"""Cells read as wholes: where a row of a ruled table has a cell of several lines, its cells are read one
after the other.

A row of single lines stays as the engine has it. So does one whose words run across the rules (typed over a
form), and one with a tall column of figures: there the lines belong together across, as in a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.layout.blocks import Block, overlap_vertically
from pipeline.ocr.layout.tables import Table
from pipeline.ocr.recognition.second_pass import bounding_box
from pipeline.records import Box

Line = list[OcrWord]
MAX_CROSSING_SHARE = 0.1
"""Share of a row's words that may run across a rule before it is no row of cells."""
MAX_WORD_GAP_LINE_HEIGHTS = 0.7
"""Words nearer than this many line heights belong to one text."""
MAX_WORD_OUTSIDE_SHARE = 0.3
"""Share of a word's width that may stand outside its cell."""
TOP_TOLERANCE_LINE_HEIGHTS, LEFT_TOLERANCE_LINE_HEIGHTS = 0.7, 1.0
"""Edges nearer than this many line heights are one edge."""
MIN_LEDGER_LINES = 4
"""Lines from which a column of figures makes a ledger."""
MIN_NUMERIC_WORD_SHARE = 0.5
"""Share of words with a digit from which a cell is of figures."""


def order_cell_rows(
    seen: Sequence[OcrWord], found: Sequence[Table], height: float
) -> tuple[list[Block], set[int]]:
    """The rows that are read cell by cell, and the numbers of their words. `height`: of a line, in pixels."""
    parts: list[Block] = []
    taken: set[int] = set()
    for table in found:
        for row in group_cells_into_rows(table.cells):
            area = (table.box[0], min(cell[1] for cell in row), table.box[2], max(cell[3] for cell in row))
            numbers = [
                number
                for number, word in enumerate(seen)
                if number not in taken and contains_center(word.box, area)
            ]
            words = [seen[number] for number in numbers]
            if lines := order_row_by_cell(words, row, table.cells, height):
                parts.append(
                    Block(lines=tuple(map(tuple, lines)), box=bounding_box(words), engine_index=numbers[0])
                )
                taken.update(numbers)
    return parts, taken


def group_cells_into_rows(cells: Sequence[Box]) -> list[list[Box]]:
    """The cells in rows: those that share more than half of the lower one's height, directly or through
    another.
    """
    rows: list[list[Box]] = []
    for cell in sorted(cells, key=lambda cell: cell[1]):
        joined = [row for row in rows if any(overlap_vertically(cell, other) for other in row)]
        rows = [row for row in rows if row not in joined] + [
            [*(other for row in joined for other in row), cell]
        ]
    return rows


def contains_center(box: Box, area: Box) -> bool:
    """Whether a box has its middle in an area."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return area[0] <= x <= area[2] and area[1] <= y <= area[3]


def order_row_by_cell(
    words: Sequence[OcrWord], row: Sequence[Box], cells: Sequence[Box], height: float
) -> list[Line]:
    """The lines of a row's words in reading order; none if the engine's order stands."""
    if len(words) < 2:
        return []
    tops = merge_close_edges([cell[1] for cell in row], TOP_TOLERANCE_LINE_HEIGHTS * height)
    lefts = merge_close_edges([cell[0] for cell in cells], LEFT_TOLERANCE_LINE_HEIGHTS * height)
    smallest = sorted(row, key=lambda cell: (cell[2] - cell[0]) * (cell[3] - cell[1]))
    places = []
    for word in words:
        cell = next((cell for cell in smallest if contains_center(word.box, cell)), None)
        x, y = (
            (cell[0], cell[1]) if cell else ((word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2)
        )
        slack = TOP_TOLERANCE_LINE_HEIGHTS / 2 * height
        places.append((sum(top <= y + slack for top in tops), sum(left <= x + slack for left in lefts), cell))
    if count_crossings(words, places, height) > MAX_CROSSING_SHARE * len(words):
        return []
    grid: dict[int, dict[tuple[int, Box | None], Line]] = {}
    for word, (down, across, cell) in zip(words, places, strict=True):
        grid.setdefault(down, {}).setdefault((across, cell), []).append(word)
    rows = [
        [group_into_lines(cell) for cell in sorted(line.values(), key=left_edge)]
        for _, line in sorted(grid.items())
    ]
    if all(len(cell) == 1 for line in rows for cell in line):
        return []
    return [
        text
        for line in rows
        for text in (merge_lines_across(line) if is_ledger(line) else [t for cell in line for t in cell])
    ]


def left_edge(words: Line) -> int:
    """Where words begin on the left."""
    return min(word.box[0] for word in words)


def merge_close_edges(numbers: Sequence[int], near: float) -> list[int]:
    """The numbers without those that lie near a smaller one."""
    found: list[int] = []
    for number in sorted(numbers):
        if not found or number - found[-1] > near:
            found.append(number)
    return found


def count_crossings(
    words: Sequence[OcrWord], places: Sequence[tuple[int, int, Box | None]], height: float
) -> int:
    """How often text runs across a rule: neighbors in two cells with no gap between, words that stand out of
    their cell.
    """
    found = 0
    for (one, here), (other, there) in pairwise(zip(words, places, strict=True)):
        gap = other.box[0] - one.box[2]
        found += (
            one.line_key == other.line_key and 0 <= gap < MAX_WORD_GAP_LINE_HEIGHTS * height and here != there
        )
    for word, (_, _, cell) in zip(words, places, strict=True):
        if cell is not None:
            outside = max(0, cell[0] - word.box[0]) + max(0, word.box[2] - cell[2])
            found += outside > MAX_WORD_OUTSIDE_SHARE * (word.box[2] - word.box[0])
    return found


def group_into_lines(words: Sequence[OcrWord]) -> list[Line]:
    """Words in lines from the top, each from left to right."""
    found: list[Line] = []
    for word in sorted(words, key=lambda word: word.box[1] + word.box[3]):
        line = next(
            (line for line in found[-3:][::-1] if overlap_vertically(bounding_box(line), word.box)), None
        )
        if line is None:
            found.append([word])
        else:
            line.append(word)
    return [sorted(line, key=lambda word: word.box[0]) for line in found]


def merge_lines_across(row: Sequence[list[Line]]) -> list[Line]:
    """The lines of all cells of a row put together across."""
    return group_into_lines([word for cell in row for line in cell for word in line])


def is_ledger(row: Sequence[list[Line]]) -> bool:
    """Whether the lines of a row's cells belong together across: single lines, or tall columns of which one
    is of figures.
    """
    if all(len(cell) == 1 for cell in row):
        return True
    tall = [[word.text for line in cell for word in line] for cell in row if len(cell) >= MIN_LEDGER_LINES]
    return len(tall) > 1 and any(
        sum(any(map(str.isdigit, text)) for text in cell) >= MIN_NUMERIC_WORD_SHARE * len(cell)
        for cell in tall
    )
