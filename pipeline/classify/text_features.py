"""What a document's text shows of its type: words, pairs of words, headings, words under telling headings,
how it starts.

A feature is a string "block:detail". Words with digits take no part, so that no number of a patient can
become a feature."""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable

from pipeline.classify import type_cues

BLOCKS = {"w": 1.0, "h": 0.7, "s": 0.6, "f": 0.2, "k": 1.2, "m": 0.6, "c": 0.6, "e": 0.4, "x": 0.2}
"""Block -> its weight beside the others: words, headings, words under telling headings, first words, kinds of
procedure, how they were done, cues, word endings, style. Each block is a vector of the length of its
weight."""
FIRST_WORDS = 60  # a document says what it is at its start
UNDER_HEADING = 25  # words that are looked at under a heading
SECTION_WORDS = 14  # of them that are read with the kind of section they stand in
ENDING = 5  # letters of a word's end: "-scopy" and "-ectomy" also of words never seen
LONGEST = 30_000  # characters that are looked at: more of the same adds cost, not knowledge
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
INLINE_HEADING = re.compile(
    r"(?:^|(?<=[\n.;,?!)] ))[ \t]*([A-Z][A-Za-z/&\-'#(), .]{1,60}?)[ \t]*:", re.MULTILINE
)
LINE_HEADING = re.compile(r"^[ \t]*([A-Z][A-Z /&\-,'()]{3,50})[ \t]*$", re.MULTILINE)
TELLING = {
    "procedure": "procedure",
    "procedures": "procedure",
    "operation": "procedure",
    "operations": "procedure",
    "surgery": "procedure",
    "title": "procedure",
    "exam": "exam",
    "examination": "exam",
    "study": "exam",
    "test": "exam",
    "reason": "reason",
    "indication": "reason",
    "indications": "reason",
    "complaint": "reason",
    "history": "history",
    "hpi": "history",
    "subjective": "history",
    "disposition": "plan",
    "plan": "plan",
    "recommendations": "plan",
    "diagnosis": "diagnosis",
    "diagnoses": "diagnosis",
    "impression": "diagnosis",
    "assessment": "diagnosis",
}
"""Last or first word of a heading -> the kind of section that it opens."""


def extract_features(text: str) -> dict[str, Counter[str]]:
    """The features of a document by block, with how often each occurs."""
    text = text[:LONGEST]
    words = WORD.findall(text.lower())
    found = find_headings(text)
    names = [name for name, _ in found]
    return {
        "w": Counter([*words, *map(" ".join, itertools.pairwise(words))]),
        "h": Counter(
            [
                *names,
                *(f"{i} {n}" for i, n in enumerate(names[:3])),
                *map(">".join, itertools.pairwise(names)),
            ]
        ),
        "s": Counter(
            f"{kind} {w}"
            for name, after in found
            if (kind := section(name))
            for w in _grams(after[:SECTION_WORDS])
        ),
        "f": Counter(_grams(words[:FIRST_WORDS])),
        "k": type_cues.procedures(words, found),
        "m": type_cues.manner(text, words, found),
        "c": type_cues.phrases(text, names),
        "e": Counter(word[-ENDING:] for word in words if len(word) > ENDING + 1),
        "x": Counter(style(text, words, names)),
    }


def find_headings(text: str) -> list[tuple[str, list[str]]]:
    """The headings in order: (name in small letters, the first words under it)."""
    spots = sorted(
        {(m.start(1), m.end(1)) for pattern in (INLINE_HEADING, LINE_HEADING) for m in pattern.finditer(text)}
    )
    nexts = [*(start for start, _ in spots[1:]), len(text)]
    found = []
    for (start, end), following in zip(spots, nexts, strict=False):
        name = " ".join(WORD.findall(text[start:end].lower())[:6])
        if name:
            under = text[end : max(end, min(end + 250, following))]
            found.append((name, WORD.findall(under.lower())[:UNDER_HEADING]))
    return found


def section(heading: str) -> str:
    """The kind of section that a heading opens, or nothing."""
    words = heading.split()
    return TELLING.get(words[-1]) or TELLING.get(words[0]) or ""


def style(text: str, words: list[str], names: list[str]) -> Iterable[str]:
    """Coarse measures of how the text is written, in steps."""
    lines = [line for line in text.splitlines() if line.strip()]
    letters = sum(c.isalpha() for c in text) or 1
    yield f"length {_step(len(words))}"
    yield f"headings {_step(len(names))}"
    yield f"digits {round(10 * sum(c.isdigit() for c in text) / letters)}"
    yield f"capitals {round(10 * sum(c.isupper() for c in text) / letters)}"
    yield f"line {_step(len(words) // max(1, len(lines)))}"
    yield f"colons {_step(100 * text.count(':') // max(1, len(words)))}"


def slot(feature: str) -> int:
    """The number that stands for a feature in the model: the model keeps no words."""
    return zlib.crc32(feature.encode())


def weighted(blocks: dict[str, Counter[str]]) -> Iterable[tuple[str, float]]:
    """Every feature with the damped count that it enters the model with, before weighting by rarity."""
    for block, counts in blocks.items():
        for detail, count in counts.items():
            yield f"{block}:{detail}", 1.0 + math.log(count)


def _grams(words: list[str]) -> list[str]:
    return [*words, *map(" ".join, itertools.pairwise(words))]


def _step(number: int) -> int:
    return number.bit_length()
