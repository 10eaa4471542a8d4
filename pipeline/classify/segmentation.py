"""Sorts a scan's pages: sheets and blanks aside, the rest cut into documents, each with its type and index
fields.

Every page ends in exactly one place. A page that could not be read stays in a document, with a doubt, so that
a person sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.classify.barcode_rules import SheetMeaning, sheet_meaning
from pipeline.classify.blank_pages import is_blank
from pipeline.classify.boundary_model import start_probability
from pipeline.classify.document_consistency import disharmony, mixed_patients
from pipeline.classify.fields import choose
from pipeline.classify.page_features import PageMarks, marks_of
from pipeline.classify.segmentation_dp import best_segmentation
from pipeline.config import ClassifySettings
from pipeline.records import Document, Field, OcrPage, Reason, Segmentation, TypeGuess

SHEETS_USED = 4.0
"""Nats against a start without a sheet in a stack that has sheets: whoever laid one in, meant to lay them all
in.
"""

UNREAD = (
    ("handwritten_page", ("handwriting",), "seems to be written by hand"),
    ("non_text_page", ("photograph", "drawing"), "seems to be a photograph, a drawing or joined handwriting"),
    ("low_ocr_confidence", ("text", "form", "blank"), "was read badly"),
)
"""Why a person should look at a page: the reason's code, what the page bears, and how that is said."""

COVER_SURE = 0.99
"""Confidence of a record number that a patient cover sheet gives."""


@dataclass(frozen=True, slots=True)
class Run:
    """Content pages between two sheets; `sheet` is the one before them and the page it is."""

    pages: tuple[OcrPage, ...]
    after_blank: frozenset[int]
    sheet: tuple[OcrPage, SheetMeaning] | None


def segment_pages(pages: Sequence[OcrPage], settings: ClassifySettings, *, whole: bool = False) -> Segmentation:
    """The documents, blank pages and sheets of a scan. Every page given is in exactly one of them.

    `whole`: the scan is known to be one document; it is cut at sheets alone.
    """
    meanings = {page.number: meaning for page in pages if (meaning := sheet_meaning(page))}
    sheets = [number for number, meaning in meanings.items() if meaning.kind != "form"]
    blank = [page.number for page in pages if page.number not in meanings and is_blank(page)]
    runs = _runs(pages, meanings, set(sheets), set(blank))
    documents = [
        document
        for run in runs
        for document in _documents(run, meanings, settings, sheets_used=bool(sheets), whole=whole)
    ]
    return Segmentation(documents=tuple(documents), blank=tuple(blank), separators=tuple(sheets))


def _runs(
    pages: Sequence[OcrPage], meanings: dict[int, SheetMeaning], sheets: set[int], blank: set[int]
) -> list[Run]:
    """The stack cut at its sheets."""
    runs: list[Run] = []
    held: list[OcrPage] = []
    after_blank: set[int] = set()
    sheet: tuple[OcrPage, SheetMeaning] | None = None
    was_blank = False
    for page in pages:
        if page.number in sheets:
            runs.append(Run(tuple(held), frozenset(after_blank), sheet))
            held, after_blank, sheet = [], set(), (page, meanings[page.number])
        elif page.number in blank:
            was_blank = True
            continue
        else:
            held.append(page)
            if was_blank:
                after_blank.add(page.number)
        was_blank = False
    runs.append(Run(tuple(held), frozenset(after_blank), sheet))
    return [run for run in runs if run.pages]


def _documents(
    run: Run, meanings: dict[int, SheetMeaning], settings: ClassifySettings, *, sheets_used: bool, whole: bool
) -> Iterator[Document]:
    """A run's documents, in order."""
    marks = [marks_of(page) for page in run.pages]
    if whole:
        yield _document(marks, 1.0, run, meanings, settings)
        return
    starts = [1.0]
    for before, page in pairwise(marks):
        p = start_probability(before, page, blank_between=page.page.number in run.after_blank)
        if sheets_used:
            p = _against(p, SHEETS_USED)
        starts.append(0.999 if page.page.number in meanings else p)
    for first, last, sure in best_segmentation(starts, disharmony(marks)):
        yield _document(marks[first : last + 1], sure, run, meanings, settings)


