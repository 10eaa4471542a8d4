"""The reading order of a page: the engine's own, put right where rules or rivers of white show that a person reads otherwise.

Cells of several lines are read as wholes (`cellwise`), columns of prose one after the other (`columns`). Nothing else is moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.ocr.cellwise import rows_of_cells
from pipeline.ocr.columns import in_columns
from pipeline.ocr.engines import Seen
from pipeline.ocr.parts import Part, parts_of, shared
from pipeline.ocr.second_look import typical_height
from pipeline.ocr.tables import Table


def in_reading_order(seen: Sequence[Seen], found: Sequence[Table]) -> list[Seen]:
    """The same words, each line numbered anew. Boxes of `seen` and `found` are in the same pixels."""
    if len(seen) < 2:
        return list(seen)
    height = typical_height(seen)
    rows, taken = rows_of_cells(seen, found, height)
    free = parts_of(seen, [number for number in range(len(seen)) if number not in taken])
    parts = in_columns(settled(rows, free), height)
    if [part.at for part in parts] == list(range(len(parts))) and not rows:
        return list(seen)
    return renumbered(parts)


def settled(rows: Sequence[Part], free: Sequence[Part]) -> list[Part]:
    """Rows of cells put among the other parts: after what stands above them, before what stands below; `at` says the place."""
    places = sorted((place(row, free), row.box[1], number) for number, row in enumerate(rows))
    order: list[Part] = []
    for index in range(len(free) + 1):
        order += [rows[number] for at, _, number in places if at == index]
        order += free[index : index + 1]
    return [replace(part, at=number) for number, part in enumerate(order)]


def place(row: Part, free: Sequence[Part]) -> int:
    """Before which of the other parts a row belongs: where the engine has it, but not across what stands above or below it."""
    near = [n for n, part in enumerate(free) if shared(part.box[0], part.box[2], row.box[0], row.box[2]) > 0]
    above = max((n + 1 for n in near if free[n].middle < row.box[1]), default=0)
    below = min((n for n in near if free[n].middle > row.box[3]), default=len(free))
    own = sum(part.at < row.at for part in free)
    if above <= below:
        return min(max(own, above), below)
    return above if abs(above - own) < abs(below - own) else below


def renumbered(parts: Sequence[Part]) -> list[Seen]:
    """The words of the parts in order; what goes on to the right on the engine's line stays on that line."""
    words: list[Seen] = []
    number = 0
    last: Seen | None = None
    for part in parts:
        for line in part.lines:
            goes_on = len(part.lines) == 1 and last is not None and last.place == line[0].place and last.box[0] < line[0].box[0]
            number += not goes_on
            words += [replace(word, line=number) for word in line]
            last = line[-1]
    return words
