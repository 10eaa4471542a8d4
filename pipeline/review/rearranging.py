"""What the machine says of pages that a person has put together: their type, fields and patient, by the stages of every scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.classify.fields import find_fields
from pipeline.classify.types import guess_types
from pipeline.config import Settings
from pipeline.match import candidates, decide, person_of
from pipeline.ocr.pdf import document_pdf
from pipeline.records import Document, NeedsReview, OcrPage, Reason
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store.pages import words_from
from pipeline.store.sql import statements

SQL = statements("pipeline.review")


def pages_read(connection: Connection, scan: int) -> dict[int, OcrPage]:
    """The scan's pages as they were read, by number."""
    return {row["number"]: _page(row) for row in connection.execute(SQL["pages_as_read"], {"scan": scan})}


def _page(row: Mapping[str, Any]) -> OcrPage:
    words = words_from(row["words"])
    return OcrPage(
        number=row["number"],
        image=row["image"],
        width=row["width"],
        height=row["height"],
        rotation=row["rotation"],
        skew=row["skew"],
        confidence=row["confidence"],
        text=row["text"] if row["text"] is not None else " ".join(word.text for word in words),
        words=words,
        pdf=row["pdf"],
        preview=row["preview"],
        problem=row["problem"],
    )


def judge(connection: Connection, pages: Sequence[OcrPage], by: str, settings: Settings) -> NeedsReview:
    """The pages as a document before a person: who cut it so is the first of the reasons."""
    types = guess_types("\n\n".join(page.text for page in pages), pages)
    cut = Reason(code="person_rearranged", detail=f"{by} put these pages together.")
    document = Document(
        pages=tuple(page.number for page in pages),
        type=types[0].type if types else "other",
        type_probability=types[0].probability if types else 0.0,
        alternatives=tuple(types[1:4]),
        fields=find_fields(pages, settings.classify),
        doubts=(cut,),
    )
    around = candidates(connection, person_of(document), settings.match)
    filing = decide(document, around, settings)
    reasons = (cut, *(reason for reason in filing.reasons if reason.code != cut.code))
    return NeedsReview(document=document, probability=filing.probability, candidates=filing.candidates, reasons=reasons)


def bind(blobs: Blobs, pages: Sequence[OcrPage], title: str, turns: Mapping[int, int]) -> str:
    """The pages as one PDF in the store, each turned clockwise by its degrees in `turns`; its SHA-256."""
    there = [(blobs.get(page.pdf), turns.get(page.number, 0)) for page in pages if page.pdf]
    return blobs.put(document_pdf([pdf for pdf, _ in there], title=title, turns=[turn for _, turn in there]))
