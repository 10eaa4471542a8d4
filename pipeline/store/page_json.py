"""Pages and reasons as JSON, for the columns that store them. Boxes are lists of four; a thumbnail is base64.

Characters that Postgres cannot store in text (NUL, lone surrogates) are dropped here, so that an unusual page
can always be stored."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from sys import intern
from typing import TypedDict, cast

from pipeline.records import Barcode, Box, OcrPage, Reason, UnreadKind, UnreadText, Word

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
SHARED_PIXELS = tuple(range(6000))
"""One object for each number of nearly every box: JSON decoding creates a new one each time."""
SHARED_CONFIDENCES = tuple(n / 1000 for n in range(1001))
"""The same for confidences, as words_json rounds them."""
PAGE_JSON_VERSION = 3
"""Raised when the shape of PageJson changes: a page stored in another version is read again."""


class WordJson(TypedDict):
    """A word of the column page.words."""

    text: str
    box: Iterable[int]
    confidence: float


class BarcodeJson(TypedDict):
    """A barcode of the column page.codes."""

    format: str
    text: str
    box: Iterable[int]


class UnreadTextJson(TypedDict):
    """Text that OCR missed, in the column page.unread and in the OCR cache."""

    kind: UnreadKind
    box: Iterable[int]
    letters: int


class ReasonJson(TypedDict):
    """A reason, wherever one is stored."""

    code: str
    detail: str
    weight: float | None


class PageJson(TypedDict):
    """A page of the OCR cache, complete."""

    version: int
    number: int
    image: str | None
    width: int
    height: int
    dpi: float | None
    rotation: int
    skew: float
    blank: bool
    content_kind: str
    confidence: float
    text: str
    words: list[WordJson]
    barcodes: list[BarcodeJson]
    unread: list[UnreadTextJson]
    thumbnail: str
    pdf: str | None
    preview: str | None
    problem: str | None


def storable(text: str) -> str:
    """Return the text without the characters that Postgres rejects."""
    return UNSTORABLE.sub("", text)


def words_json(words: Iterable[Word]) -> list[WordJson]:
    """Return words for their column."""
    return [{"text": storable(w.text), "box": w.box, "confidence": round(w.confidence, 3)} for w in words]


def words_from(entries: Iterable[WordJson]) -> tuple[Word, ...]:
    """Return the words that words_json wrote.

    Equal values share one object, because a chart of thousands of pages is in memory at once.
    """
    return tuple(
        Word(
            text=intern(e["text"]),
            box=box_from(e["box"]),
            confidence=SHARED_CONFIDENCES[round(e["confidence"] * 1000)],
        )
        for e in entries
    )


def barcodes_json(barcodes: Iterable[Barcode]) -> list[BarcodeJson]:
    """Return barcodes for their column."""
    return [{"format": b.format, "text": storable(b.text), "box": b.box} for b in barcodes]


def barcodes_from(entries: Iterable[BarcodeJson]) -> tuple[Barcode, ...]:
    """Return the barcodes that barcodes_json wrote."""
    return tuple(Barcode(format=e["format"], text=e["text"], box=box_from(e["box"])) for e in entries)


def box_from(numbers: Iterable[int]) -> Box:
    """Return a box from its four numbers, in pixels."""
    return cast("Box", tuple(SHARED_PIXELS[n] if 0 <= n < len(SHARED_PIXELS) else n for n in numbers))


def unread_json(unread: Iterable[UnreadText]) -> list[UnreadTextJson]:
    """Return the text that OCR missed for its column."""
    return [{"kind": text.kind, "box": text.box, "letters": text.letters} for text in unread]


def reasons_json(reasons: Iterable[Reason]) -> list[ReasonJson]:
    """Return reasons for their column."""
    return [{"code": r.code, "detail": storable(r.detail), "weight": r.weight} for r in reasons]


def page_json(page: OcrPage) -> PageJson:
    """Return a page for the OCR cache. Its notes are left out: they belong to the scan that it came with."""
    return {
        "version": PAGE_JSON_VERSION,
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
        "unread": unread_json(page.unread),
        "thumbnail": b64encode(page.thumbnail).decode(),
        "pdf": page.pdf,
        "preview": page.preview,
        "problem": None if page.problem is None else storable(page.problem),
    }


def page_from(entry: PageJson) -> OcrPage | None:
    """Return the page that page_json wrote; None if it was stored in another version of the shape."""
    if entry.get("version") != PAGE_JSON_VERSION:
        return None
    return OcrPage(
        number=entry["number"],
        image=entry["image"],
        width=entry["width"],
        height=entry["height"],
        dpi=entry["dpi"],
        rotation=entry["rotation"],
        skew=entry["skew"],
        blank=entry["blank"],
        content_kind=entry["content_kind"],
        confidence=entry["confidence"],
        text=entry["text"],
        words=words_from(entry["words"]),
        barcodes=barcodes_from(entry["barcodes"]),
        unread=tuple(
            UnreadText(kind=e["kind"], box=box_from(e["box"]), letters=e["letters"]) for e in entry["unread"]
        ),
        thumbnail=b64decode(entry["thumbnail"]),
        pdf=entry["pdf"],
        preview=entry["preview"],
        problem=entry["problem"],
    )
