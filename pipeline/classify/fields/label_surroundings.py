"""The words around a label that belong to it: the number of its box, remarks in parentheses, and how to
write a date; and the words after it that show that it is not a label.
"""

from __future__ import annotations

import re

from pipeline.classify.fields.label_keys import label_key, word_list
from pipeline.records import Word

NAME_ORDER_WORDS = frozenset(("last", "first", "middle", "mi", "i", "initial", "name"))
"""Keys of the words that say in which order a name is written."""

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

MONTH_STARTS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def continues_title(words: tuple[Word, ...], starts: frozenset[int], end: int) -> bool:
    """Return whether the word after a label for a name shows that it is a title: "PATIENT REGISTRATION"."""
    return (
        end < len(words)
        and end not in starts
        and len(words[end].text) > MIN_TITLE_WORD_LETTERS
        and re.sub(r"\W", "", words[end].text.lower()) in word_list("not_names") - word_list("surnames")
    )


def continues_label(words: tuple[Word, ...], starts: frozenset[int], end: int) -> bool:
    """Return whether the word after "Date" makes it another date: "Date Hired"."""
    return (
        end < len(words)
        and end not in starts
        and words[end].text.isalpha()
        and words[end].text[:3].lower() not in MONTH_STARTS
    )


def begins_date(text: str) -> bool:
    """Return whether the word is a month in letters: "DOB Sep 9, 1955" is not a misread "DOB/Sex"."""
    return len(text.rstrip(".,")) == 3 and text[:3].lower() in MONTH_STARTS


def is_numbered(words: tuple[Word, ...], starts: frozenset[int], first: int) -> bool:
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


def hint_end_of(words: tuple[Word, ...], starts: frozenset[int], end: int) -> int:
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
