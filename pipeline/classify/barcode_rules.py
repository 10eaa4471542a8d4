"""Interpret the codes on a page: a separator sheet, a patient or batch cover sheet, or a form's own code.

config/separators.toml maps the text of a code to a meaning. A sheet divides the stack and is not a page of a
document. Its record number applies only to the documents up to the next sheet; that of a batch sheet applies
to none.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pipeline.records import OcrPage
from pipeline.resources import CONFIG

MAX_SHEET_WORDS = 60
"""A page with more words than this is a document that happens to have a separator's code on it."""

MAX_UNCODED_SHEET_WORDS = 30
"""A page with no more words than this may be a sheet by its text, even if its code was not read."""

SHEET_TEXT = re.compile(
    r"chart\s?loom\s?:\s?(separator|patient|batch)"
    r"|\b(document|patient|batch|page) separator\b|\bseparator (sheet|page)\b"
    r"|\bnew document follows\b|\bpatch[ -]?t\b",
    re.IGNORECASE,
)

SheetKind = Literal["separator", "patient", "batch", "form"]
PRECEDENCE: tuple[SheetKind, ...] = ("patient", "batch", "separator")
"""Which code counts, if a sheet has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetMeaning:
    """The meaning of a page's code.

    The kind `form`: the page itself is the first page of a document, of the type `type` or of the patient
    `mrn`. `expected`: how many documents follow, as a batch sheet states.
    """

    kind: SheetKind
    mrn: str | None = None
    type: str | None = None
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeRule:
    """The form of a code and its meaning. `pattern` must match the complete text; its groups `mrn` and
    `count` are the values.
    """

    format: str | None
    pattern: re.Pattern[str]
    kind: SheetKind
    type: str | None


@cache
def load_rules() -> tuple[BarcodeRule, ...]:
    """Return the rules of config/separators.toml, in order: the first that matches counts."""
    table = tomllib.loads((CONFIG / "separators.toml").read_text(encoding="utf-8"))
    return tuple(
        BarcodeRule(
            format=entry.get("format"),
            pattern=re.compile(entry["pattern"]),
            kind=entry["kind"],
            type=entry.get("type"),
        )
        for entry in table["rule"]
    )


def sheet_meaning(page: OcrPage) -> SheetMeaning | None:
    """Return the meaning of a page's codes; None if they have none. A page with much text is never a
    sheet.
    """
    meanings = [
        meaning for code in page.barcodes if (meaning := _interpret_code(code.format, code.text.strip()))
    ]
    sheets = [meaning for meaning in meanings if meaning.kind != "form"]
    words = sum(any(c.isalnum() for c in word.text) for word in page.words)
    if sheets and words <= MAX_SHEET_WORDS:
        return min(sheets, key=lambda meaning: PRECEDENCE.index(meaning.kind))
    if words <= MAX_UNCODED_SHEET_WORDS and not page.problem:
        meaning = _interpret_text(page.text)
        if meaning:
            return meaning
    return next((meaning for meaning in meanings if meaning.kind == "form"), None)


def _interpret_text(text: str) -> SheetMeaning | None:
    """Return the meaning of a sheet whose code was not read. The text never identifies the patient: after a
    misread number, a complete document would be assigned to the wrong patient.
    """
    match = SHEET_TEXT.search(text)
    if not match:
        return None
    is_batch = (match[1] or "").lower() == "batch"
    return SheetMeaning(kind="batch" if is_batch else "separator")


def _interpret_code(format: str, text: str) -> SheetMeaning | None:
    """Return the meaning of a code by the first rule that matches."""
    for rule in load_rules():
        match = rule.pattern.fullmatch(text) if rule.format in (None, format) else None
        if match:
            groups = match.groupdict()
            count = groups.get("count")
            return SheetMeaning(
                kind=rule.kind, mrn=groups.get("mrn"), type=rule.type, expected=int(count) if count else None
            )
    return None
