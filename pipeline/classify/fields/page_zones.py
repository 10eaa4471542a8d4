"""What stands around the data of a page: letterhead, signature lines, the line a fax machine prints on
top.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.classify.fields import name_parsing
from pipeline.classify.fields.labels import word_list
from pipeline.classify.page_layout import Cell, Layout
from pipeline.records import Word

FAX_LINE = re.compile(
    r"\bfax\b.*\bp[.,]?\s?\d+\s?/\s?\d+|\bp[.,]\s?\d{1,3}\s?/\s?\d{1,3}\b|\bfrom\b.*\bto\b.*\bpage\b",
    re.IGNORECASE,
)
FACILITY = re.compile(rf"\b({'|'.join(sorted(word_list('facility')))})\b", re.IGNORECASE)
FACILITY_WORDS = 8
"""Words in the longest name of a facility; a longer text is a sentence."""

HEADLINE = re.compile(
    r"\b(report|records?|note|notes|form|summary|claim|information|consent|list|request|sheet|orders?|medications?|notice"
    r"|date|history|course|plan|results?)\b",
    re.IGNORECASE,
)
"""What a title says and no facility's name does."""

LETTERHEAD_ROWS = 7
SHORTEST_STREET = 4
"""Letters in the shortest address: "9 Oak"."""

LETTERHEAD_HEIGHT = 0.25
SIGNATURE = re.compile(
    r"(?:electronically )?(?:signed|authenticated|dictated|reviewed|verified|approved)\s*(?:by)?\s*[:/]?",
    re.IGNORECASE,
)


def is_fax_line(text: str) -> bool:
    """Is it the sender's line that a fax machine prints on top of each page?"""
    return bool(FAX_LINE.search(text))


def plain(words: Sequence[Word]) -> str:
    """The words' text without the rules and specks around it."""
    return " ".join(word.text for word in words).strip(" |_-~.,;:*=")


def letterhead(layout: Layout) -> Cell | None:
    """The cell of the first rows that names a hospital, clinic or laboratory."""
    for row in layout.rows[:LETTERHEAD_ROWS]:
        for cell in row:
            text = cell.text
            if cell.box[1] > LETTERHEAD_HEIGHT * layout.height or is_fax_line(" ".join(c.text for c in row)):
                break
            if ":" not in text and is_facility(text):
                return cell
    return None


def is_facility(text: str) -> bool:
    """May this be a facility's name? It says what it is, in two words or a few more, with no number, and is
    no title.
    """
    words = text.split()
    return (
        2 <= len(words) <= FACILITY_WORDS
        and text[:1].isupper()
        and FACILITY.search(text) is not None
        and not any(c.isdigit() for c in text)
        and not HEADLINE.search(text)
    )


def is_address(text: str) -> bool:
    """May this be a postal address? A number and words."""
    return any(c.isdigit() for c in text) and sum(c.isalpha() for c in text) >= SHORTEST_STREET


def signers(layout: Layout) -> Iterator[tuple[tuple[Word, ...], int]]:
    """Names with a credential that stand at the start of a row or after "signed by": (words of the name,
    row).
    """
    for index, row in enumerate(layout.rows):
        for cell in row:
            words = cell.words
            match = SIGNATURE.search(cell.text)
            if match:
                skip = len(cell.text[: match.end()].split())
                words = words[skip:]
            words = tuple(name_parsing.without_office(words))
            named = name_parsing.name_words(words)
            after = words[len(named)].text if len(words) > len(named) else ""
            if FACILITY.search(after):
                continue  # "Signed: Mercy Ridge Hospital"
            if len(named) >= 2 and (
                match or name_parsing.credential_follows(words, named) or name_parsing.is_clinician(named)
            ):
                yield tuple(word for word in named if not name_parsing.is_credential(word.text)), index
