"""Read table cells as wholes: if a row of a ruled table has a cell of several lines, its cells are read one
after the other.

A row of single lines keeps the engine's order. So does a row whose words run across the rules (typed over a
form), and one with a tall column of numbers: its lines belong together across the cells, as in a ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pipeline.boxes import center, contains_center
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.layout.blocks import Block, overlap_vertically
from pipeline.ocr.layout.tables import Table
from pipeline.ocr.recognition.second_pass import bounding_box
from pipeline.records import Box

Line = list[OcrWord]
MAX_CROSSING_SHARE = 0.1
"""Share of a row's words that may run across a rule; with more it is not a row of cells."""
MAX_WORD_GAP_LINE_HEIGHTS = 0.7
"""Words closer than this belong to one text."""
MAX_WORD_OUTSIDE_SHARE = 0.3
"""Share of a word's width that may be outside its cell."""
TOP_TOLERANCE_LINE_HEIGHTS, LEFT_TOLERANCE_LINE_HEIGHTS = 0.7, 1.0
"""Edges closer than this are one edge."""
MIN_LEDGER_LINES = 4
"""Lines at which a column of numbers makes a ledger."""
MIN_NUMERIC_WORD_SHARE = 0.5
"""Share of words with a digit at which a cell contains numbers."""


def order_cell_rows(
    words: Sequence[OcrWord], tables: Sequence[Table], height: float
) -> tuple[list[Block], set[int]]:
    """Return the rows that are read cell by cell, and the indexes of their words.

    Args:
        words: The page's words in the engine's order.
        tables: The page's tables.
        height: Line height in pixels.
    """
    blocks: list[Block] = []
    used_indexes: set[int] = set()
    for table in tables:
        for row in group_cells_into_rows(table.cells):
            area = (table.box[0], min(cell[1] for cell in row), table.box[2], max(cell[3] for cell in row))
            indexes = [
                index
                for index, word in enumerate(words)
                if index not in used_indexes and contains_center(area, word.box)
            ]
            row_words = [words[index] for index in indexes]
            if lines := order_row_by_cell(row_words, row, table.cells, height):
                blocks.append(
                    Block(
                        lines=tuple(map(tuple, lines)), box=bounding_box(row_words), engine_index=indexes[0]
                    )
                )
                used_indexes.update(indexes)
    return blocks, used_indexes


def group_cells_into_rows(cells: Sequence[Box]) -> list[list[Box]]:
    """Group cells into rows: cells that share more than half of the lower one's height, directly or through
    another cell.
    """
    rows: list[list[Box]] = []
    for cell in sorted(cells, key=lambda cell: cell[1]):
        touching = [row for row in rows if any(overlap_vertically(cell, other) for other in row)]
        rows = [row for row in rows if row not in touching] + [
            [*(other for row in touching for other in row), cell]
        ]
    return rows


def order_row_by_cell(
    words: Sequence[OcrWord], row: Sequence[Box], cells: Sequence[Box], height: float
) -> list[Line]:
    """Return the lines of a row's words in reading order; nothing if the engine's order remains.

    Args:
        words: The words of the row, in the engine's order.
        row: The cells of the row.
        cells: All cells of the table.
        height: Line height in pixels.
    """
    if len(words) < 2:
        return []
    positions = grid_positions(words, row, cells, height)
    if count_crossings(words, positions, height) > MAX_CROSSING_SHARE * len(words):
        return []
    grid: dict[int, dict[tuple[int, Box | None], Line]] = {}
    for word, (row_number, column, cell) in zip(words, positions, strict=True):
        grid.setdefault(row_number, {}).setdefault((column, cell), []).append(word)
    rows = [
        [group_into_lines(cell) for cell in sorted(columns.values(), key=left_edge)]
        for _, columns in sorted(grid.items())
    ]
    if all(len(cell) == 1 for cells_of_row in rows for cell in cells_of_row):
        return []
    return [line for cells_of_row in rows for line in row_lines(cells_of_row)]


