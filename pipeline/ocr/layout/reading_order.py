"""Put the words of a page in reading order: row by row, except where rules or white gutters show a different
order.

Cells of several lines are read as wholes (`cell_order`), columns of prose one after the other, whether the
engine or `columns` detected them, and everything else across (`row_order`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.layout.blocks import Block, make_blocks, overlap, overlap_vertically
from pipeline.ocr.layout.cell_order import order_cell_rows
from pipeline.ocr.layout.columns import order_by_columns
from pipeline.ocr.layout.row_order import breaks_columns, order_by_rows
from pipeline.ocr.layout.tables import Table
from pipeline.ocr.recognition.second_pass import median_word_height


def order_words(words: Sequence[OcrWord], tables: Sequence[Table]) -> list[OcrWord]:
    """Return the same words in reading order with new line numbers.

    Args:
        words: The page's words in the engine's order.
        tables: The page's tables, in the same pixels.
    """
    if len(words) < 2:
        return list(words)
    height = median_word_height(words)
    rows, used_indexes = order_cell_rows(words, tables, height)
    free = make_blocks(words, [index for index in range(len(words)) if index not in used_indexes])
    blocks = insert_rows(rows, free)
    order = order_by_columns(order_by_rows(blocks, height), height)
    ordered = renumber_lines(
        order_by_columns(blocks, height) if breaks_columns(order, blocks, height) else order
    )
    is_unmoved = all(one.box == other.box for one, other in zip(ordered, words, strict=True))
    return list(words) if is_unmoved and not rows else ordered


def insert_rows(rows: Sequence[Block], free: Sequence[Block]) -> list[Block]:
    """Insert rows of cells among the other blocks: after what is above them, before what is below them.
    `engine_index` of the result is the position.
    """
    positions = sorted((insertion_index(row, free), row.box[1], number) for number, row in enumerate(rows))
    order: list[Block] = []
    for index in range(len(free) + 1):
        order += [rows[number] for at, _, number in positions if at == index]
        order += free[index : index + 1]
    return [replace(block, engine_index=number) for number, block in enumerate(order)]


def insertion_index(row: Block, free: Sequence[Block]) -> int:
    """Return before which of the other blocks a row belongs: at its place in the engine's order, but not
    before what is above it or after what is below it.
    """
    in_column = [
        n for n, block in enumerate(free) if overlap(block.box[0], block.box[2], row.box[0], row.box[2]) > 0
    ]
    above = max((n + 1 for n in in_column if free[n].center_y < row.box[1]), default=0)
    below = min((n for n in in_column if free[n].center_y > row.box[3]), default=len(free))
    engine_position = sum(block.engine_index < row.engine_index for block in free)
    if above <= below:
        return min(max(engine_position, above), below)
    return above if abs(above - engine_position) < abs(below - engine_position) else below


def renumber_lines(blocks: Sequence[Block]) -> list[OcrWord]:
    """Return the words of the blocks in order with new line numbers.

    What continues to the right on the engine's line stays on that line. What is to the right but in another
    of the engine's paragraphs becomes a line of the paragraph that it is next to.
    """
    words: list[OcrWord] = []
    number = 0
    last: OcrWord | None = None
    for block in blocks:
        for line in block.lines:
            first = line[0]
            paragraph_of = first
            is_same_line = False
            if last is not None and len(block.lines) == 1 and last.box[0] < first.box[0]:
                is_same_line = last.line_key == first.line_key
                if overlap_vertically(last.box, first.box):
                    paragraph_of = words[-1]
            number += not is_same_line
            words += [
                replace(word, block=paragraph_of.block, paragraph=paragraph_of.paragraph, line=number)
                for word in line
            ]
            last = line[-1]
    return words
