"""Find the numbers of a cell that may identify a patient, in any grouping: "5539-55-43", "553 9554"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.classify.fields.date_parsing import find_dates
from pipeline.classify.fields.identifiers import PHONE, TRIMMED_CHARS, correct_misread_digits
from pipeline.classify.page_layout import Cell
from pipeline.records import Word

MIN_DIGITS = 5
"""Digits of the shortest number that is collected: shorter ones are doses, rooms and years."""

MAX_CHARACTERS = 16
MAX_PARTS = 4
"""Words of one number that is printed in groups, or was torn."""

MAX_PART_GAP_HEIGHTS = 1.0
"""Widest gap between two groups of one number, in word heights."""

PART = re.compile(r"[A-Za-z]{0,5}[-.:]?[A-Za-z]?\d[\dA-Za-z|!.\-/]*|[-–]")
"""A number or a group of one: mostly digits, with the letters that OCR confuses with them."""
JOINED_LABEL = re.compile(r"(?<=\d)[A-Z][A-Za-z.]*[A-Za-z].*$")
"""A label that was joined to the number before it: "791-0991D.O.B"."""


def numbers_in_cell(cell: Cell) -> Iterator[tuple[tuple[str, ...], tuple[Word, ...]]]:
    """Yield (readings, words) of each number: without separators, the longest grouping first."""
    words = cell.words
    start = 0
    while start < len(words):
        parts = _parts(words[start:])
        if PHONE.search(" ".join(word.text for word in words[start : start + max(len(parts), 1)])):
            start += max(len(parts), 1)
            continue
        readings = tuple(
            dict.fromkeys(
                number
                for end in range(len(parts), 0, -1)
                for text in ("".join(parts[:end]), JOINED_LABEL.sub("", "".join(parts[:end])))
                if (number := _number(text))
            )
        )
        if readings:
            yield readings, words[start : start + len(parts)]
            start += len(parts)
        else:
            start += 1


def _parts(words: Sequence[Word]) -> list[str]:
    """Return the texts of the words from the first on that may be one number."""
    parts: list[str] = []
    for position, word in enumerate(words[:MAX_PARTS]):
        text = word.text.strip(TRIMMED_CHARS)
        if not _is_part(text) or next(find_dates((word,)), None):
            break
        if position:
            before = words[position - 1]
            height = max(before.box[3] - before.box[1], 1)
            if word.box[0] - before.box[2] > MAX_PART_GAP_HEIGHTS * height:
                break
            if before.text.endswith((",", ";", ":")) or any(c.isalpha() for c in text[:1]):
                break
        parts.append(text)
    return parts


def _is_part(text: str) -> bool:
    digits = sum(c.isdigit() for c in text)
    return bool(PART.fullmatch(text)) and (digits * 2 >= sum(c.isalnum() for c in text))


def _number(text: str) -> str | None:
    """Return a number without separators, or None if it is too short or too long for one."""
    number = re.sub(r"[^A-Za-z0-9]", "", correct_misread_digits(text)).upper()
    digits = sum(c.isdigit() for c in number)
    return number if digits >= MIN_DIGITS and len(number) <= MAX_CHARACTERS else None
