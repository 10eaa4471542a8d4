"""Record, account, accession, member and group numbers and telephone numbers: found as printed, with OCR
errors corrected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.classify.fields.date_parsing import LETTER_TO_DIGIT, words_in_span
from pipeline.records import Word

IDENTIFIER = re.compile(r"^(?=(?:.*\d){3})[A-Z]{0,5}[-:.]?[A-Z0-9]*\d[A-Z0-9.\-/]*$", re.IGNORECASE)
HYPHENATED_PART = re.compile(r"-?[A-Z]?\d*-?[A-Z]?", re.IGNORECASE)
"""What may follow or precede the hyphen at which a number was torn into two words."""

DATE = re.compile(r"\d{1,2}[/\-.]\d{1,2}[/\-.](\d{2}|\d{4})|\d{4}-\d\d-\d\d")
LETTER_PREFIX, LONG_NUMBER = re.compile(r"[A-Z]{1,3}"), re.compile(r"\d{6}")
"""Letters before a member's number, and the number, if a space is between them."""

PHONE = re.compile(r"\(?\b(\d{3})\)?[\s.\-]*(\d{3})[\s.\-]+(\d{4})\b")
GROUP_DIGITS = (2, 3, 4)
"""Digits of one group, if a number is printed in groups."""

MAX_GROUP_GAP_HEIGHTS = 1.2
"""Widest gap between two groups of one number, in word heights; the gap between columns is wider."""

MAX_LEADING_LABEL_WORDS = 3
"""A number may start only among this many words: the words before it are leftovers of a label."""

MAX_MORE_WORDS = 3
"""Words that may continue a number."""

LABEL_WORDS = ("no", "mrn", "id", "number")
TRIMMED_CHARS = "|,;:.*#=_~()[]{}'\"“”‘’—–©®"


def find_identifier(words: Sequence[Word]) -> tuple[str, tuple[Word, ...]] | None:
    """Return the number at the start of a value, as printed, and its words; None if there is no number.

    A number that was torn at its hyphen, or is printed in groups of digits, is joined again.
    """
    for start, word in enumerate(words[:MAX_LEADING_LABEL_WORDS]):
        text = word.text.strip(TRIMMED_CHARS)
        if not text or text.lower() in LABEL_WORDS:
            continue
        if not any(c.isdigit() for c in text):
            return None
        text, used = _join_parts(text, words[start : start + 1 + MAX_MORE_WORDS])
        text = correct_misread_digits(text)
        return (text, used) if IDENTIFIER.match(text) and not DATE.fullmatch(text) else None
    return None


def find_prefixed_identifier(words: Sequence[Word]) -> tuple[str, tuple[Word, ...]] | None:
    """Return the number at the start of a value as `find_identifier` does, also if letters stand before it:
    "XZ 9147589652".
    """
    if len(words) >= 2 and LETTER_PREFIX.fullmatch(words[0].text) and LONG_NUMBER.match(words[1].text):
        number = find_identifier(words[1:])
        if number is not None and number[1][0] is words[1]:
            return f"{words[0].text} {number[0]}", (words[0], *number[1])
    return find_identifier(words)


def _join_parts(text: str, words: Sequence[Word]) -> tuple[str, tuple[Word, ...]]:
    """Append the words after the first that belong to the same number. `text` is the first word's."""
    used = [words[0]]
    for word in words[1:]:
        part = word.text.strip(TRIMMED_CHARS)
        at_hyphen = words[0].text.endswith("-") or word.text.startswith("-") or used[-1].text.endswith("-")
        if at_hyphen and HYPHENATED_PART.fullmatch(part):
            text += word.text.rstrip(TRIMMED_CHARS)
        elif _is_next_group(text, part, used[-1], word):
            text += part
        else:
            break
        used.append(word)
    return text, tuple(used)


def _is_next_group(text: str, part: str, last: Word, word: Word) -> bool:
    """Return whether the number is printed in groups of digits ("176 3730") and this word is the next
    group.
    """
    is_close = word.box[0] - last.box[2] <= MAX_GROUP_GAP_HEIGHTS * (last.box[3] - last.box[1])
    return (
        is_close
        and text.isdigit()
        and part.isdigit()
        and len(last.text.strip(TRIMMED_CHARS)) in GROUP_DIGITS
        and len(part) in GROUP_DIGITS
    )


def correct_misread_digits(text: str) -> str:
    """Replace letters among the digits of an identifier by the digits they look like.

    Letters at the front and a letter after a last hyphen are kept.
    """
    match = re.match(r"^([A-Za-z]{0,5}-?)(.*?)(-[A-Za-z])?$", text)
    if not match:
        return text
    head, body, tail = match[1], match[2], match[3] or ""
    if len(head) == 1 and head in "OoIl" and sum(c.isdigit() for c in body) >= 5:
        head, body = "", head + body
    letters = sum(c.isalpha() for c in body)
    if letters and sum(c.isdigit() for c in body) >= 2 * letters:
        body = body.translate(LETTER_TO_DIGIT)
    return head + body + tail


def find_phone(words: Sequence[Word]) -> tuple[str, tuple[Word, ...]] | None:
    """Return the first telephone number of ten digits as 217-555-1212, and its words; None if there is
    none.
    """
    match = PHONE.search(" ".join(word.text for word in words))
    return ("-".join(match.groups()), words_in_span(words, match.start(), match.end())) if match else None


def has_valid_check_digit(text: str, scheme: str) -> bool:
    """Return whether the last digit of a record number is the correct check digit of the others.

    Args:
        text: The record number; characters other than digits are ignored.
        scheme: `none` (always valid), `luhn` (ISO/IEC 7812-1), or `mod11` (weights 2 to 7 from the right).
    """
    digits = [int(c) for c in text if c.isdigit()]
    if scheme == "none":
        return True
    if len(digits) < 2:
        return False
    body, check = digits[-2::-1], digits[-1]
    if scheme == "luhn":
        doubled = sum(sum(divmod(2 * d, 10)) if i % 2 == 0 else d for i, d in enumerate(body))
        return (doubled + check) % 10 == 0
    return (11 - sum(d * (2 + i % 6) for i, d in enumerate(body)) % 11) % 11 == check