def grid_positions(
    words: Sequence[OcrWord], row: Sequence[Box], cells: Sequence[Box], height: float
) -> list[tuple[int, int, Box | None]]:
    """Return the row number, the column number and the smallest cell of each word; a word outside all cells
    has a position but no cell.
    """
    tops = merge_close_edges([cell[1] for cell in row], TOP_TOLERANCE_LINE_HEIGHTS * height)
    lefts = merge_close_edges([cell[0] for cell in cells], LEFT_TOLERANCE_LINE_HEIGHTS * height)
    smallest_first = sorted(row, key=lambda cell: (cell[2] - cell[0]) * (cell[3] - cell[1]))
    slack = TOP_TOLERANCE_LINE_HEIGHTS / 2 * height
    positions = []
    for word in words:
        cell = next((cell for cell in smallest_first if contains_center(cell, word.box)), None)
        x, y = cell[:2] if cell else center(word.box)
        positions.append((count_up_to(tops, y + slack), count_up_to(lefts, x + slack), cell))
    return positions


def count_up_to(numbers: Sequence[int], limit: float) -> int:
    """Return how many of the numbers are at most the limit."""
    return sum(number <= limit for number in numbers)


def row_lines(row: Sequence[list[Line]]) -> list[Line]:
    """Return the lines of a row's cells: across all cells of a ledger, else cell after cell."""
    return merge_lines_across(row) if is_ledger(row) else [line for cell in row for line in cell]


def left_edge(words: Line) -> int:
    """Return where words begin on the left."""
    return min(word.box[0] for word in words)


def merge_close_edges(numbers: Sequence[int], tolerance: float) -> list[int]:
    """Return the numbers without those that are close to a smaller one."""
    edges: list[int] = []
    for number in sorted(numbers):
        if not edges or number - edges[-1] > tolerance:
            edges.append(number)
    return edges


def count_crossings(
    words: Sequence[OcrWord], positions: Sequence[tuple[int, int, Box | None]], height: float
) -> int:
    """Count how often text runs across a rule: neighbors in two cells without a gap between, and words that
    extend beyond their cell.
    """
    count = 0
    for (word, position), (next_word, next_position) in pairwise(zip(words, positions, strict=True)):
        gap = next_word.box[0] - word.box[2]
        count += (
            word.line_key == next_word.line_key
            and 0 <= gap < MAX_WORD_GAP_LINE_HEIGHTS * height
            and position != next_position
        )
    for word, (_, _, cell) in zip(words, positions, strict=True):
        if cell is not None:
            outside = max(0, cell[0] - word.box[0]) + max(0, word.box[2] - cell[2])
            count += outside > MAX_WORD_OUTSIDE_SHARE * (word.box[2] - word.box[0])
    return count


def group_into_lines(words: Sequence[OcrWord]) -> list[Line]:
    """Return words in lines from the top, each from left to right."""
    lines: list[Line] = []
    for word in sorted(words, key=lambda word: word.box[1] + word.box[3]):
        line = next(
            (line for line in lines[-3:][::-1] if overlap_vertically(bounding_box(line), word.box)), None
        )
        if line is None:
            lines.append([word])
        else:
            line.append(word)
    return [sorted(line, key=lambda word: word.box[0]) for line in lines]


def merge_lines_across(row: Sequence[list[Line]]) -> list[Line]:
    """Return the lines of all cells of a row, merged across the cells."""
    return group_into_lines([word for cell in row for line in cell for word in line])


def is_ledger(row: Sequence[list[Line]]) -> bool:
    """Return whether the lines of a row's cells belong together across: single lines, or tall columns of
    which one contains numbers.
    """
    if all(len(cell) == 1 for cell in row):
        return True
    tall = [[word.text for line in cell for word in line] for cell in row if len(cell) >= MIN_LEDGER_LINES]
    return len(tall) > 1 and any(
        sum(any(map(str.isdigit, text)) for text in cell) >= MIN_NUMERIC_WORD_SHARE * len(cell)
        for cell in tall
    )
