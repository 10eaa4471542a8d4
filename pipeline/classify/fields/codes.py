"""Find ICD-10-CM and CPT codes on a page. A code is recognized by its form and by a heading near it, not by a
list of valid codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.classify.page_layout import Cell, Layout
from pipeline.records import Word

ICD_CODE = re.compile(r"^[A-TV-Z]\d[0-9AB]\.[0-9A-Z]{1,4}$")
ICD_CODE_OR_CATEGORY = re.compile(r"^[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?$")
CPT_CODE = re.compile(r"^\d{4}[0-9FT]$")
ICD_HEADING = re.compile(r"\b(icd(?:-?\d+)?|diagnos[ie]s code|dx code)", re.IGNORECASE)
CPT_HEADING = re.compile(r"\b(cpt|hcpcs|procedure code)", re.IGNORECASE)
MAX_ROWS_BELOW_HEADING = 12
"""Rows below a heading "CPT" within which a number in its column is a code, and not a ZIP code or a count."""

COLUMN_MARGIN_LINES = 4.0
"""Line heights by which a code may be left or right of its heading."""


@dataclass(frozen=True, slots=True)
class CodeHeading:
    """The last heading of a kind of code: its row, and its column's left and right edge in pixels."""

    row: int = -MAX_ROWS_BELOW_HEADING - 1
    left: float = 0.0
    right: float = 0.0

    def covers(self, row: int, word: Word, *, begins_cell: bool) -> bool:
        """Return whether the word is on the heading's row, or begins a cell in its column not far below."""
        if row == self.row:
            return True
        return (
            begins_cell
            and row - self.row <= MAX_ROWS_BELOW_HEADING
            and self.left <= (word.box[0] + word.box[2]) / 2 <= self.right
        )


def find_codes(layout: Layout) -> Iterator[tuple[str, str, Word, int]]:
    """Yield (field, code, word, row) of the codes printed on a page."""
    icd, cpt = CodeHeading(), CodeHeading()
    for index, row in enumerate(layout.rows):
        for cell in row:
            margin = COLUMN_MARGIN_LINES * layout.line_height
            heading = CodeHeading(index, cell.box[0] - margin, cell.box[2] + margin)
            icd = heading if ICD_HEADING.search(cell.text) else icd
            cpt = heading if CPT_HEADING.search(cell.text) else cpt
        for cell in row:
            yield from _codes_in_cell(cell, index, icd, cpt)


def _codes_in_cell(
    cell: Cell, row: int, icd: CodeHeading, cpt: CodeHeading
) -> Iterator[tuple[str, str, Word, int]]:
    for word in cell.words:
        text = word.text.strip("()[],;:|.")
        begins_cell = word is cell.words[0]
        if _is_icd_code(text, has_heading=icd.covers(row, word, begins_cell=begins_cell)):
            yield "icd10", text, word, row
        elif cpt.covers(row, word, begins_cell=begins_cell) and CPT_CODE.match(text):
            yield "cpt", text, word, row


def _is_icd_code(text: str, *, has_heading: bool) -> bool:
    if has_heading:
        return ICD_CODE_OR_CATEGORY.match(text) is not None
    return ICD_CODE.match(text) is not None and not _looks_like_vertebra_or_vitamin(text)


def _looks_like_vertebra_or_vitamin(text: str) -> bool:
    """Return whether the text may name a vertebra or a vitamin, which have the form of a code: "T12.5",
    "B12.0".
    """
    return text[0] in "TLCBSPR" and len(text) <= 5
