"""Numbers that name things: record, account, accession, member and group numbers, phones. As printed, reading
errors mended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.classify.fields.date_parsing import DIGITS
from pipeline.records import Word

SHAPE = re.compile(r"^(?=(?:.*\d){3})[A-Z]{0,5}[-:.]?[A-Z0-9]*\d[A-Z0-9.\-/]*$", re.IGNORECASE)
PHONE = re.compile(r"\(?\b(\d{3})\)?[\s.\-]*(\d{3})[\s.\-]+(\d{4})\b")
GROUP = (2, 3, 4)
"""Digits of a group, where a number is printed in groups."""

GROUP_GAP = 0.8
"""Heights of a word between two groups of one number; a column's gap is wider."""

TRIM = "|,;:.*#=_~()[]{}'\"“”‘’—–©®"


def number_in(words: Sequence[Word]) -> tuple[str, tuple[Word, ...]] | None:
    """The number that begins a value: (as printed, its words); a number torn at its hyphen is put together
    again.
    """
    for start, word in enumerate(words[:3]):
        text = word.text.strip(TRIM)
        if not text or text.lower() in ("no", "mrn", "id", "number"):
            continue
        if not any(c.isdigit() for c in text):
            return None
        taken = [word]
        for after in words[start + 1 : start + 4]:
            piece = after.text.strip(TRIM)
            joined = word.text.endswith("-") or after.text.startswith("-") or taken[-1].text.endswith("-")
            if joined and re.fullmatch(r"-?[A-Z]?\d*-?[A-Z]?", piece, re.IGNORECASE):
                text += after.text.rstrip(TRIM)
                taken.append(after)
            elif _in_groups(text, piece, taken[-1], after):
                text += piece
                taken.append(after)
            else:
                break
        text = mend(text)
        return (text, tuple(taken)) if SHAPE.match(text) and not _is_date(text) else None
    return None


def _in_groups(text: str, piece: str, last: Word, after: Word) -> bool:
    """Is the number printed in groups of digits, "176 3730", this piece being the next?"""
    near = after.box[0] - last.box[2] <= GROUP_GAP * (last.box[3] - last.box[1])
    return (
        near
        and text.isdigit()
        and piece.isdigit()
        and len(last.text.strip(TRIM)) in GROUP
        and len(piece) in GROUP
    )


def mend(text: str) -> str:
    """Letters among digits read as the digits they look like; letters at the front or after a last hyphen are
    kept.
    """
    match = re.match(r"^([A-Za-z]{0,5}-?)(.*?)(-[A-Za-z])?$", text)
    if not match:
        return text
    head, body, tail = match[1], match[2], match[3] or ""
    if len(head) == 1 and head.isalpha() and sum(c.isdigit() for c in body) >= 5 and head in "OoIl|":
        head, body = "", head + body
    letters = sum(c.isalpha() for c in body)
    if letters and sum(c.isdigit() for c in body) >= 2 * letters:
        body = body.translate(DIGITS)
    return head + body + tail


def _is_date(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,2}[/\-.]\d{1,2}[/\-.](\d{2}|\d{4})|\d{4}-\d\d-\d\d", text))


def phone_in(words: Sequence[Word]) -> tuple[str, tuple[Word, ...]] | None:
    """A telephone number of ten digits as 217-555-1212, and its words."""
    text = " ".join(word.text for word in words)
    match = PHONE.search(text)
    if not match:
        return None
    at, covered = 0, []
    for word in words:
        if at < match.end() and at + len(word.text) > match.start():
            covered.append(word)
        at += len(word.text) + 1
    return "-".join(match.groups()), tuple(covered)


def checks(text: str, scheme: str) -> bool:
    """Does a record number's last digit check the others? `scheme`: none (always), luhn, or mod11 (weights
    2 to 7 from the right)."""
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
