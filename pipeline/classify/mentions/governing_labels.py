"""Find for each word of a page the label whose value it is, and whose value a place on the page is: the
patient's, another person's, or unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from pipeline.classify.fields.label_values import find_label_values
from pipeline.classify.fields.labels import Label, find_labels
from pipeline.classify.fields.other_people import ORGANIZATION, PATIENT, RELATIVE, belongs_to_other_person
from pipeline.classify.page_layout import Layout
from pipeline.records import Box, Role, Word

PATIENT_FIELDS = frozenset(("patient_name", "dob", "mrn", "sex", "age", "ssn"))
"""Fields whose values are the patient's unless the label, its row or its section names another person."""

POSITION_RANK = {"right": 0, "wrapped": 1, "below": 2}
"""A label's value is to its right, if anything is there; else on the next row, else below it."""

LAST_RANK = len(POSITION_RANK)
"""Rank of any other position, such as above the label."""


MAX_CAPTION_WORDS = 6
"""Words of the caption of a form's box; the end of a longer text is nearest to the value."""

MAX_CAPTION_DISTANCE_LINES = 1.5
"""Line heights between a caption and the value below it."""


@dataclass(frozen=True, slots=True)
class LabeledPage:
    """A page's labels. `labels`: row -> its labels. `governing`: box of a word -> the label whose value it
    is."""

    layout: Layout
    labels: Mapping[int, tuple[Label, ...]]
    governing: Mapping[Box, Label]

    def label_words(self, row: int) -> set[int]:
        """Return which words of the row are labels, by their index in the row."""
        return {index for label in self.labels.get(row, ()) for index in range(label.first, label.end)}

    def label_of(self, words: Sequence[Word]) -> Label | None:
        """Return the label whose value begins with the first of these words."""
        return self.governing.get(words[0].box)


def label_page(layout: Layout) -> LabeledPage:
    """Return a page with the label of each word.

    Labels that are not index fields ("Guarantor", "Printed") have values as well: these are not the
    patient's.
    """
    labels = find_labels(layout)
    # `find_label_values` leaves out labels of the field "other"; here their values are wanted too.
    asked = {
        row: tuple(replace(label, field="context") if label.field == "other" else label for label in found)
        for row, found in labels.items()
    }
    original = {(label.row, label.first): label for found in labels.values() for label in found}
    ranks: dict[Box, int] = {}
    governing: dict[Box, Label] = {}
    has_value_at_right: set[tuple[int, int]] = set()
    for value in find_label_values(layout, asked):
        place, rank = (value.label.row, value.label.first), POSITION_RANK.get(value.position, LAST_RANK)
        if rank == 0:
            has_value_at_right.add(place)
        elif place in has_value_at_right:
            continue
        for word in value.words:
            if rank < ranks.get(word.box, LAST_RANK + 1):
                ranks[word.box], governing[word.box] = rank, original[place]
    return LabeledPage(layout, labels, governing)


def role_of(page: LabeledPage, words: Sequence[Word], row: int, field: str) -> tuple[Role, str, float]:
    """Return whose value the words of a row are, the field of their label and the strength of that label.

    Args:
        page: The page.
        words: The value's words.
        row: Their row.
        field: What the value is: patient_name, dob, mrn, ssn, phone or address.
    """
    label = page.label_of(words)
    if label is None:
        if any(_names_other(caption) for caption in _captions(page, words, row)):
            return Role.OTHER, "", 0.0
        place = _place(page, words, row, "phone" if field in ("phone", "address") else "dob")
        is_other = belongs_to_other_person(place, page.layout, {row: (), **page.labels})
        return (Role.OTHER if is_other else Role.UNKNOWN), "", 0.0
    text = _text(page, label)
    if _names_other(text) or belongs_to_other_person(replace(label, field=field), page.layout, page.labels):
        return Role.OTHER, label.field, label.strength
    if label.field == field and field in PATIENT_FIELDS:
        return Role.PATIENT, label.field, label.strength
    if label.field in ("author", "facility"):
        return Role.OTHER, label.field, label.strength
    return Role.UNKNOWN, label.field, label.strength


def _names_other(text: str) -> bool:
    """Return whether a label names a person other than the patient, or an organization."""
    return bool(RELATIVE.search(text) or ORGANIZATION.search(text)) and not PATIENT.search(text)


def _captions(page: LabeledPage, words: Sequence[Word], row: int) -> Iterator[str]:
    """Yield the texts that may be the caption of a value without a known label: the words before it in its
    cell, the cell to its left, and the cell above it.
    """
    cells = page.layout.rows[row]
    at = next(
        (n for n, cell in enumerate(cells) if any(word.box == words[0].box for word in cell.words)), None
    )
    if at is None:
        return
    before = list(takewhile(lambda word: word.box != words[0].box, cells[at].words))
    if before:
        yield " ".join(word.text for word in before[-MAX_CAPTION_WORDS:])
    elif at:
        yield " ".join(word.text for word in cells[at - 1].words[-MAX_CAPTION_WORDS:])
    if row and not before:
        left, top, right, _ = cells[at].box
        for cell in page.layout.rows[row - 1]:
            is_near = top - cell.box[3] <= MAX_CAPTION_DISTANCE_LINES * page.layout.line_height
            if is_near and cell.box[0] < right and left < cell.box[2]:
                yield " ".join(word.text for word in cell.words[:MAX_CAPTION_WORDS])


def _text(page: LabeledPage, label: Label) -> str:
    words = [word for cell in page.layout.rows[label.row] for word in cell.words]
    return " ".join(word.text for word in words[label.first : label.end])


def _place(page: LabeledPage, words: Sequence[Word], row: int, field: str) -> Label:
    """Return a label of no text at the place of a value, to ask whose section the place is in."""
    in_row = [word for cell in page.layout.rows[row] for word in cell.words]
    first = next((index for index, word in enumerate(in_row) if word.box == words[0].box), 0)
    box = words[0].box
    return Label(
        field=field, key="", row=row, first=first, end=first, strength=0.0, colon=False,
        box=(box[0], box[1], box[0], box[3]),
    )  # fmt: skip
