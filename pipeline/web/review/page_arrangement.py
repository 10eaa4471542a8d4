"""Pages that a reviewer has arranged into documents, evaluated by the same stages as every scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pipeline.classify.document_consistency import find_mixed_patients
from pipeline.classify.document_fields import select_document_fields
from pipeline.classify.fields.date_order import required_doubts
from pipeline.classify.mentions import collect_mentions
from pipeline.classify.page_features import extract_page_features
from pipeline.classify.page_numbering import find_page_number_conflicts, printed_order
from pipeline.classify.types import predict_types
from pipeline.config import Settings
from pipeline.errors import InvalidInput
from pipeline.index.decision import UnfiledDocument
from pipeline.index.split_merge import NewDocument, regroup, unfiled_documents
from pipeline.matching import decide
from pipeline.ocr.output.searchable_pdf import document_pdf
from pipeline.patients.document_candidates import find_document_candidates
from pipeline.records import Document, NeedsReview, OcrPage, Reason
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store.page_json import words_from
from pipeline.store.scans import load_scan
from pipeline.store.sql import statements

SQL = statements("pipeline.web.review")
RELOAD = "Reload the page and arrange the pages again."

Number = Annotated[int, Field(ge=0, le=2**31 - 1)]  # the range of a page number or a revision
DocumentId = Annotated[int, Field(ge=1, le=2**62)]


class PageArrangement(BaseModel):
    """How a scan is to be split.

    `groups`: the pages of each document in order. `excluded`: pages that go into no document. `rotations`:
    degrees clockwise by page. `revisions`: the revision of each document that the reviewer saw."""

    groups: list[Annotated[list[Number], Field(min_length=1, max_length=5000)]] = Field(max_length=5000)
    excluded: list[Number] = Field(default_factory=list, max_length=5000)
    rotations: dict[Number, Literal[90, 180, 270]] = Field(default_factory=dict)
    revisions: dict[DocumentId, Number]

    def rotations_of(self, pages: Iterable[int]) -> dict[int, int]:
        """Return the rotations of those of the pages that are rotated."""
        return {number: self.rotations[number] for number in pages if number in self.rotations}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResult:
    """The documents that were replaced, and the documents that replace them."""

    replaced: list[int]
    created: list[int]


def apply_arrangement(
    connection: Connection,
    blobs: Blobs,
    settings: Settings,
    scan: int,
    arrangement: PageArrangement,
    actor: str,
) -> SplitResult:
    """Split the scan as arranged; unchanged documents are not touched. Joins the caller's transaction.

    Raises:
        InvalidInput: If a page would be lost or cannot be moved, or if nothing changes.
        StaleRevision, Conflict: As `regroup` does.
    """
    unfiled = unfiled_documents(connection, scan)
    grouped = {number for group in arrangement.groups for number in group}
    _check_pages_are_free(connection, scan, grouped, unfiled)
    changed = {
        document: arrangement.revisions.get(document, 0)
        for document, row in unfiled.items()
        if not is_unchanged(row, arrangement, grouped)
    }
    unchanged_groups = [row.pages for document, row in unfiled.items() if document not in changed]
    groups = [group for group in arrangement.groups if group not in unchanged_groups]
    excluded = sorted({number for document in changed for number in unfiled[document].pages} - grouped)
    if not set(excluded) <= set(arrangement.excluded):
        message = f"Page {excluded[0]} would not be in any document."
        raise InvalidInput(message, RELOAD, "page_accounting_error")
    if not changed and not groups:
        raise InvalidInput("Nothing was changed.", "Go back to the item.", "nothing_changed")
    pages_by_number = load_ocr_pages(connection, scan)
    new = []
    for numbers in (*groups, excluded):
        pages = [pages_by_number[number] for number in numbers]
        if pages:
            rotations = arrangement.rotations_of(numbers)
            new.append(
                NewDocument(
                    filing=evaluate_document(connection, pages, actor, settings),
                    pdf=build_pdf(blobs, pages, f"Scan {scan}", rotations),
                    excluded=numbers is excluded,
                    rotations=rotations,
                )
            )
    texts = {number: page.text for number, page in pages_by_number.items()}
    created = regroup(connection, load_scan(connection, scan), changed, new, texts, actor)
    return SplitResult(replaced=[*changed], created=created)


def _check_pages_are_free(
    connection: Connection, scan: int, grouped: set[int], unfiled: Mapping[int, UnfiledDocument]
) -> None:
    """Raise InvalidInput if one of the pages belongs to a filed document, or does not exist."""
    rows = connection.execute(SQL["page_thumbnails"], {"scan": scan}).fetchall()
    free = {row["number"] for row in rows if row["document_id"] is None or row["document_id"] in unfiled}
    if not grouped <= free:
        raise InvalidInput(f"Page {min(grouped - free)} cannot be moved.", RELOAD, "page_not_free")


def is_unchanged(row: UnfiledDocument, arrangement: PageArrangement, grouped: set[int]) -> bool:
    """Return whether this document stays as it is.

    A document in review stays if it keeps its pages and their rotations, an excluded one if none of its pages
    is used."""
    if row.status != "review":
        return not grouped & set(row.pages)
    rotations = {int(number): degrees for number, degrees in row.page_rotations.items()}
    return row.pages in arrangement.groups and arrangement.rotations_of(row.pages) == rotations


def load_ocr_pages(connection: Connection, scan: int) -> dict[int, OcrPage]:
    """Return the scan's recognized pages by number."""
    rows = connection.execute(SQL["recognized_pages"], {"scan": scan})
    return {row["number"]: _ocr_page(row) for row in rows}