def _against(probability: float, nats: float) -> float:
    """The probability after `nats` of evidence against."""
    from math import exp

    odds = probability / max(1 - probability, 1e-9) * exp(-nats)
    return odds / (1 + odds)


def _document(
    marks: Sequence[PageMarks],
    sure: float,
    run: Run,
    meanings: dict[int, SheetMeaning],
    settings: ClassifySettings,
) -> Document:
    pages = [mark.page for mark in marks]
    findings = choose([offer for mark in marks for offer in mark.offers], settings)
    fields = findings.fields
    doubts = [*findings.issues, *mixed_patients(marks)]
    if run.sheet and run.sheet[1].mrn:
        fields, clash = _with_cover(fields, run.sheet[0], run.sheet[1].mrn)
        doubts += clash
    form = meanings.get(pages[0].number)
    if form and form.mrn:
        fields, clash = _with_cover(fields, pages[0], form.mrn)
        doubts += clash
    types = (TypeGuess(type=form.type, probability=1.0),) if form and form.type else _types(pages)
    doubts += _doubts(pages, sure, types, settings)
    return Document(
        pages=tuple(page.number for page in pages),
        type=types[0].type,
        type_probability=types[0].probability,
        alternatives=types[1:4],
        fields=fields,
        probability=round(sure, 4),
        issues=tuple({doubt.code: doubt for doubt in reversed(doubts)}.values())[::-1],
    )


def _types(pages: Sequence[OcrPage]) -> tuple[TypeGuess, ...]:
    from pipeline.classify.types import predict_types

    return tuple(predict_types("\n\n".join(page.text for page in pages), pages))


def _with_cover(
    fields: tuple[Field, ...], sheet: OcrPage, mrn: str
) -> tuple[tuple[Field, ...], list[Reason]]:
    """The record number of the cover sheet in place of the document's own; a doubt where the two differ."""
    own = next((field for field in fields if field.name == "mrn"), None)
    box = next((code.box for code in sheet.barcodes if mrn in code.text), (0, 0, 0, 0))
    cover = Field(name="mrn", value=mrn, page=sheet.number, box=box, confidence=COVER_SURE)
    if own and _letters(own.value) == _letters(mrn):
        return tuple(
            replace(field, confidence=max(field.confidence, COVER_SURE)) if field is own else field
            for field in fields
        ), []
    kept = (*(field for field in fields if field is not own), cover)
    if own is None:
        return kept, []
    return kept, [
        Reason(
            code="mixed_patients", detail="The cover sheet names one record number and the document another."
        )
    ]


def _letters(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum())


def _doubts(
    pages: Sequence[OcrPage], sure: float, types: Sequence[TypeGuess], settings: ClassifySettings
) -> Iterator[Reason]:
    """What a person must look at before the document is filed."""
    from pipeline.classify.types import type_threshold

    unread = [page.number for page in pages if page.problem]
    if unread:
        yield Reason(code="unreadable_page", detail=f"Page {_listed(unread)} could not be read.")
    doubtful = [page for page in pages if not page.problem and is_doubtful(page, settings)]
    for code, kinds, what in UNREAD:
        numbers = [page.number for page in doubtful if page.content_kind in kinds]
        if numbers:
            yield Reason(code=code, detail=f"Page {_listed(numbers)} {what}.")
    if sure < settings.split_threshold:
        yield Reason(
            code="split_uncertain", detail=f"It is not sure where this document begins and ends ({sure:.0%})."
        )
    if types[0].probability < type_threshold(types[0].type, settings.type_threshold):
        yield Reason(code="type_uncertain", detail=f"Its type is not sure ({types[0].probability:.0%}).")


def is_doubtful(page: OcrPage, settings: ClassifySettings) -> bool:
    """Whether a person should look at a page because of how it was read."""
    return page.content_kind == "handwriting" or page.confidence < settings.page_threshold


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
