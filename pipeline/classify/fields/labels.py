"""Find the labels of index fields on a page, allowing for OCR errors ("MR¢#", "Patent Name", "D.O.B.", "Our
Chart No.").
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz.distance import DamerauLevenshtein

from pipeline.classify.fields.label_keys import fold_confusable, label_key, label_words, word_list
from pipeline.classify.fields.label_surroundings import (
    DATE_HINT,
    MONTH_STARTS,
    begins_date,
    continues_label,
    continues_title,
    hint_end_of,
    is_numbered,
)
from pipeline.classify.page_layout import Layout
from pipeline.records import Box, Word
from pipeline.resources import CONFIG

MAX_LABEL_WORDS = 6
"""Words in the longest label that is looked for."""

MIN_FUZZY_LETTERS = 4
"""Shorter labels must match exactly: "sex" and "sec" differ by one letter."""

MIN_LETTERS_WITHOUT_COLON = 6
"""From this length on, one misread letter is accepted even without a colon."""

MIN_LETTERS_TWO_ERRORS = 8
"""From this length on, two misread letters are accepted before a colon."""

STRENGTH_BY_LIST = ((1.0, "strong"), (0.5, "weak"), (0.2, "faint"))
"""How strongly a label of each list of config/fields.toml indicates that its value is the field's."""

FOLDED_STRENGTH = 0.9
"""Factor on the strength of a label that matches after confusable characters are folded."""

MISREAD_STRENGTH = 0.8
"""Factor on the strength of a label with misread letters."""

MIN_STRONG_STRENGTH = 0.5
"""A label of more than this strength may be inside a line of text without both a colon and a value before it.
"""

MIN_NUMBER_DIGITS = 4
"""Digits of a value that makes the words before it a label in the middle of a line."""


NAME_PARTS = ("family_name", "given_name", "middle_name")
"""Fields that only make up the patient's name."""


MISREAD_DOB = re.compile(r"\W?[D1IlJOB0]?[.,][O0QD][.,]B[.,:;]*")
"""Misread forms of "D.O.B."."""


