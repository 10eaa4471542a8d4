"""Read rows across: if the engine has treated a form's labels as one column and their values as another, each
label is read before its value. An order that would mix columns of prose that the engine has recognized is
rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean

from pipeline.ocr.layout.blocks import Block
from pipeline.ocr.layout.columns import count_side_changes, is_prose

MAX_ROW_OFFSET_LINE_HEIGHTS = 0.6
"""Lines whose centers are closer than this are on one row. From 0.4 to 0.8 the CER of forms changes by 0.007.
"""


def order_by_rows(blocks: Sequence[Block], height: float) -> list[Block]:
    """Return the blocks row by row, each row from the left. A block of several lines is a row of its own.

    Args:
        blocks: In any order.
        height: Line height in pixels.
    """
    rows: list[list[Block]] = []
    for block in sorted(blocks, key=lambda block: block.center_y):
        if rows and belongs_to_row(block, rows[-1], height):
            rows[-1].append(block)
        else:
            rows.append([block])
    ordered = [block for row in rows for block in sorted(row, key=lambda block: block.box[0])]
    return [replace(block, engine_index=number) for number, block in enumerate(ordered)]


def breaks_columns(order: Sequence[Block], blocks: Sequence[Block], height: float) -> bool:
    """Return whether an order alternates between columns of prose that the engine's own order of these blocks
    keeps apart.

    Args:
        order: The blocks in the order to check.
        blocks: The blocks in the engine's order.
        height: Line height in pixels.
    """
    reordered = {block.box: replace(block, engine_index=position) for position, block in enumerate(order)}
    for runs in combinations(downward_runs(blocks, height), 2):
        left, right = ([reordered[block.box] for block in side] for side in facing_blocks(*runs))
        if is_prose(left) and is_prose(right) and count_side_changes(left, [*left, *right]) > 1:
            return True
    return False


def belongs_to_row(block: Block, row: Sequence[Block], height: float) -> bool:
    """Return whether a line is on a row of lines."""
    are_lines = all(len(each.lines) == 1 for each in (block, *row))
    return (
        are_lines
        and block.center_y - fmean(each.center_y for each in row) < MAX_ROW_OFFSET_LINE_HEIGHTS * height
    )


def downward_runs(blocks: Sequence[Block], height: float) -> list[list[Block]]:
    """Split the engine's order wherever it goes back up the page."""
    runs: list[list[Block]] = []
    for block in sorted(blocks, key=lambda block: block.engine_index):
        if runs and block.center_y > runs[-1][-1].center_y - MAX_ROW_OFFSET_LINE_HEIGHTS * height:
            runs[-1].append(block)
        else:
            runs.append([block])
    return runs


def facing_blocks(one: Sequence[Block], other: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """Return the blocks of a run that are next to a later run, and those of the later run next to it: below
    the later run's top, above the earlier run's end.
    """
    top, bottom = min(block.box[1] for block in other), max(block.box[3] for block in one)
    return [block for block in one if block.center_y > top], [
        block for block in other if block.center_y < bottom
    ]
