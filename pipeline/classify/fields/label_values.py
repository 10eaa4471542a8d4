"""The words that may be the value of a label: to its right up to the next label, or in the column below it,
or on the line above it if the label is a caption.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.classify.fields.label_surroundings import DATE_HINT
from pipeline.classify.fields.labels import SEPARATORS, Label
from pipeline.classify.page_layout import CELL_GAP_LINES, Cell, Layout
from pipeline.records import Word

MAX_DISTANCE_BELOW_LINES = 2.6
"""Longest distance, in line heights, from the bottom of a label to the top of the value below it. Anything
further down belongs to another line.
"""

MAX_DISTANCE_ABOVE_LINES = 1.2
"""Longest distance, in line heights, from the bottom of a value to the top of the caption below it."""

MAX_ROWS_BELOW = 3
"""Rows below a label in which its value is looked for, without those that only say how to write it."""

MAX_COLUMN_LINES = 4.0
"""Line heights below a label, or below the words that say how to write its value, in which the value is
looked for.
"""

COLUMN_SLACK_LINES = 1.5
"""Line heights by which a value may begin to the left of its label in a boxed form."""

COLUMN_END_SLACK_LINES = 0.4
"""Line heights before the next cell or label at which a label's column ends."""

MAX_NAME_GAP_LINES = 3.0
"""Widest gap, in line heights, between words of one name on a poorly read page. Other values end at narrower
gaps.
"""

DATE_FIELDS = ("dob", "date_of_service", "admission_date", "discharge_date")
MAX_GAP_LINES_BY_FIELD = {
    "patient_name": MAX_NAME_GAP_LINES,
    **dict.fromkeys(DATE_FIELDS, 2.5),
}
"""Widest gap, in line heights, within a value below or above its label: month, day and year may have a box
each.
"""

COLUMN_HINT = re.compile(
    rf"{DATE_HINT.pattern}|from|to|through|thru|\(?(?:last|first|middle|mi)\)?,?", re.IGNORECASE
)
"""Words between a label and the value below it that are part of the form."""

DATE_PART = re.compile(r"\d{1,4}\D?$")
DAY_OR_MONTH = re.compile(r"\d{1,2}")
DATE_GAP_FACTOR = 1.8
"""How much wider the gaps between month, day and year may be, if each has a box."""

DATE_COLUMN_HINT = re.compile(rf"{COLUMN_HINT.pattern}|[DO0]{{2}}", re.IGNORECASE)
"""The same words of a date, with a misread "DD"."""

BOX_LETTER = re.compile(r"[a-d][.)]?")
"""The letter of a line of a form's box, before the value."""

MAX_CENTERING_LINES = 7.0
"""Line heights by which the dates below a heading may begin to its left, if no other cell is there."""

MAX_OFFSET_LINES, MAX_OFFSET_GAP_LINES = 1.0, 4.0
"""Line heights between the middles of a label and of a value to its right that was written off the line, and
from the label's end to the value.
"""

