"""The reading order of a page: row by row, but for what rules or rivers of white show that a person reads
otherwise.

Cells of several lines are read as wholes (`cellwise`), columns of prose one after the other, as the engine
has seen them or we do (`columns`), and all else across (`across`)."""

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


def order_words(seen: Sequence[OcrWord], found: Sequence[Table]) -> list[OcrWord]:
    """The same words, each line numbered anew. Boxes of `seen` and `found` are in the same pixels."""
    if len(seen) < 2:
        return list(seen)
    height = median_word_height(seen)
    rows, taken = order_cell_rows(seen, found, height)
    free = make_blocks(seen, [number for number in range(len(seen)) if number not in taken])
    parts = insert_rows(rows, free)
    order = order_by_columns(order_by_rows(parts, height), height)
    ordered = renumber_lines(
        order_by_columns(parts, height) if breaks_columns(order, parts, height) else order
    )
    unmoved = all(one.box == other.box for one, other in zip(ordered, seen, strict=True))
    return list(seen) if unmoved and not rows else ordered


def insert_rows(rows: Sequence[Block], free: Sequence[Block]) -> list[Block]:
    """Rows of cells put among the other parts: after what stands above them, before what stands below; `at`
    says the place.
    """
    places = sorted((insertion_index(row, free), row.box[1], number) for number, row in enumerate(rows))
    order: list[Block] = []
    for index in range(len(free) + 1):
        order += [rows[number] for at, _, number in places if at == index]
        order += free[index : index + 1]
    return [replace(part, engine_index=number) for number, part in enumerate(order)]


def insertion_index(row: Block, free: Sequence[Block]) -> int:
    """Before which of the other parts a row belongs: where the engine has it, but not across what stands
    above or below it.
    """
    near = [n for n, part in enumerate(free) if overlap(part.box[0], part.box[2], row.box[0], row.box[2]) > 0]
    above = max((n + 1 for n in near if free[n].center_y < row.box[1]), default=0)
    below = min((n for n in near if free[n].center_y > row.box[3]), default=len(free))
    own = sum(part.engine_index < row.engine_index for part in free)
    if above <= below:
        return min(max(own, above), below)
    return above if abs(above - own) < abs(below - own) else below


def renumber_lines(parts: Sequence[Block]) -> list[OcrWord]:
    """The words of the parts in order, lines numbered anew. What goes on to the right on the engine's line
    stays on that line; what stands to the right but is another paragraph of the engine's becomes a line of
    the paragraph that it stands beside."""
    words: list[OcrWord] = []
    number = 0
    last: OcrWord | None = None
    for part in parts:
        for line in part.lines:
            first = line[0]
            right = len(part.lines) == 1 and last is not None and last.box[0] < first.box[0]
            number += not (right and last and last.line_key == first.line_key)
            where = words[-1] if right and last and overlap_vertically(last.box, first.box) else first
            words += [
                replace(word, block=where.block, paragraph=where.paragraph, line=number) for word in line
            ]
            last = line[-1]
    return words
