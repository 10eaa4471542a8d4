"""Pages that a person puts together anew, and what the machine says of them by the stages of every scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pipeline.classify.fields import find_fields
from pipeline.classify.types import guess_types
from pipeline.config import Settings
from pipeline.errors import BadInput
from pipeline.index.split_merge import NewDocument, loose_documents, regroup
from pipeline.matching import decide, person_of
from pipeline.ocr.output.searchable_pdf import document_pdf
from pipeline.patients.candidates import candidates
from pipeline.records import Document, NeedsReview, OcrPage, Reason
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store.page_json import words_from
from pipeline.store.scans import load_scan
from pipeline.store.sql import statements

SQL = statements("pipeline.web.review")


Number = Annotated[int, Field(ge=0, le=2**31 - 1)]  # what a page or a revision can be
DocumentId = Annotated[int, Field(ge=1, le=2**62)]


class Arrangement(BaseModel):
    """What the page sends: the documents' pages in order, those left out, those turned, and the revisions
    that the person saw.
    """

    groups: list[Annotated[list[Number], Field(min_length=1, max_length=5000)]] = Field(max_length=5000)
    left_out: list[Number] = Field(default_factory=list, max_length=5000)
    turns: dict[Number, Literal[90, 180, 270]] = Field(default_factory=dict)
    seen: dict[DocumentId, Number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The documents that were replaced, and those that stand in their place."""

    replaced: list[int]
    made: list[int]


def rearrange(
    connection: Connection, blobs: Blobs, settings: Settings, scan: int, wanted: Arrangement, by: str
) -> Cut:
    """Cut the scan as wanted; documents that stay as they are are not touched. Joins the caller's
    transaction.

    Raises BadInput where a page would be lost or cannot be moved, or nothing changes; Outdated, Conflict as
    `regroup` does."""
    whole, loose = load_scan(connection, scan), loose_documents(connection, scan)
    tiles = connection.execute(SQL["tiles"], {"scan": scan}).fetchall()
    free = {tile["number"] for tile in tiles if tile["document_id"] is None or tile["document_id"] in loose}
    grouped = {number for group in wanted.groups for number in group}
    if not grouped <= free:
        raise BadInput(
            f"Page {min(grouped - free)} cannot be moved.", "Load the pages again.", "page_not_free"
        )
    changed = {
        document: wanted.seen.get(document, 0)
        for document, row in loose.items()
        if not stays(row, wanted, grouped)
    }
    groups = [
        group
        for group in wanted.groups
        if not any(group == loose[d]["pages"] for d in loose.keys() - changed.keys())
    ]
    aside = sorted({number for document in changed for number in loose[document]["pages"]} - grouped)
    if not set(aside) <= set(wanted.left_out):
        raise BadInput(
            f"Page {aside[0]} would be in no document.", "Load the pages again.", "pages_do_not_add_up"
        )
    if not changed and not groups:
        raise BadInput("Nothing was changed.", "Go back to the item.", "nothing_changed")
    read = pages_read(connection, scan)
    new = []
    for numbers in (*groups, aside):
        pages = [read[number] for number in numbers]
        if pages:
            filing, turns = judge(connection, pages, by, settings), turns_of(numbers, wanted)
            pdf = bind(blobs, pages, f"Scan {scan}", turns)
            new.append(NewDocument(filing=filing, pdf=pdf, kept=numbers is not aside, turns=turns))
    made = regroup(connection, whole, changed, new, {number: page.text for number, page in read.items()}, by)
    return Cut(replaced=[*changed], made=made)


def stays(row: dict[str, Any], wanted: Arrangement, grouped: set[int]) -> bool:
    """Is this document left as it is: in review with just these pages as they lie, or aside with all of its
    pages?
    """
    if row["status"] != "review":
        return not grouped & set(row["pages"])
    return row["pages"] in wanted.groups and turns_of(row["pages"], wanted) == {
        int(n): turn for n, turn in row["turns"].items()
    }


def turns_of(pages: Iterable[int], wanted: Arrangement) -> dict[int, int]:
    """How far those of the pages are turned that are."""
    return {number: wanted.turns[number] for number in pages if number in wanted.turns}


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
    return NeedsReview(
        document=document, probability=filing.probability, candidates=filing.candidates, reasons=reasons
    )


def bind(blobs: Blobs, pages: Sequence[OcrPage], title: str, turns: Mapping[int, int]) -> str:
    """The pages as one PDF in the store, each turned clockwise by its degrees in `turns`; its SHA-256."""
    there = [(blobs.get(page.pdf), turns.get(page.number, 0)) for page in pages if page.pdf]
    return blobs.put(document_pdf([pdf for pdf, _ in there], title=title, turns=[turn for _, turn in there]))