MAX_WRAP_INDENT_LINES = 2.0
"""Line heights by which a wrapped value may be indented from its label's row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelValue:
    """Words that may be the value of a label.

    `position`: to the right of the label, below it, above it, or wrapped to the start of the next row. `gap`:
    the distance from the label, in line heights.
    """

    label: Label
    words: tuple[Word, ...]
    position: Literal["right", "wrapped", "below", "above"]
    gap: float


def find_label_values(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[LabelValue]:
    """Yield the possible values of every label, for each label the nearest first. `labels`: row -> its
    labels.
    """
    for index, row_labels in labels.items():
        row = layout.rows[index]
        words = tuple(word for cell in row for word in cell.words)
        for label, following in zip(row_labels, (*row_labels[1:], None), strict=True):
            if label.field == "other":
                continue
            right = _words_right(words, row, label, following, layout.line_height)
            if right:
                gap = (right[0].box[0] - label.box[2]) / layout.line_height
                yield LabelValue(label=label, words=right, position="right", gap=gap)
            elif label.colon and (offset := _words_offset(layout, labels, label)):
                gap = (offset[0].box[0] - label.box[2]) / layout.line_height
                yield LabelValue(label=label, words=offset, position="right", gap=gap)
            elif not following and (wrapped := _words_wrapped(layout, labels, label)):
                gap = (wrapped[0].box[1] - label.box[3]) / layout.line_height
                yield LabelValue(label=label, words=wrapped, position="wrapped", gap=gap)
            for centered in (False, True) if label.field in DATE_FIELDS else (False,):
                below = _words_below(layout, labels, label, following, centered=centered)
                if below:
                    gap = (below[0].box[1] - label.box[3]) / layout.line_height
                    yield LabelValue(label=label, words=below, position="below", gap=gap)
            above = _words_above(layout, labels, label, following)
            if above:
                gap = (label.box[1] - above[0].box[3]) / layout.line_height
                yield LabelValue(label=label, words=above, position="above", gap=gap)


def _words_right(
    words: tuple[Word, ...], row: tuple[Cell, ...], label: Label, following: Label | None, line_height: float
) -> tuple[Word, ...]:
    """Return the words of the first cell after the label, up to the next label. A name or a date may
    continue in the next cell.
    """
    limit = following.first if following else len(words)
    if label.end >= limit:
        return ()
    end = 0
    for cell in row:
        end += len(cell.words)
        if end > label.end:
            break
    if label.field in MAX_GAP_LINES_BY_FIELD:
        max_gap = MAX_GAP_LINES_BY_FIELD[label.field] * line_height
        while end < limit and words[end].box[0] - words[end - 1].box[2] <= max_gap:
            end += 1
    return tuple(word for word in words[label.end : min(end, limit)] if word.text not in SEPARATORS)


def _words_offset(layout: Layout, labels: Mapping[int, tuple[Label, ...]], label: Label) -> tuple[Word, ...]:
    """Return the words to the right of a label that are on the row before or after because they were written
    off the line, and that no other label asks for.
    """
    middle = (label.box[1] + label.box[3]) / 2
    for index in (label.row - 1, label.row + 1):
        if not 0 <= index < len(layout.rows) or not layout.rows[index]:
            continue
        first = layout.rows[index][0]
        offset = abs((first.box[1] + first.box[3]) / 2 - middle)
        gap = first.box[0] - label.box[2]
        limit = max(layout.line_height, first.box[3] - first.box[1])
        if offset <= MAX_OFFSET_LINES * limit and 0 <= gap <= MAX_OFFSET_GAP_LINES * layout.line_height:
            end = next((other.first for other in labels.get(index, ())), len(first.words))
            return first.words[:end]
    return ()


def _words_below(
    layout: Layout,
    labels: Mapping[int, tuple[Label, ...]],
    label: Label,
    following: Label | None,
    *,
    centered: bool,
) -> tuple[Word, ...]:
    """Return the words of the nearest row below that are in the label's column. `centered`: the label may be
    a heading that is centered above its column.
    """
    left, right = _column(layout, label, following)
    if centered:
        left = max(_column_start(layout, label), label.box[0] - MAX_CENTERING_LINES * layout.line_height)
    bottom = label.box[3]
    rows_left = MAX_ROWS_BELOW
    for index in range(label.row + 1, len(layout.rows)):
        if not rows_left or layout.rows[index][0].box[1] - bottom > MAX_COLUMN_LINES * layout.line_height:
            break
        words = [word for cell in layout.rows[index] for word in cell.words]
        in_column = [(i, word) for i, word in enumerate(words) if left <= word.box[0] < right]
        hint = DATE_COLUMN_HINT if label.field in DATE_FIELDS else COLUMN_HINT
        column = [(i, word) for i, word in in_column if not hint.fullmatch(word.text)]
        if len(column) > 1 and BOX_LETTER.fullmatch(column[0][1].text):
            column = column[1:]
        if not column:
            bottom = max((word.box[3] for _, word in in_column), default=bottom)
            rows_left -= not in_column
            continue
        if label.field in DATE_FIELDS:
            column = _with_date_before(words, column, layout.line_height)
        label_words = {i for other in labels.get(index, ()) for i in range(other.first, other.end)}
        if column[0][0] in label_words and column[0][1].box[0] > label.box[2]:
            right = column[0][1].box[0] - COLUMN_END_SLACK_LINES * layout.line_height
            bottom = max((word.box[3] for i, word in in_column if i < column[0][0]), default=bottom)
            continue  # the column of another label begins here
        top = min(word.box[1] for _, word in column)
        if top - bottom > MAX_DISTANCE_BELOW_LINES * layout.line_height or column[0][0] in label_words:
            return ()
        gap_lines = MAX_GAP_LINES_BY_FIELD.get(label.field, CELL_GAP_LINES)
        return _leading_words(column, label_words, gap_lines * layout.line_height)
    return ()


def _with_date_before(
    words: list[Word], column: list[tuple[int, Word]], line_height: float
) -> list[tuple[int, Word]]:
    """Return a column with the month and day that stand to its left: "08 19 18" must not be read from the 19
    on.
    """
    first = column[0][0]
    max_gap = MAX_GAP_LINES_BY_FIELD["dob"] * DATE_GAP_FACTOR * line_height
    while (
        first > 0
        and words[first].text[:2].isdigit()
        and DAY_OR_MONTH.fullmatch(words[first - 1].text)
        and words[first].box[0] - words[first - 1].box[2] <= max_gap
    ):
        first -= 1
    return [*((i, words[i]) for i in range(first, column[0][0])), *column]


def _words_above(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], label: Label, following: Label | None
) -> tuple[Word, ...]:
    """Return the words of the row above that are in the column of a label without a colon: the label may be
    the caption of a line.
    """
    index = label.row - 1
    if index < 0 or label.colon:
        return ()
    left, right = _column(layout, label, following)
    words = [word for cell in layout.rows[index] for word in cell.words]
    column = [(i, word) for i, word in enumerate(words) if left <= word.box[0] < right]
    label_words = {i for other in labels.get(index, ()) for i in range(other.first, other.end)}
    if not column or column[0][0] in label_words:
        return ()
    if label.box[1] - max(word.box[3] for _, word in column) > MAX_DISTANCE_ABOVE_LINES * layout.line_height:
        return ()
    gap_lines = MAX_GAP_LINES_BY_FIELD.get(label.field, CELL_GAP_LINES)
    return _leading_words(column, label_words, gap_lines * layout.line_height)


def _column(layout: Layout, label: Label, following: Label | None) -> tuple[float, float]:
    """Return the left and the right edge of a label's column, in pixels."""
    left = label.box[0] - COLUMN_SLACK_LINES * layout.line_height
    right = _column_end(layout, label)
    if following:
        right = min(right, following.box[0] - COLUMN_END_SLACK_LINES * layout.line_height)
    return left, right


