"""Parts of a page around its data: the letterhead, signature lines, and the line that a fax machine prints on
top.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.classify.fields import name_parsing
from pipeline.classify.fields.label_keys import word_list
from pipeline.classify.page_layout import Cell, Layout
from pipeline.records import Word

FAX_LINE = re.compile(
    r"\bfax\b.*\bp[.,]?\s?\d+\s?/\s?\d+|\bp[.,]\s?\d{1,3}\s?/\s?\d{1,3}\b|\bfrom\b.*\bto\b.*\bpage\b",
    re.IGNORECASE,
)
FACILITY_WORD = re.compile(rf"\b({'|'.join(sorted(word_list('facility')))})\b", re.IGNORECASE)
MAX_FACILITY_WORDS = 8
"""Words in the longest name of a facility; a longer text is a sentence."""

TITLE_WORD = re.compile(
    r"\b(report|records?|note|notes|form|summary|claim|information|consent|list|request|sheet"
    r"|orders?|medications?|notice"
    r"|date|history|course|plan|results?)\b",
    re.IGNORECASE,
)
"""Words of titles that do not occur in the name of a facility."""

MAX_LETTERHEAD_ROWS = 7
LETTERHEAD_HEIGHT_SHARE = 0.25
"""The part of a page, from the top, that may contain the letterhead."""

MIN_ADDRESS_LETTERS = 4
"""Letters in the shortest address: "9 Oak"."""

SIGNATURE = re.compile(
    r"(?:electronically )?(?:signed|authenticated|dictated|reviewed|verified|approved)\s*(?:by)?\s*[:/]?",
    re.IGNORECASE,
)

SIGNING = re.compile(r"\b(?:sign(?:ed|ature)?|e-?signed|authenticated)\b", re.IGNORECASE)
"""Words of a row whose date is the date of signing."""

SIGNATURE_DATE_ROW = re.compile(
    r"\bsignature\b|\bsigned\b\W*(?:by\b.*)?\bdate\b|\bdate\W*signed\b|^\W*signed\b|\bx_{3,}", re.IGNORECASE
)
"""A row in which "Date" is the date of a signature."""


def is_fax_line(text: str) -> bool:
    """Return whether the text is the sender's line that a fax machine prints on top of each page."""
    return bool(FAX_LINE.search(text))


def normalized_text(words: Sequence[Word]) -> str:
    """Return the words' text without the lines and specks around it."""
    return " ".join(word.text for word in words).strip(" |_-~.,;:*=")


def find_letterhead(layout: Layout) -> Cell | None:
    """Return the first cell near the top that names a hospital, clinic or laboratory; None if there is
    none.
    """
    for row in layout.rows[:MAX_LETTERHEAD_ROWS]:
        row_is_fax_line = is_fax_line(" ".join(cell.text for cell in row))
        for cell in row:
            if row_is_fax_line or cell.box[1] > LETTERHEAD_HEIGHT_SHARE * layout.height:
                break
            if ":" not in cell.text and is_facility(cell.text):
                return cell
    return None


def is_facility(text: str) -> bool:
    """Return whether the text may name a facility: a few words that include its kind, without digits and
    without the words of a document title.
    """
    words = text.split()
    return (
        2 <= len(words) <= MAX_FACILITY_WORDS
        and text[:1].isupper()
        and FACILITY_WORD.search(text) is not None
        and not any(c.isdigit() for c in text)
        and not TITLE_WORD.search(text)
    )


def is_address(text: str) -> bool:
    """Return whether the text may be a postal address: a number and words."""
    return any(c.isdigit() for c in text) and sum(c.isalpha() for c in text) >= MIN_ADDRESS_LETTERS


def find_signers(layout: Layout) -> Iterator[tuple[tuple[Word, ...], int]]:
    """Yield (words of the name, row) of each name at the start of a cell with a credential, or after "signed
    by".
    """
    for index, row in enumerate(layout.rows):
        for cell in row:
            signer = _signer(cell)
            if signer:
                yield signer, index


def _signer(cell: Cell) -> tuple[Word, ...]:
    """Return the words of the signer's name in the cell, without credentials; empty if the cell has no
    signer.
    """
    signature = SIGNATURE.search(cell.text)
    skipped = len(cell.text[: signature.end()].split()) if signature else 0
    words = tuple(name_parsing.skip_clinician_prefix(cell.words[skipped:]))
    name = name_parsing.name_words(words)
    next_text = words[len(name)].text if len(words) > len(name) else ""
    if len(name) < 2 or FACILITY_WORD.search(next_text):
        return ()  # "Signed: Mercy Ridge Hospital" does not name a person
    is_signer = signature or name_parsing.credential_follows(words, name) or name_parsing.is_clinician(name)
    return tuple(word for word in name if not name_parsing.is_credential(word.text)) if is_signer else ()
