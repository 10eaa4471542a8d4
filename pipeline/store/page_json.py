"""Pages and reasons as JSON, for the columns that keep them. Boxes are lists of four; a thumbnail is base64.

What Postgres cannot hold in text (NUL, lone surrogates) is dropped here, so that a strange page never fails
to be stored."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from sys import intern
from typing import Any, cast

from pipeline.records import Barcode, Box, OcrPage, Reason, Word

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
PIXELS = tuple(
    range(6000)
)  # the numbers of nearly every box, once: as they come out of JSON each is an object of its own
CONFIDENCES = tuple(n / 1000 for n in range(1001))  # as words_json rounds them


def storable(text: str) -> str:
    """The text without the characters that Postgres refuses."""
    return UNSTORABLE.sub("", text)


def words_json(words: Iterable[Word]) -> list[dict[str, Any]]:
    """`[{"text", "box", "confidence"}]`."""
    return [{"text": storable(w.text), "box": w.box, "confidence": round(w.confidence, 3)} for w in words]


def words_from(entries: Iterable[dict[str, Any]]) -> tuple[Word, ...]:
    """The words that `words_json` wrote, sharing what is equal: a chart of thousands of pages is held in
    memory at once.
    """
    return tuple(
        Word(
            text=intern(e["text"]),
            box=box_from(e["box"]),
            confidence=CONFIDENCES[round(e["confidence"] * 1000)],
        )
        for e in entries
    )


def barcodes_json(barcodes: Iterable[Barcode]) -> list[dict[str, Any]]:
    """`[{"format", "text", "box"}]`."""
    return [{"format": b.format, "text": storable(b.text), "box": b.box} for b in barcodes]


def box_from(numbers: Iterable[int]) -> Box:
    """A box from its four numbers."""
    return cast("Box", tuple(PIXELS[n] if 0 <= n < len(PIXELS) else n for n in numbers))


def reasons_json(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """`[{"code", "detail", "weight"}]`."""
    return [{"code": r.code, "detail": storable(r.detail), "weight": r.weight} for r in reasons]


def page_json(page: OcrPage) -> dict[str, Any]:
    """A page that has been read, whole."""
    return {
        "number": page.number,
        "image": page.image,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "rotation": page.rotation,
        "skew": page.skew,
        "blank": page.blank,
        "content_kind": page.content_kind,
        "confidence": page.confidence,
        "text": storable(page.text),
        "words": words_json(page.words),
        "barcodes": barcodes_json(page.barcodes),
        "thumbnail": b64encode(page.thumbnail).decode(),
        "pdf": page.pdf,
        "preview": page.preview,
        "problem": None if page.problem is None else storable(page.problem),
    }


def page_from(entry: dict[str, Any]) -> OcrPage:
    """The page that `page_json` wrote."""
    barcodes = tuple(
        Barcode(format=b["format"], text=b["text"], box=box_from(b["box"])) for b in entry["barcodes"]
    )
    given = {
        **entry,
        "words": words_from(entry["words"]),
        "barcodes": barcodes,
        "thumbnail": b64decode(entry["thumbnail"]),
    }
    return OcrPage(**given)
