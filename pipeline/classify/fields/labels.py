"""Finds the labels of index fields on a page, reading errors forgiven ("MR¢#", "Patent Name", "D.O.B.", "Our
Chart No.").
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from rapidfuzz.distance import DamerauLevenshtein

from pipeline.classify.page_layout import Layout
from pipeline.records import Box, Word
from pipeline.resources import CONFIG

LONGEST = 6
"""Words in the longest label that is looked for."""

FUZZY_LENGTH = 4
"""Letters below which a label must read exactly: "sex" and "sec" are one letter apart."""

ONE_OFF, TWO_OFF = 6, 8
"""From these lengths on, one misread letter is forgiven without a colon, two with it."""

STRENGTHS = ((1.0, "strong"), (0.5, "weak"), (0.2, "faint"))
"""How much a label of each list of config/fields.toml says that its value is the field's."""

SEPARATORS = (":", ";", "-", "–")
"""Marks that stand alone between a label and its value."""

CONFUSED = str.maketrans({"0": "o", "1": "l", "5": "s", "8": "b", "¢": "c", "!": "l", "é": "e", "q": "o"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label where it stands: words `first` to `last` (exclusive) of row `row`. `sure` is 1 for an exact
    strong label.
    """

    field: str
    key: str
    row: int
    first: int
    last: int
    sure: float
    colon: bool
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """Label key -> (field, strength); and the longer keys by length for the fuzzy look."""

    exact: dict[str, tuple[str, float]]
    by_length: dict[int, tuple[str, ...]]


@lru_cache(maxsize=20_000)
def key_of(text: str) -> str:
    """What is compared of a label: its letters, digits and number sign, in lower case. Words' keys join to
    their span's.
    """
    return re.sub(r"[^a-z0-9#]", "", text.lower().replace("¢", "c").replace("number", "no"))


@lru_cache(maxsize=20_000)
def folded(key: str) -> str:
    """The key with letters that are taken for one another made one."""
    return key.translate(CONFUSED).replace("rn", "m")


@cache
def lexicon() -> Lexicon:
    """The labels of config/fields.toml."""
    table = tomllib.loads((CONFIG / "fields.toml").read_text(encoding="utf-8"))
    exact: dict[str, tuple[str, float]] = {}
    for field, entry in table.items():
        for strength, name in STRENGTHS:
            for label in entry.get(name, ()):
                exact.setdefault(key_of(label), (field, strength))
    lengths: dict[int, list[str]] = {}
    for key in exact:
        if len(key) >= FUZZY_LENGTH:
            lengths.setdefault(len(key), []).append(key)
    return Lexicon(exact=exact, by_length={n: tuple(keys) for n, keys in lengths.items()})


@cache
def word_list(name: str) -> frozenset[str]:
    """A list of config/fields_words.toml."""
    table = tomllib.loads((CONFIG / "fields_words.toml").read_text(encoding="utf-8"))
    return frozenset(str(table[name]).split())


def labels_of(layout: Layout) -> dict[int, tuple[Label, ...]]:
    """The labels of each row, from left to right, none within another. Rows without labels are missing."""
    found: dict[int, tuple[Label, ...]] = {}
    for index, row in enumerate(layout.rows):
        words = tuple(word for cell in row for word in cell.words)
        starts = _cell_starts(tuple(len(cell.words) for cell in row))
        labels = tuple(_row_labels(words, starts, index))
        if labels:
            found[index] = labels
    return found


def _cell_starts(lengths: tuple[int, ...]) -> frozenset[int]:
    starts, at = set(), 0
    for length in lengths:
        starts.add(at)
        at += length
    return frozenset(starts)


def _row_labels(words: tuple[Word, ...], starts: frozenset[int], row: int) -> Iterator[Label]:
    keys = tuple(key_of(word.text) for word in words)
    at = 0
    while at < len(words):
        label = _label_at(words, keys, starts, at, row) if keys[at] else None
        if label is None:
            at += 1
        else:
            yield label
            at = label.last


def _label_at(
    words: tuple[Word, ...], keys: tuple[str, ...], starts: frozenset[int], at: int, row: int
) -> Label | None:
    """The longest label that begins with word `at`; `keys` are the words'."""
    if not any(letter.isalpha() for letter in words[at].text):
        return None
    for last in range(min(at + LONGEST, len(words)), at, -1):
        if any(index in starts for index in range(at + 1, last)):
            continue  # a label does not run over the edge of a cell
        span = words[at:last]
        if any(word.text.endswith((":", ";")) for word in span[:-1]):
            continue
        colon = span[-1].text.endswith((":", ";", ":-")) or (
            last < len(words) and words[last].text in SEPARATORS
        )
        whole = len(keys[at]) > 1  # "K Chart #": an initial is no part of a misread label
        match = _meaning("".join(keys[at:last]), colon=colon and whole, begins=at in starts and whole)
        if match and _stands_alone(words, at, last, starts, colon=colon, strength=match[2]):
            box = (span[0].box[0], min(w.box[1] for w in span), span[-1].box[2], max(w.box[3] for w in span))
            return Label(
                field=match[0],
                key=match[1],
                row=row,
                first=at,
                last=last,
                sure=match[2],
                colon=colon,
                box=box,
            )
    return None


@lru_cache(maxsize=20_000)
def _meaning(key: str, *, colon: bool, begins: bool) -> tuple[str, str, float] | None:
    """(field, label, how sure) of a label's letters."""
    book = lexicon()
    if not key:
        return None
    if key in book.exact:
        field, strength = book.exact[key]
        return field, key, strength
    if key.rstrip("#") in book.exact and len(key) > 3:
        field, strength = book.exact[key.rstrip("#")]
        return field, key, strength
    mapped = folded(key)
    if mapped in book.exact and not key.isdigit():
        field, strength = book.exact[mapped]
        return field, mapped, strength * 0.9
    if not (colon or begins) or len(key) < (FUZZY_LENGTH if colon and begins else ONE_OFF):
        return None
    allowed = 2 if colon and len(key) >= TWO_OFF else 1
    best: tuple[int, str] | None = None
    for length in range(len(key) - allowed, len(key) + allowed + 1):
        for label in book.by_length.get(length, ()):
            distance = DamerauLevenshtein.distance(mapped, folded(label), score_cutoff=allowed)
            if distance <= allowed and (best is None or distance < best[0]):
                best = (distance, label)
    if best is None:
        return None
    field, strength = book.exact[best[1]]
    return field, best[1], strength * (0.9 if best[0] == 0 else 0.8)


def _stands_alone(
    words: tuple[Word, ...], at: int, last: int, starts: frozenset[int], *, colon: bool, strength: float
) -> bool:
    """Is it a label and not the same words in a sentence?"""
    if sum(c.isalpha() for word in words[at:last] for c in word.text) == 1:
        return colon  # "D: 01/02/03", not somebody's initial
    if at in starts:
        return True
    before = words[at - 1].text
    after_value = (
        any(letter.isdigit() for letter in before)
        or before.endswith((".", ",", ":", ";", "|", ")", "/"))
        or _sex(before)
    )
    if strength > 0.5:
        return colon or _numbered(words, last) or (after_value and words[at].text[:1].isupper())
    return colon and after_value


def _numbered(words: tuple[Word, ...], last: int) -> bool:
    """Does a number follow, as after "MRN 123456" or "DOB 03/04/1950" in the middle of a line?"""
    return (
        last < len(words)
        and sum(letter.isdigit() for letter in words[last].text) >= 4
        and words[last - 1].text[:1].isupper()
    )


def _sex(text: str) -> bool:
    return text.strip(".,;").lower() in ("m", "f", "male", "female")
