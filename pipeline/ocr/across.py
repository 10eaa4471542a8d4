"""Rows read across: where the engine has taken a form's labels for one column and their values for another, each label is read
before its value. Columns of prose that the engine has seen stay columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean

from pipeline.ocr.columns import is_prose
from pipeline.ocr.parts import Part

SAME_ROW = 0.6
"""Middles nearer than this many line heights are one row's: from 0.4 to 0.8 the CER of forms moves by 0.007."""


def across(parts: Sequence[Part], height: float) -> list[Part]:
    """The parts row by row, each row from the left; as they are where the engine has seen columns of prose.

    `height`: of a line, in pixels. A part of several lines is a row of its own.
    """
    if any(beside(one, other) for one, other in combinations(downward(parts, height), 2)):
        return list(parts)
    rows: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.middle):
        if rows and joins(part, rows[-1], height):
            rows[-1].append(part)
        else:
            rows.append([part])
    ordered = [part for row in rows for part in sorted(row, key=lambda part: part.box[0])]
    return [replace(part, at=number) for number, part in enumerate(ordered)]


def joins(part: Part, row: Sequence[Part], height: float) -> bool:
    """Whether a line stands on a row of lines."""
    lines = all(len(each.lines) == 1 for each in (part, *row))
    return lines and part.middle - fmean(each.middle for each in row) < SAME_ROW * height


def downward(parts: Sequence[Part], height: float) -> list[list[Part]]:
    """The engine's order cut wherever it goes back up the page."""
    runs: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.at):
        if runs and part.middle > runs[-1][-1].middle - SAME_ROW * height:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def beside(one: Sequence[Part], other: Sequence[Part]) -> bool:
    """Whether prose of one run stands beside prose of another."""
    top, bottom = min(part.box[1] for part in other), max(part.box[3] for part in one)
    return is_prose([part for part in one if part.middle > top]) and is_prose([part for part in other if part.middle < bottom])
