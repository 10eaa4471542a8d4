"""The words that answer a label: to its right up to the next label, or in the column below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.classify.fields.labels import Label
from pipeline.classify.layout import CELL_GAP, Cell, Layout
from pipeline.records import Word

FAR_BELOW = 2.6
"""Line heights from a label's foot to the head of the value below it; further down it is another line's business."""

COLUMN_SLACK = 1.5
"""Line heights by which a value may begin left of its label in a boxed form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Words that may be the value of a label. `place` is right or below; `gap` is their distance in line heights."""

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
            right = _right(words, row, label, following)
            if right:
                yield Answer(label=label, words=right, place="right", gap=(right[0].box[0] - label.box[2]) / layout.line)
            below = _below(layout, labels, label, following)
            if below:
                yield Answer(label=label, words=below, place="below", gap=(below[0].box[1] - label.box[3]) / layout.line)


def _right(words: tuple[Word, ...], row: tuple[Cell, ...], label: Label, following: Label | None) -> tuple[Word, ...]:
    """The words of the first cell after the label, without the next label's."""
    end = following.first if following else len(words)
    if label.last >= end:
        return ()
    at = 0
    for cell in row:
        at += len(cell.words)
        if at > label.last:
            end = min(end, at)
            break
    return tuple(word for word in words[label.last : end] if word.text not in (":", ";"))


def _below(layout: Layout, labels: Mapping[int, tuple[Label, ...]], label: Label, following: Label | None) -> tuple[Word, ...]:
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
            if i in taken or (kept and word.box[0] - kept[-1].box[2] > CELL_GAP * layout.line):
                break
            kept.append(word)
        return tuple(kept)
    return ()


def _next_cell(layout: Layout, label: Label) -> float:
    """Where the column of a row's last label ends: at the page's edge, or at the next cell of its row."""
    for cell in layout.rows[label.row]:
        if cell.box[0] > label.box[2]:
            return cell.box[0] - 0.4 * layout.line
    return layout.width
