"""Find the title of a document: a line near the top that is one of the catalog's titles, allowing for OCR
errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pipeline.config import document_types

MAX_CHARS_READ = 6000
TITLE_LINES = 24
"""Lines at the top that may contain the title: above the text, below at most a letterhead and the patient's
data.
"""

MAX_LINE_CHARS = 110
"""A longer line is running text."""

MIN_SIMILARITY_PERCENT = 90.0
"""Share of a title's letters that must agree (rapidfuzz's ratio)."""

MIN_FUZZY_LETTERS = 9
"""A shorter title must agree exactly: too many words are similar to it."""

MIN_TITLE_SHARE = 0.35
"""Share of a line's letters that the title must have if the line contains other words."""

WEAK_TITLE_STRENGTH = 0.5
"""Strength of a title that also heads sections of other documents."""

MIN_SECTION_HEADINGS = 3
"""A page with this many headings has sections, and a weak title may be one of their headings."""

FADE = 0.5
"""Share of its strength that a title loses from the first of the top lines to the last."""

PARTIAL_BASE_STRENGTH, PARTIAL_SHARE_STRENGTH = 0.5, 0.45
"""Strength of a title with other words on its line: the base, and what is added in proportion to its share.
"""

GENERIC_TITLES = frozenset(
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
"""Lines, their letters only, that occur on top of any type. They must not be taken for a misread title."""

NOT_LETTERS = re.compile(r"[^a-z]+")
LABEL = re.compile(r"^\s*[A-Za-z .']{2,24}[:#]")
SENTENCE = re.compile(r"^\s*\d+[.)]|[a-z]\.\s*$")
HEADING = re.compile(r"^\s*[A-Z][A-Z /&,'()-]{3,50}(:|\s*$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A title that was found. `strength`, above 0 up to 1: how similar it is to the catalog's title, whether
    it is alone on its line and near the top, and whether it may be a section heading.
    """

    type: str
    line: str
    strength: float


def find_title(text: str) -> Title | None:
    """Return the strongest title among the first lines of a document's first page; of equals the upper
    one.
    """
    lines = [line for line in text[:MAX_CHARS_READ].splitlines() if line.strip()]
    has_sections = sum(bool(HEADING.match(line)) for line in lines) >= MIN_SECTION_HEADINGS
    titles = [
        title
        for index, line in enumerate(lines[:TITLE_LINES])
        if (title := _title_in_line(line, 1.0 - FADE * index / TITLE_LINES, has_sections=has_sections))
    ]
    return max(titles, key=lambda title: title.strength, default=None)


def _title_in_line(line: str, fade: float, *, has_sections: bool) -> Title | None:
    """Return the title in a line. `fade`: the factor on its strength."""
    words = normalized(line).split() if len(line) <= MAX_LINE_CHARS else []
    letters = "".join(words)
    is_short_number = len(letters) < MIN_FUZZY_LETTERS and any(c.isdigit() for c in line)
    if not words or letters in GENERIC_TITLES or is_short_number:
        return None
    if letters in _titles():
        return Title(type=_titles()[letters], line=line.strip(), strength=fade)
    if letters in _weak_titles():
        if has_sections:
            return None
        return Title(type=_weak_titles()[letters], line=line.strip(), strength=WEAK_TITLE_STRENGTH * fade)
    if LABEL.match(line) or SENTENCE.search(line):
        return None
    return _title_within(line, words, fade) or _misread_title(line, letters, fade)


def _title_within(line: str, words: Sequence[str], fade: float) -> Title | None:
    """Return the longest title that the line contains among other words."""
    letters = sum(map(len, words))
    for count in range(min(len(words), _max_title_words()), 0, -1):
        for start in range(len(words) - count + 1):
            part = "".join(words[start : start + count])
            share = len(part) / letters
            if len(part) >= MIN_FUZZY_LETTERS and share >= MIN_TITLE_SHARE and part in _titles():
                strength = (PARTIAL_BASE_STRENGTH + PARTIAL_SHARE_STRENGTH * share) * fade
                return Title(type=_titles()[part], line=line.strip(), strength=strength)
    return None


def _misread_title(line: str, letters: str, fade: float) -> Title | None:
    """Return the title that is most similar to the whole line."""
    if len(letters) < MIN_FUZZY_LETTERS:
        return None
    from rapidfuzz import process
    from rapidfuzz.fuzz import ratio

    best = process.extractOne(letters, _fuzzy_titles(), scorer=ratio, score_cutoff=MIN_SIMILARITY_PERCENT)
    if not best:
        return None
    return Title(type=_titles()[best[0]], line=line.strip(), strength=best[1] / 100.0 * fade)


def normalized(line: str) -> str:
    """Return the line in lower case with everything but letters replaced by one space."""
    return NOT_LETTERS.sub(" ", line.lower()).strip()


@cache
def _titles() -> Mapping[str, str]:
    """Return title, its letters only -> type."""
    return {_letters(t): key for key, entry in document_types().items() for t in entry.titles}


@cache
def _weak_titles() -> Mapping[str, str]:
    return {_letters(t): key for key, entry in document_types().items() for t in entry.weak_titles}


def _letters(title: str) -> str:
    return normalized(title).replace(" ", "")


@cache
def _fuzzy_titles() -> tuple[str, ...]:
    """Return the titles that are long enough to be recognized with misread letters."""
    return tuple(title for title in _titles() if len(title) >= MIN_FUZZY_LETTERS)


@cache
def _max_title_words() -> int:
    return max(len(normalized(t).split()) for entry in document_types().values() for t in entry.titles)
