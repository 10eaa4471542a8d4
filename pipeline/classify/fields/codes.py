"""ICD-10-CM and CPT codes as printed. A code is believed by its form and by what stands on its page, not by a
list of codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.classify.page_layout import Layout
from pipeline.records import Word

ICD = re.compile(r"^[A-TV-Z]\d[0-9AB]\.[0-9A-Z]{1,4}$")
ICD_SHORT = re.compile(r"^[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?$")
CPT = re.compile(r"^\d{4}[0-9FT]$")
ICD_WORDS = re.compile(r"\b(icd(?:-?\d+)?|diagnos[ie]s code|dx code)", re.IGNORECASE)
CPT_WORDS = re.compile(r"\b(cpt|hcpcs|procedure code)", re.IGNORECASE)
REACH = 12
"""Rows below a heading "CPT" within which what stands in its column is a code and not a zip code or a
count.
"""

BESIDE = 4.0
"""Line heights by which a code may stand left or right of its heading."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a kind of code was last announced: its row, and the part of the page's width below it."""

    row: int = -REACH - 1
    left: float = 0.0
    right: float = 0.0

    def covers(self, row: int, word: Word, *, first: bool) -> bool:
        """Does the word stand on the heading's row, or begin a cell in its column not far below?"""
        if row == self.row:
            return True
        return (
            first and row - self.row <= REACH and self.left <= (word.box[0] + word.box[2]) / 2 <= self.right
        )


def code_offers(layout: Layout) -> Iterator[tuple[str, str, Word, int]]:
    """(field, code, word, row) of the codes printed on a page."""
    icd, cpt = Heading(), Heading()
    for index, row in enumerate(layout.rows):
        for cell in row:
            place = (index, cell.box[0] - BESIDE * layout.line, cell.box[2] + BESIDE * layout.line)
            if ICD_WORDS.search(cell.text):
                icd = Heading(*place)
            if CPT_WORDS.search(cell.text):
                cpt = Heading(*place)
        for cell in row:
            for word in cell.words:
                bare = word.text.strip("()[],;:|.")
                first = word is cell.words[0]
                announced = icd.covers(index, word, first=first)
                if (ICD.match(bare) and (announced or not _lookalike(bare))) or (
                    announced and ICD_SHORT.match(bare)
                ):
                    yield "icd10", bare, word, index
                elif cpt.covers(index, word, first=first) and CPT.match(bare):
                    yield "cpt", bare, word, index


def _lookalike(text: str) -> bool:
    """Vertebrae and vitamins read like codes: "T12.5", "B12.0"."""
    return text[0] in "TLCBSPR" and len(text) <= 5
