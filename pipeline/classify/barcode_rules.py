"""What the codes on a page mean: a separator sheet, a patient or batch cover sheet, or a form's own code.

config/separators.toml maps a code's text to a meaning. A sheet divides the stack and is no document's page;
what it says holds for the document after it alone (and, for a batch sheet, for nothing)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pipeline.records import OcrPage
from pipeline.resources import CONFIG

SHEET_WORDS = 60
"""A separator sheet says little. A page with more words than this is a document that happens to bear the
code.
"""

SPOKEN_WORDS = 30
"""A page this short that says in words that it is a separator sheet is one, even where its code did not
survive.
"""

SPOKEN = re.compile(
    r"chart\s?loom\s?:\s?(separator|patient|batch)"
    r"|\b(document|patient|batch|page) separator\b|\bseparator (sheet|page)\b|\bnew document follows\b|\bpatch[ -]?t\b",
    re.IGNORECASE,
)

Kind = Literal["separator", "patient", "batch", "form"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetMeaning:
    """What a page's code says. `form`: the page itself is a document's first page, of `type` or of the
    patient `mrn`.
    """

    kind: Kind
    mrn: str | None = None
    type: str | None = None
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeRule:
    """A code's form and what it means; `pattern` must match the whole text, its group `mrn` or `count` is the
    value.
    """

    format: str | None
    pattern: re.Pattern[str]
    kind: Kind
    type: str | None


@cache
def load_rules() -> tuple[BarcodeRule, ...]:
    """The rules of config/separators.toml, in order: the first that matches counts."""
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
    """What a page's codes say, None where they say nothing. A page with much text is never a sheet, whatever
    it bears.
    """
    found = [meaning for code in page.barcodes if (meaning := _read(code.format, code.text.strip()))]
    sheets = [meaning for meaning in found if meaning.kind != "form"]
    words = sum(any(letter.isalnum() for letter in word.text) for word in page.words)
    if sheets and words <= SHEET_WORDS:
        return min(sheets, key=lambda meaning: ("patient", "batch", "separator").index(meaning.kind))
    if words <= SPOKEN_WORDS and not page.problem and (spoken := SPOKEN.search(page.text)):
        kind = (spoken[1] or "separator").lower()
        # words alone never say which patient: a misread number would be followed by a whole document
        return SheetMeaning(kind="batch" if kind == "batch" else "separator")
    forms = [meaning for meaning in found if meaning.kind == "form"]
    return forms[0] if forms else None


def _read(format: str, text: str) -> SheetMeaning | None:
    for rule in load_rules():
        match = rule.pattern.fullmatch(text) if rule.format in (None, format) else None
        if match:
            said = match.groupdict()
            count = said.get("count")
            return SheetMeaning(
                kind=rule.kind, mrn=said.get("mrn"), type=rule.type, expected=int(count) if count else None
            )
    return None
