"""The title that stands on a document: a line near its top that is one of the catalogue's titles, OCR errors
allowed for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pipeline.config import document_types

TOP_LINES = 24  # a title stands above the text, below at most a letterhead and the patient's data
LONGEST_LINE = 110  # characters; a longer line is running text
LIKENESS = 90.0  # per cent of a title's letters that must agree
SHORTEST_FUZZY = 9  # letters; a shorter title must agree exactly, for too many words look like it
LEAST_SHARE = 0.35  # of a line's letters that the title must make up where other words stand beside it
WEAK = 0.5  # strength of a title that also heads sections of other documents
SECTIONS = 3  # with this many headings a page has sections, and a weak title may be one of them
FADE = 0.5  # of its strength that a title loses on its way down the top lines
ANYTHING = frozenset(
    (
        "medicalrecord",
        "report",
        "transcription",
        "dictatedreport",
        "clinicaldocument",
        "physiciandocumentation",
        "chartcopy",
    )
)
"""Lines, their letters alone, that stand on top of any type: they must not be taken for a misread title."""
LETTERS = re.compile(r"[^a-z]+")
LABEL = re.compile(r"^\s*[A-Za-z .']{2,24}[:#]")
SENTENCE = re.compile(r"^\s*\d+[.)]|[a-z]\.\s*$")
HEADING = re.compile(r"^\s*[A-Z][A-Z /&,'()-]{3,50}(:|\s*$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A title that was found. `strength` in (0, 1]: how like the catalogue's, alone on its line, and no mere
    section heading.
    """

    type: str
    line: str
    strength: float


def find_title(text: str) -> Title | None:
    """The best title among the first lines of a document's first page; of equals the upper."""
    lines = [line for line in text[:6000].splitlines() if line.strip()]
    sectioned = sum(bool(HEADING.match(line)) for line in lines) >= SECTIONS
    found = [
        title for place, line in enumerate(lines[:TOP_LINES]) if (title := _title(line, place, sectioned))
    ]
    return max(found, key=lambda t: t.strength, default=None)


def _title(line: str, place: int, sectioned: bool) -> Title | None:
    if len(line) > LONGEST_LINE:
        return None
    words = normal(line).split()
    if not words:
        return None
    fade, joined = 1.0 - FADE * place / TOP_LINES, "".join(words)
    short = len(joined) < SHORTEST_FUZZY
    if joined in ANYTHING or (short and any(c.isdigit() for c in line)):
        return None
    kind = _phrases().get(joined)
    if kind:
        return Title(type=kind, line=line.strip(), strength=fade)
    weak = _weak().get(joined)
    if weak:
        return None if sectioned else Title(type=weak, line=line.strip(), strength=WEAK * fade)
    return None if LABEL.match(line) or SENTENCE.search(line) else _near(line, words, fade)


def _near(line: str, words: Sequence[str], fade: float) -> Title | None:
    """A title with other words beside it, or with letters misread."""
    letters = sum(map(len, words))
    for many in range(min(len(words), _longest()), 0, -1):
        for start in range(len(words) - many + 1):
            part = "".join(words[start : start + many])
            share = len(part) / letters
            if len(part) >= SHORTEST_FUZZY and share >= LEAST_SHARE and part in _phrases():
                return Title(type=_phrases()[part], line=line.strip(), strength=(0.5 + 0.45 * share) * fade)
    if letters < SHORTEST_FUZZY:
        return None
    from rapidfuzz import process
    from rapidfuzz.fuzz import ratio

    best = process.extractOne("".join(words), _long_phrases(), scorer=ratio, score_cutoff=LIKENESS)
    return (
        Title(type=_phrases()[best[0]], line=line.strip(), strength=best[1] / 100.0 * fade) if best else None
    )


def normal(line: str) -> str:
    """The line in small letters, everything else one space."""
    return LETTERS.sub(" ", line.lower()).strip()


@cache
def _phrases() -> Mapping[str, str]:
    """Title, its letters alone -> type."""
    return {normal(t).replace(" ", ""): key for key, entry in document_types().items() for t in entry.titles}


@cache
def _weak() -> Mapping[str, str]:
    return {
        normal(t).replace(" ", ""): key for key, entry in document_types().items() for t in entry.weak_titles
    }


@cache
def _long_phrases() -> tuple[str, ...]:
    return tuple(p for p in _phrases() if len(p) >= SHORTEST_FUZZY)


@cache
def _longest() -> int:
    """Words of the longest title."""
    return max(len(normal(t).split()) for entry in document_types().values() for t in entry.titles)
