"""Read scans whose truth is known: NAME.json as the sample generator writes it, and NAME.jsonl, a line for
each page, as `chartloom read --json` prints what was read from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.records import OcrPage, Word

MIN_PAGE_SIZE_PX = (1700, 2200)
"""Least width and height of a page whose line has no size: letter size at 200 dpi."""

PAGE_MARGIN_PX = 100
"""Paper assumed to the right of the last word and below it."""


@dataclass(frozen=True, slots=True)
class LabeledScan:
    """A scan: its name, its truth, and its pages by number as they were read."""

    name: str
    truth: dict[str, Any]
    pages: dict[int, OcrPage]


def read_labeled_scans(folder: Path, readings: Path) -> Iterator[LabeledScan]:
    """Yield the scans with truth in `folder` that have a file in `readings`, ordered by name."""
    for truth in sorted(folder.glob("*.json")):
        reading = readings / f"{truth.stem}.jsonl"
        if reading.exists():
            pages = map(page_from_json, reading.read_text(encoding="utf-8").splitlines())
            yield LabeledScan(
                truth.stem,
                json.loads(truth.read_text(encoding="utf-8")),
                {page.number: page for page in pages},
            )


def page_from_json(line: str) -> OcrPage:
    """Return the page of one line of `chartloom read --json`."""
    entry = json.loads(line)
    words = tuple(
        Word(text=w["text"], box=tuple(w["box"]), confidence=w["confidence"]) for w in entry["words"]
    )
    right, bottom = (max((word.box[edge] for word in words), default=0) for edge in (2, 3))
    return OcrPage(
        number=entry["page"],
        image="",
        width=entry.get("width") or max(right + PAGE_MARGIN_PX, MIN_PAGE_SIZE_PX[0]),
        height=entry.get("height") or max(bottom + PAGE_MARGIN_PX, MIN_PAGE_SIZE_PX[1]),
        blank=entry["blank"],
        text=entry["text"],
        words=words,
        confidence=entry["confidence"],
    )
