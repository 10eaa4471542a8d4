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

NAME_ORDER_WORDS = frozenset(("last", "first", "middle", "mi", "i", "initial", "name"))
"""Keys of the words that say in which order a name is written."""

NAME_PARTS = ("family_name", "given_name", "middle_name")
"""Fields that only make up the patient's name."""

MAX_HINT_WORDS = 8
"""Words of the longest remark in parentheses that belongs to a label: "(Last Name, First Name, Middle
Initial)".
"""

BOX_NUMBER = re.compile(r"(?:\d{1,2}[a-d]?|[a-dA-J])[.)]")
"""The number of a form's box before its label: "2.", "11a.", "b."."""

BARE_BOX_NUMBER = re.compile(r"\d{1,2}[a-d]?|[a-d]")
"""The number of a form's box without a period; only at the start of a cell."""

BOX_LETTER = re.compile(r"[A-J]")
"""The letter of a form's column after its number, without periods: "24 A"."""

DATE_HINT = re.compile(r"\(?(?:MM|DD|YYYY|YY)(?:[/.\-]?(?:MM|DD|YYYY|YY))*\)?[:.,]*", re.IGNORECASE)
"""How a form asks for a date to be written: "MM/DD/YYYY"."""

MIN_TITLE_WORD_LETTERS = 3
MISREAD_DOB = re.compile(r"\W?[D1IlJOB0]?[.,][O0QD][.,]B[.,:;]*")
"""Misread forms of "D.O.B."."""

MONTH_STARTS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

SEPARATORS = (":", ";", "-", "–")
"""Marks between a label and its value that are separate words."""

CONFUSABLE = str.maketrans({"0": "o", "1": "l", "5": "s", "8": "b", "¢": "c", "!": "l", "é": "e", "q": "o"})


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


@lru_cache(maxsize=20_000)
def label_key(text: str) -> str:
    """Return what is compared of a label: its letters, digits and number signs, in lower case.

    The key of several words is the concatenation of the keys of each.
    """
    return re.sub(r"[^a-z0-9#]", "", text.lower().replace("¢", "c").replace("number", "no"))


@lru_cache(maxsize=20_000)
def fold_confusable(key: str) -> str:
    """Return the key with characters that OCR confuses replaced by one of them."""
    return key.translate(CONFUSABLE).replace("rn", "m")


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


@lru_cache(maxsize=20_000)
def label_words(text: str) -> str:
    """Return the text as the patterns of labels have it: letters, digits, "#" and "/", in lower case."""
    return re.sub(r"[^a-z0-9#/ ]", "", text.lower().replace("'s ", "s ").replace("’s ", "s "))


@cache
def word_list(name: str) -> frozenset[str]:
    """Return a list of config/fields_words.toml."""
    table = tomllib.loads((CONFIG / "fields_words.toml").read_text(encoding="utf-8"))
    return frozenset(str(table[name]).split())


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
    begins_cell = first in starts or _is_numbered(words, starts, first)
    for end in range(min(first + MAX_LABEL_WORDS, len(words)), first, -1):
        span = words[first:end]
        if any(index in starts for index in range(first + 1, end)):
            continue  # a label does not extend over the edge of a cell
        if any(word.text.endswith((":", ";")) for word in span[:-1]):
            continue
        if any(_begins_date(word.text) for word in span[1:]):
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
        hint_end = _hint_end(words, starts, end)
        is_explained = words[hint_end - 1].text.endswith(")") and match.strength > MIN_STRONG_STRENGTH
        if is_explained or _is_label_here(
            words, first, end, begins_cell=begins_cell, colon=colon, strength=match.strength
        ):
            end = hint_end
            colon = colon or _ends_with_colon(words, end)
            if match.field == "patient_name" and not colon and _continues_title(words, starts, end):
                continue
            if match.key == "date" and not colon and _continues_label(words, starts, end):
                continue
            while _is_numbered(words, starts, first):
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


def _continues_title(words: tuple[Word, ...], starts: frozenset[int], end: int) -> bool:
    """Return whether the word after a label for a name shows that it is a title: "PATIENT REGISTRATION"."""
    return (
        end < len(words)
        and end not in starts
        and len(words[end].text) > MIN_TITLE_WORD_LETTERS
        and re.sub(r"\W", "", words[end].text.lower()) in word_list("not_names") - word_list("surnames")
    )


def _continues_label(words: tuple[Word, ...], starts: frozenset[int], end: int) -> bool:
    """Return whether the word after "Date" makes it another date: "Date Hired"."""
    return (
        end < len(words)
        and end not in starts
        and words[end].text.isalpha()
        and words[end].text[:3].lower() not in MONTH_STARTS
    )


def _begins_date(text: str) -> bool:
    """Return whether the word is a month in letters: "DOB Sep 9, 1955" is not a misread "DOB/Sex"."""
    return len(text.rstrip(".,")) == 3 and text[:3].lower() in MONTH_STARTS


def _is_numbered(words: tuple[Word, ...], starts: frozenset[int], first: int) -> bool:
    """Return whether the number of a form's box is before the word."""
    if first == 0:
        return False
    before = words[first - 1].text
    if first - 1 in starts:
        is_mark = not any(c.isalnum() for c in before)  # a misread number
        return is_mark or any(form.fullmatch(before) for form in (BARE_BOX_NUMBER, BOX_NUMBER))
    if first - 2 in starts and words[first - 2].text.isdigit() and BOX_LETTER.fullmatch(before):
        return True
    if first in starts or BOX_NUMBER.fullmatch(before) is None:
        return False
    return before[0].isdigit() or words[first - 2].text[:1].isdigit()  # "24. A."; not an initial


def _hint_end(words: tuple[Word, ...], starts: frozenset[int], end: int) -> int:
    """Return the end of a label with the remarks after it: "(Last, First)", "MM DD YY"."""
    while end < len(words) and end not in starts:
        next_end = end + 1 if _is_hint(words[end].text) else _remark_end(words, starts, end)
        if next_end == end:
            break
        end = next_end
    return end


def _remark_end(words: tuple[Word, ...], starts: frozenset[int], first: int) -> int:
    """Return the end of the remark in parentheses that begins with a word; `first` if there is none."""
    if not words[first].text.startswith("(") or any(c.isdigit() for c in words[first].text):
        return first
    for last in range(first, min(first + MAX_HINT_WORDS, len(words))):
        if (last > first and last in starts) or re.search(r"\d\d", words[last].text):
            break
        if ")" in words[last].text:
            return last + 1
        if label_key(words[last].text) not in NAME_ORDER_WORDS:
            continue
        if last + 1 == len(words) or last + 1 in starts:
            return last + 1  # the remark was cut off at the edge of its box
    return first


def _is_hint(text: str) -> bool:
    """Return whether a word after a label says how to write a date, or repeats the label in another
    language.
    """
    parts = [part for part in re.split(r"\W+", text.lower()) if part]
    return DATE_HINT.fullmatch(text) is not None or (
        all(part in word_list("translations") for part in parts) and not any(c.isdigit() for c in text)
    )


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
    if words[end - 1].text.endswith(",") and (is_surname or strength < FOLDED_STRENGTH):
        return False  # "Test, Anna", "Wright, Anna"
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