SEPARATORS = (":", ";", "-", "–")
"""Marks between a label and its value that are separate words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label on a page: words `first` to `end` (exclusive) of row `row`. `strength` is 1 for an exact strong
    label.
    """

    field: str
    key: str
    row: int
    first: int
    end: int
    strength: float
    colon: bool
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The labels that are looked for. `exact`: label key -> (field, strength); `by_length`: the keys that may
    be matched approximately, by their length; `patterns`: (field, the labels of that form), strong ones.
    """

    exact: dict[str, tuple[str, float]]
    by_length: dict[int, tuple[str, ...]]
    patterns: tuple[tuple[str, re.Pattern[str]], ...]


class _LabelMatch(NamedTuple):
    field: str
    key: str
    strength: float


@cache
def lexicon() -> Lexicon:
    """Return the labels of config/fields.toml."""
    table = tomllib.loads((CONFIG / "fields.toml").read_text(encoding="utf-8"))
    exact: dict[str, tuple[str, float]] = {}
    for field, entry in table.items():
        for strength, name in STRENGTH_BY_LIST:
            for label in entry.get(name, ()):
                exact.setdefault(label_key(label), (field, strength))
    lengths: dict[int, list[str]] = {}
    for key in exact:
        if len(key) >= MIN_FUZZY_LETTERS:
            lengths.setdefault(len(key), []).append(key)
    people = {name: f"(?:{'|'.join(table['people'][name])})" for name in table["people"]}
    return Lexicon(
        exact=exact,
        by_length={n: tuple(keys) for n, keys in lengths.items()},
        patterns=tuple(
            (field, re.compile(pattern.format(**people)))
            for field, entry in table.items()
            for pattern in entry.get("patterns", ())
        ),
    )


def find_labels(layout: Layout) -> dict[int, tuple[Label, ...]]:
    """Return row -> its labels from left to right, without overlaps. Rows without labels are missing."""
    labels_by_row: dict[int, tuple[Label, ...]] = {}
    for index, row in enumerate(layout.rows):
        words = tuple(word for cell in row for word in cell.words)
        starts = _cell_starts(tuple(len(cell.words) for cell in row))
        labels = tuple(_row_labels(words, starts, index))
        if labels:
            labels_by_row[index] = labels
    for label in list(_wrapped_labels(layout)):
        others = [o for o in labels_by_row.get(label.row, ()) if o.first >= label.end or o.end <= label.first]
        labels_by_row[label.row] = tuple(sorted((*others, label), key=lambda each: each.first))
    return dict(sorted(labels_by_row.items()))


def _wrapped_labels(layout: Layout) -> Iterator[Label]:
    """Yield labels for dates that go on in the next row of their cell: "Date of" above "Service:"."""
    for index, (row, next_row) in enumerate(pairwise(layout.rows)):
        first = 0
        for cell in row:
            first, end = first + len(cell.words), first + len(cell.words)
            if len(cell.words) < 2 or cell.text.lower().split()[-2:] != ["date", "of"]:
                continue
            start = cell.words[-2].box[0]
            below = next((c for c in next_row if abs(c.box[0] - start) <= layout.line_height), None)
            if below is None:
                continue
            match = _match_label("dateof" + label_key(below.words[0].text), colon=False, begins_cell=False)
            if match is None:
                continue
            yield Label(
                field=match.field,
                key=match.key,
                row=index,
                first=end - 2,
                end=end,
                strength=match.strength * FOLDED_STRENGTH,
                colon=True,
                box=(start, cell.words[-2].box[1], cell.words[-1].box[2], cell.words[-1].box[3]),
            )


def _cell_starts(lengths: tuple[int, ...]) -> frozenset[int]:
    starts, position = set(), 0
    for length in lengths:
        starts.add(position)
        position += length
    return frozenset(starts)


def _row_labels(words: tuple[Word, ...], starts: frozenset[int], row: int) -> Iterator[Label]:
    keys = tuple(label_key(word.text) for word in words)
    first = last_end = 0
    while first < len(words):
        label = _label_at(words, keys, starts | {last_end}, first, row) if keys[first] else None
        if label is None:
            first += 1
        else:
            yield label
            first = label.end
            last_end = label.end if label.strength == 1.0 and not label.colon else 0


def _label_at(
    words: tuple[Word, ...], keys: tuple[str, ...], starts: frozenset[int], first: int, row: int
) -> Label | None:
    """Return the longest label that begins with word `first`. `keys` are the label keys of the words."""
    if not any(c.isalpha() for c in words[first].text):
        return None
    if DATE_HINT.fullmatch(words[first].text) and not _ends_with_colon(words, first + 1):
        return None
    if MISREAD_DOB.fullmatch(words[first].text) and label_key(words[first].text) not in lexicon().exact:
        words = (*words[:first], replace(words[first], text="D.O.B."), *words[first + 1 :])
        keys = (*keys[:first], "dob", *keys[first + 1 :])
    is_whole_word = len(keys[first]) > 1  # "K Chart #": an initial is not part of a misread label
    begins_cell = first in starts or is_numbered(words, starts, first)
    for end in range(min(first + MAX_LABEL_WORDS, len(words)), first, -1):
        span = words[first:end]
        if any(index in starts for index in range(first + 1, end)):
            continue  # a label does not extend over the edge of a cell
        if any(word.text.endswith((":", ";")) for word in span[:-1]):
            continue
        if any(begins_date(word.text) for word in span[1:]):
            continue
        colon = _ends_with_colon(words, end)
        match = _match_label(
            "".join(keys[first:end]),
            colon=colon and is_whole_word,
            begins_cell=begins_cell and is_whole_word,
        ) or _match_pattern(label_words(" ".join(word.text for word in span)))
        if not match:
            continue
        if match.field in NAME_PARTS and words[first].text.startswith("("):
            continue  # "(First, Middle, Last)" says how to write a name
        hint_end = hint_end_of(words, starts, end)
        is_explained = words[hint_end - 1].text.endswith(")") and match.strength > MIN_STRONG_STRENGTH
        if is_explained or _is_label_here(
            words, first, end, begins_cell=begins_cell, colon=colon, strength=match.strength
        ):
            end = hint_end
            colon = colon or _ends_with_colon(words, end)
            if match.field == "patient_name" and not colon and continues_title(words, starts, end):
                continue
            if match.key == "date" and not colon and continues_label(words, starts, end):
                continue
            while is_numbered(words, starts, first):
                first -= 1
            span = words[first:end]
            return Label(
                field=match.field,
                key=match.key,
                row=row,
                first=first,
                end=end,
                strength=match.strength,
                colon=colon,
                box=(
                    span[0].box[0],
                    min(w.box[1] for w in span),
                    span[-1].box[2],
                    max(w.box[3] for w in span),
                ),
            )
    return None


def _ends_with_colon(words: tuple[Word, ...], end: int) -> bool:
    """Return whether a colon, or a mark like it, ends or follows the word before `end`."""
    return words[end - 1].text.endswith((":", ";", ":-")) or (
        end < len(words) and words[end].text in SEPARATORS
    )


@lru_cache(maxsize=20_000)
def _match_label(key: str, *, colon: bool, begins_cell: bool) -> _LabelMatch | None:
    """Look a label key up: exactly, then with confusable characters folded, then with misread letters."""
    if not key:
        return None
    exact = lexicon().exact
    for spelling in (key, key.rstrip("#") if len(key) > 3 else key):
        if spelling in exact:
            return _LabelMatch(exact[spelling][0], key, exact[spelling][1])
    folded = fold_confusable(key)
    if folded in exact and not key.isdigit():
        return _LabelMatch(exact[folded][0], folded, exact[folded][1] * FOLDED_STRENGTH)
    min_letters = MIN_FUZZY_LETTERS if colon and begins_cell else MIN_LETTERS_WITHOUT_COLON
    if not (colon or begins_cell) or len(key.rstrip("#")) < min_letters:
        return None
    return _match_misread_label(folded, 2 if colon and len(key) >= MIN_LETTERS_TWO_ERRORS else 1, len(key))


@lru_cache(maxsize=20_000)
def _match_pattern(text: str) -> _LabelMatch | None:
    """Look a label up among the patterns."""
    for field, pattern in lexicon().patterns:
        if pattern.fullmatch(text):
            return _LabelMatch(field, label_key(text), 1.0)
    return None


def _match_misread_label(folded: str, max_errors: int, key_length: int) -> _LabelMatch | None:
    """Return the label with the fewest misread letters, at most `max_errors`; of equals the shorter."""
    book = lexicon()
    best: tuple[int, str] | None = None
    for length in range(key_length - max_errors, key_length + max_errors + 1):
        for label in book.by_length.get(length, ()):
            if label.endswith("#") and not folded.endswith("#"):
                continue  # "Orders" is not "Order #"
            distance = DamerauLevenshtein.distance(folded, fold_confusable(label), score_cutoff=max_errors)
            if distance <= max_errors and (best is None or distance < best[0]):
                best = (distance, label)
    if best is None:
        return None
    errors, label = best
    field, strength = book.exact[label]
    return _LabelMatch(field, label, strength * (FOLDED_STRENGTH if errors == 0 else MISREAD_STRENGTH))


def _is_label_here(
    words: tuple[Word, ...], first: int, end: int, *, begins_cell: bool, colon: bool, strength: float
) -> bool:
    """Return whether the words are a label and not the same words in a sentence."""
    if sum(c.isalpha() for word in words[first:end] for c in word.text) == 1:
        return colon  # "D: 01/02/03", not a person's initial
    is_surname = label_key(words[end - 1].text) in word_list("surnames")
    if words[end - 1].text.endswith(",") and is_surname:
        return False  # "Test, Anna"
    if strength < FOLDED_STRENGTH and any(word.text.endswith(",") for word in words[first:end]):
        return False  # "Wright, Anna", "Read, Bo"
    if begins_cell:
        return True
    before = words[first - 1].text
    follows_value = (
        any(c.isdigit() for c in before)
        or before.endswith((".", ",", ":", ";", "|", ")", "/"))
        or _is_sex(before)
    )
    if strength > MIN_STRONG_STRENGTH:
        return colon or _number_follows(words, end) or (follows_value and words[first].text[:1].isupper())
    return colon and follows_value


def _number_follows(words: tuple[Word, ...], end: int) -> bool:
    """Return whether a number or a date follows, as after "MRN 123456", "DOB 03/04/1950" or "DOB Feb 4,
    1950" in the middle of a line.
    """
    if end >= len(words) or not words[end - 1].text[:1].isupper():
        return False
    if sum(c.isdigit() for c in words[end].text) >= MIN_NUMBER_DIGITS:
        return True
    digits = sum(c.isdigit() for word in words[end : end + 3] for c in word.text)
    return (
        words[end].text[:3].lower() in MONTH_STARTS or words[end].text[:1].isdigit()
    ) and digits >= MIN_NUMBER_DIGITS


def _is_sex(text: str) -> bool:
    return text.strip(".,;").lower() in ("m", "f", "male", "female")
