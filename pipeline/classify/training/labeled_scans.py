"""Scans whose truth is known: NAME.json as the sample generator writes it, and NAME.jsonl, a page a line, as
`chartloom read --json` prints what was read of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.records import OcrPage, Word

LETTER = (1700, 2200)
"""Pixels of a page at 200 dpi: the least that is taken for a page whose line does not say how large it is."""
MARGIN = 100
"""Pixels of paper taken to be right of its last word and below."""


@dataclass(frozen=True, slots=True)
class LabeledScan:
    """A scan by its name: its truth, and its pages by their numbers as they were read."""

    name: str
    truth: dict[str, Any]
    pages: dict[int, OcrPage]


def read_labeled_scans(folder: Path, readings: Path) -> Iterator[LabeledScan]:
    """The scans of a folder that have a reading, by name."""
    for truth in sorted(folder.glob("*.json")):
        read = readings / f"{truth.stem}.jsonl"
        if read.exists():
            pages = map(page_from, read.read_text(encoding="utf-8").splitlines())
            yield LabeledScan(
                truth.stem,
                json.loads(truth.read_text(encoding="utf-8")),
                {page.number: page for page in pages},
            )


def page_from(line: str) -> OcrPage:
    """A page from a line of `chartloom read --json`."""
    told = json.loads(line)
    words = tuple(
        Word(text=w["text"], box=tuple(w["box"]), confidence=w["confidence"]) for w in told["words"]
    )
    right, bottom = (max((word.box[edge] for word in words), default=0) for edge in (2, 3))
    return OcrPage(
        number=told["page"],
        image="",
        width=told.get("width") or max(right + MARGIN, LETTER[0]),
        height=told.get("height") or max(bottom + MARGIN, LETTER[1]),
        blank=told["blank"],
        text=told["text"],
        words=words,
        confidence=told["confidence"],
    )
