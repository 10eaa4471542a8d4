"""The title that stands on a document: a line near its top that is one of the catalogue's titles, OCR errors allowed for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pipeline.config import document_types

TOP_LINES = 24  # a title stands above the text, below at most a letterhead and the patient's data
LONGEST_LINE = 110  # characters; a longer line is running text
LIKENESS = 88.0  # per cent of a title's letters that must agree
SHORTEST_FUZZY = 9  # letters; a shorter title must agree exactly, for too many words look like it
LEAST_SHARE = 0.45  # of a line's letters that the title must make up where other words stand beside it
LETTERS = re.compile(r"[^a-z]+")
LABEL = re.compile(r"^\s*(name|patient|date|dob|mrn|phone|fax|to|from|re|page|printed)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A title that was found. `strength` in (0, 1]: how like the catalogue's, alone on its line, and no mere section heading."""

    type: str
    line: str
    strength: float


def find_title(text: str) -> Title | None:
    """The best title among the first lines of a document's first page."""
    lines = [line for line in text.splitlines() if line.strip()][:TOP_LINES]
    found = [title for place, line in enumerate(lines) if (title := _title(line, place))]
    return max(found, key=lambda t: t.strength, default=None)


def _title(line: str, place: int) -> Title | None:
    if len(line) > LONGEST_LINE or LABEL.match(line):
        return None
    plain = normal(line)
    if not plain:
        return None
    joined = plain.replace(" ", "")
    best: tuple[float, str] | None = None
    for phrase, kind, weak in _phrases():
        like = _likeness(plain, joined, phrase)
        if weak:
            like = like * 0.5 if like == 1.0 and place < TOP_LINES // 2 else 0.0
        score = like * (1.0 - 0.1 * place / TOP_LINES)
        if like and (best is None or score > best[0]):
            best = (score, kind)
    return Title(type=best[1], line=line.strip(), strength=min(1.0, best[0])) if best else None


def _likeness(plain: str, joined: str, phrase: str) -> float:
    """How well a line is that title: 1 where it is nothing else, less for words beside it or letters misread, else 0."""
    if plain == phrase or joined == phrase.replace(" ", ""):
        return 1.0
    if len(phrase) >= SHORTEST_FUZZY and abs(len(joined) - len(phrase.replace(" ", ""))) <= 3:
        from rapidfuzz.fuzz import ratio

        like = ratio(joined, phrase.replace(" ", ""), score_cutoff=LIKENESS)
        if like:
            return like / 100.0
    if len(phrase) >= SHORTEST_FUZZY and f" {phrase} " in f" {plain} ":
        share = len(phrase) / len(plain)
        return 0.5 + 0.45 * share if share >= LEAST_SHARE else 0.0
    return 0.0


def normal(line: str) -> str:
    """The line in small letters, everything else one space."""
    return LETTERS.sub(" ", line.lower()).strip()


@cache
def _phrases() -> tuple[tuple[str, str, bool], ...]:
    """(title, type, weak), long ones first, so that the longer of two that fit wins."""
    known = [(normal(t), k, False) for k, d in document_types().items() for t in d.titles]
    known += [(normal(t), k, True) for k, d in document_types().items() for t in d.weak_titles]
    return tuple(sorted(known, key=lambda entry: -len(entry[0])))
