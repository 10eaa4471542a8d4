"""The words that answer a label: to its right up to the next label, or in the column below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.classify.fields.labels import SEPARATORS, Label
from pipeline.classify.page_layout import CELL_GAP, Cell, Layout
from pipeline.records import Word

FAR_BELOW = 2.6
"""Line heights from a label's foot to the head of the value below it; further down it is another line's
business.
"""

COLUMN_SLACK = 1.5
"""Line heights by which a value may begin left of its label in a boxed form."""


APART = 3.0
"""Line heights between words of one name on a badly read page, where other values would have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Words that may be the value of a label. `place` is right, below or wrapped (to the next row's start);
    `gap` is how far they stand from it, in line heights."""

    label: Label
    words: tuple[Word, ...]
    place: str
    gap: float


def answers(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[Answer]:
    """Every answer to every label, nearest first for each label."""
    for index, row_labels in labels.items():
        row = layout.rows[index]
        words = tuple(word for cell in row for word in cell.words)
        for position, label in enumerate(row_labels):
            if label.field == "other":
                continue
            following = row_labels[position + 1] if position + 1 < len(row_labels) else None
            right = _right(words, row, label, following, layout.line)
            if right:
                yield Answer(
                    label=label,
                    words=right,
                    place="right",
                    gap=(right[0].box[0] - label.box[2]) / layout.line,
                )
            wrapped = () if right or following else _wrapped(layout, labels, label)
            if wrapped:
                yield Answer(
                    label=label,
                    words=wrapped,
                    place="wrapped",
                    gap=(wrapped[0].box[1] - label.box[3]) / layout.line,
                )
            below = _below(layout, labels, label, following)
            if below:
                yield Answer(
                    label=label,
                    words=below,
                    place="below",
                    gap=(below[0].box[1] - label.box[3]) / layout.line,
                )


def _right(
    words: tuple[Word, ...], row: tuple[Cell, ...], label: Label, following: Label | None, line: float
) -> tuple[Word, ...]:
    """The words of the first cell after the label, without the next label's; a name may go on in the next
    cell.
    """
    end = following.first if following else len(words)
    if label.last >= end:
        return ()
    at = 0
    for cell in row:
        at += len(cell.words)
        if at > label.last:
            break
    while (
        label.field == "patient_name" and at < end and words[at].box[0] - words[at - 1].box[2] <= APART * line
    ):
        at += 1
    return tuple(word for word in words[label.last : min(at, end)] if word.text not in SEPARATORS)


def _below(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], label: Label, following: Label | None
) -> tuple[Word, ...]:
    """The words of the nearest row below that stand in the label's column."""
    left = label.box[0] - COLUMN_SLACK * layout.line
    right = following.box[0] - 0.4 * layout.line if following else _next_cell(layout, label)
    for index in range(label.row + 1, min(label.row + 4, len(layout.rows))):
        taken = {i for other in labels.get(index, ()) for i in range(other.first, other.last)}
        words = [word for cell in layout.rows[index] for word in cell.words]
        column = [(i, word) for i, word in enumerate(words) if left <= word.box[0] < right]
        if not column:
            continue
        top = min(word.box[1] for _, word in column)
        if top - label.box[3] > FAR_BELOW * layout.line or column[0][0] in taken:
            return ()
        kept: list[Word] = []
        for i, word in column:
            apart = APART if label.field == "patient_name" else CELL_GAP
            if i in taken or (kept and word.box[0] - kept[-1].box[2] > apart * layout.line):
                break
            kept.append(word)
        return tuple(kept)
    return ()


def _wrapped(layout: Layout, labels: Mapping[int, tuple[Label, ...]], label: Label) -> tuple[Word, ...]:
    """The first words of the next row, where a label with a colon ends its own row: the value went over the
    edge.
    """
    index = label.row + 1
    if (
        not label.colon
        or index >= len(layout.rows)
        or label.last < sum(len(cell.words) for cell in layout.rows[label.row])
    ):
        return ()
    first = layout.rows[index][0]
    if (
        first.box[1] - label.box[3] > layout.line
        or first.box[0] > layout.rows[label.row][0].box[0] + 2 * layout.line
    ):
        return ()
    end = next((other.first for other in labels.get(index, ())), len(first.words))
    return first.words[:end]


def _next_cell(layout: Layout, label: Label) -> float:
    """Where the column of a row's last label ends: at the page's edge, or at the next cell of its row."""
    for cell in layout.rows[label.row]:
        if cell.box[0] > label.box[2]:
            return cell.box[0] - 0.4 * layout.line
    return layout.width