def _ocr_page(row: Mapping[str, Any]) -> OcrPage:
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


def order_by_printed_numbers(connection: Connection, scan: int, pages: Sequence[int]) -> tuple[int, ...]:
    """Return the pages of a document in the order of the page numbers printed on them.

    Raises:
        InvalidInput: If the printed numbers state no single order.
    """
    pages_by_number = load_ocr_pages(connection, scan)
    order = printed_order([extract_page_features(pages_by_number[number]) for number in pages])
    if order is None:
        raise InvalidInput(
            "The printed page numbers state no single order.",
            "Arrange the pages by hand.",
            "no_printed_order",
        )
    return order


def evaluate_document(
    connection: Connection, pages: Sequence[OcrPage], actor: str, settings: Settings
) -> NeedsReview:
    """Return the pages as a document for review; its first reason names who arranged the pages, the others
    are those that a document of a new scan would have.
    """
    types = predict_types("\n\n".join(page.text for page in pages), pages)
    rearranged = Reason(code="manually_rearranged", detail=f"{actor} put these pages together.")
    features = [extract_page_features(page) for page in pages]
    results = select_document_fields(features, settings.classify)
    issues = (*results.issues, *find_mixed_patients(features), *find_page_number_conflicts(features))
    doubts = required_doubts(issues, types[0].type if types else "other")
    document = Document(
        pages=tuple(page.number for page in pages),
        type=types[0].type if types else "other",
        type_probability=types[0].probability if types else 0.0,
        alternatives=tuple(types[1:4]),
        fields=results.fields,
        issues=tuple({issue.code: issue for issue in (rearranged, *doubts)}.values()),
        mentions=collect_mentions([page.layout for page in features]),
    )
    possible = find_document_candidates(connection, document, settings)
    filing = decide(document, possible, settings)
    reasons = (rearranged, *(reason for reason in filing.reasons if reason.code != rearranged.code))
    return NeedsReview(
        document=document, probability=filing.probability, candidates=filing.candidates, reasons=reasons
    )


def build_pdf(blobs: Blobs, pages: Sequence[OcrPage], title: str, rotations: Mapping[int, int]) -> str:
    """Store the pages as one PDF, each rotated clockwise by its `rotations`; return the PDF's SHA-256."""
    parts = [(blobs.get(page.pdf), rotations.get(page.number, 0)) for page in pages if page.pdf]
    degrees = [rotation for _, rotation in parts]
    return blobs.put(document_pdf([pdf for pdf, _ in parts], title=title, rotations=degrees))
