"""Extract the features of a document's text that indicate its type: words, pairs of words, headings, words
under informative headings, the beginning.

A feature is a string "block:detail". Words with digits are excluded, so that no patient's number can become a
feature. The model stores features as checksums of these strings: a changed string is an unknown feature.
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable

from pipeline.classify import section_structure, type_cues

BLOCK_WEIGHTS = {
    "w": 1.0, "h": 0.7, "s": 0.6, "f": 0.2, "k": 1.2, "m": 0.6, "c": 0.6, "e": 0.4, "o": 0.7, "x": 0.2
}  # fmt: skip
"""Block -> its weight relative to the others: words, headings, words under informative headings, first words,
kinds of procedure, how they were done, cues, word endings, the order of sections, style. Each block is a
vector whose length is its weight.
"""

FIRST_WORDS = 60
"""A document states what it is at its beginning."""

WORDS_UNDER_HEADING = 25
SECTION_WORDS = 14
"""Words under a heading that are combined with the kind of section."""

ENDING_LETTERS = 5
"""Letters of a word's ending: "-scopy" and "-ectomy" also of words that training did not have."""

MAX_CHARS = 30_000
"""Characters that are used of a text: more of them take time and do not improve the prediction."""

MAX_HEADING_WORDS = 6
CHARS_UNDER_HEADING = 250
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
INLINE_HEADING = re.compile(
    r"(?:^|(?<=[\n.;,?!)] ))[ \t]*([A-Z][A-Za-z/&\-'#(), .]{1,60}?)[ \t]*:", re.MULTILINE
)
LINE_HEADING = re.compile(r"^[ \t]*([A-Z][A-Z /&\-,'()]{3,50})[ \t]*$", re.MULTILINE)
SECTION_KINDS = {
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
"""Last or first word of a heading -> the kind of section."""


def extract_features(text: str) -> dict[str, Counter[str]]:
    """Return block -> feature -> how often it occurs in the text."""
    text = text[:MAX_CHARS]
    words = WORD.findall(text.lower())
    headings = find_headings(text)
    names = [name for name, _ in headings]
    return {
        "w": Counter([*words, *map(" ".join, itertools.pairwise(words))]),
        "h": Counter(
            [
                *names,
                *(f"{i} {name}" for i, name in enumerate(names[:3])),
                *map(">".join, itertools.pairwise(names)),
            ]
        ),
        "s": Counter(
            f"{kind} {gram}"
            for name, words_under in headings
            if (kind := section_kind(name))
            for gram in _words_and_pairs(words_under[:SECTION_WORDS])
        ),
        "f": Counter(_words_and_pairs(words[:FIRST_WORDS])),
        "k": type_cues.procedure_features(words, headings),
        "m": type_cues.manner_features(text, words, headings),
        "c": type_cues.phrase_features(text, names),
        "e": Counter(word[-ENDING_LETTERS:] for word in words if len(word) > ENDING_LETTERS + 1),
        "o": section_structure.structure_features(text, headings),
        "x": Counter(style_features(text, words, names)),
    }


def find_headings(text: str) -> list[tuple[str, list[str]]]:
    """Return the headings in order: (name in lower case, the first words under it)."""
    spans = sorted(
        {(m.start(1), m.end(1)) for pattern in (INLINE_HEADING, LINE_HEADING) for m in pattern.finditer(text)}
    )
    next_starts = [*(start for start, _ in spans[1:]), len(text)]
    headings = []
    for (start, end), next_start in zip(spans, next_starts, strict=False):
        name = " ".join(WORD.findall(text[start:end].lower())[:MAX_HEADING_WORDS])
        if name:
            text_under = text[end : max(end, min(end + CHARS_UNDER_HEADING, next_start))]
            headings.append((name, WORD.findall(text_under.lower())[:WORDS_UNDER_HEADING]))
    return headings


def section_kind(heading: str) -> str:
    """Return the kind of section under a heading; empty if the heading is not informative."""
    words = heading.split()
    return SECTION_KINDS.get(words[-1]) or SECTION_KINDS.get(words[0]) or ""


def style_features(text: str, words: list[str], headings: list[str]) -> Iterable[str]:
    """Yield coarse measures of how the text is written, in steps."""
    lines = [line for line in text.splitlines() if line.strip()]
    letters = sum(c.isalpha() for c in text) or 1
    yield f"length {_step(len(words))}"
    yield f"headings {_step(len(headings))}"
    yield f"digits {round(10 * sum(c.isdigit() for c in text) / letters)}"
    yield f"capitals {round(10 * sum(c.isupper() for c in text) / letters)}"
    yield f"line {_step(len(words) // max(1, len(lines)))}"
    yield f"colons {_step(100 * text.count(':') // max(1, len(words)))}"


def feature_hash(feature: str) -> int:
    """Return the CRC-32 of a feature, which identifies it in the model: the model stores no words."""
    return zlib.crc32(feature.encode())


def damped_counts(blocks: dict[str, Counter[str]]) -> Iterable[tuple[str, float]]:
    """Yield (feature, 1 + ln(count)) of every feature: its value before it is weighted by rarity."""
    for block, counts in blocks.items():
        for detail, count in counts.items():
            yield f"{block}:{detail}", 1.0 + math.log(count)


def _words_and_pairs(words: list[str]) -> list[str]:
    return [*words, *map(" ".join, itertools.pairwise(words))]


def _step(number: int) -> int:
    return number.bit_length()