def _column_start(layout: Layout, label: Label) -> float:
    """Return the x-coordinate, in pixels, at which the word before the label ends; 0 without one."""
    words = [word for cell in layout.rows[label.row] for word in cell.words]
    return words[label.first - 1].box[2] if label.first else 0.0


def _leading_words(column: list[tuple[int, Word]], label_words: set[int], max_gap: float) -> tuple[Word, ...]:
    """Return the first words of a column, up to the next label or a gap wider than `max_gap` pixels."""
    kept: list[Word] = []
    for index, word in column:
        gap = word.box[0] - kept[-1].box[2] if kept else 0
        is_part_of_date = kept and kept[-1].text.isdigit() and DATE_PART.match(word.text)
        if index in label_words or gap > max_gap * (DATE_GAP_FACTOR if is_part_of_date else 1):
            break
        kept.append(word)
    return tuple(kept)


def _words_wrapped(layout: Layout, labels: Mapping[int, tuple[Label, ...]], label: Label) -> tuple[Word, ...]:
    """Return the first words of the next row, if a label with a colon ends its own row: the value was
    wrapped.
    """
    index = label.row + 1
    if (
        not label.colon
        or index >= len(layout.rows)
        or label.end < sum(len(cell.words) for cell in layout.rows[label.row])
    ):
        return ()
    first = layout.rows[index][0]
    max_left = layout.rows[label.row][0].box[0] + MAX_WRAP_INDENT_LINES * layout.line_height
    if first.box[1] - label.box[3] > layout.line_height or first.box[0] > max_left:
        return ()
    end = next((other.first for other in labels.get(index, ())), len(first.words))
    return first.words[:end]


def _column_end(layout: Layout, label: Label) -> float:
    """Return the x-coordinate, in pixels, at which the column of a row's last label ends: at the next cell of
    its row, or at the edge of the page.
    """
    for cell in layout.rows[label.row]:
        if cell.box[0] > label.box[2]:
            return cell.box[0] - COLUMN_END_SLACK_LINES * layout.line_height
    return layout.width
