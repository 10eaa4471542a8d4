"""ICD-10-CM and CPT codes as printed. A code is believed by its form and by what stands on its page, not by a list of codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.classify.layout import Layout
from pipeline.records import Word

ICD = re.compile(r"^[A-TV-Z]\d[0-9AB]\.[0-9A-Z]{1,4}$")
ICD_SHORT = re.compile(r"^[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?$")
CPT = re.compile(r"^\d{4}[0-9FT]$")
ICD_WORDS = re.compile(r"\b(icd|diagnos[ie]s code|dx code)", re.IGNORECASE)
CPT_WORDS = re.compile(r"\b(cpt|hcpcs|procedure code)", re.IGNORECASE)
REACH = 12
"""Rows below a heading "CPT" within which five digits are a code and not a zip code or a count."""


def code_offers(layout: Layout) -> Iterator[tuple[str, str, Word, int]]:
    """(field, code, word, row) of the codes printed on a page."""
    icd_until = cpt_until = -1
    for index, row in enumerate(layout.rows):
        text = " ".join(cell.text for cell in row)
        if ICD_WORDS.search(text):
            icd_until = index + REACH
        if CPT_WORDS.search(text):
            cpt_until = index + REACH
        for cell in row:
            for word in cell.words:
                bare = word.text.strip("()[],;:|")
                plain = ICD.match(bare) and not _lookalike(bare)
                if plain or (index <= icd_until and ICD_SHORT.match(bare)):
                    yield "icd10", bare, word, index
                elif index <= cpt_until and CPT.match(bare):
                    yield "cpt", bare, word, index


def _lookalike(text: str) -> bool:
    """Vertebrae and vitamins read like codes: "T12.5", "B12.0"."""
    return text[0] in "TLCBSPR" and len(text) <= 5
