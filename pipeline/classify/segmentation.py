"""Split the pages of a scan into documents, each with its type and index fields; sort out separator sheets
and blank pages.

Every page is in exactly one place. A page that could not be read stays in a document, with an issue, so that
a reviewer sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp

from pipeline.classify.barcode_rules import SheetMeaning, sheet_meaning
from pipeline.classify.blank_pages import is_blank
from pipeline.classify.boundary_model import start_probability
from pipeline.classify.document_consistency import consistency_penalties, find_mixed_patients
from pipeline.classify.document_fields import select_document_fields
from pipeline.classify.fields.date_order import required_doubts
from pipeline.classify.mentions import collect_mentions
from pipeline.classify.page_features import PageFeatures, extract_page_features
from pipeline.classify.page_numbering import find_page_number_conflicts
from pipeline.classify.segmentation_dp import best_segmentation
from pipeline.config import ClassifySettings
from pipeline.records import Document, Field, OcrPage, Reason, Segmentation, TypeGuess

NO_SHEET_NATS = 4.0
"""Evidence against a document start without a separator sheet in a stack that has separator sheets: a clerk
who inserts sheets usually inserts all of them.
"""

CODED_START_PROBABILITY = 0.999
"""Probability that a document starts at a page with a form's own code."""

COVER_SHEET_CONFIDENCE = 0.99
"""Confidence of a record number from a patient cover sheet."""

ALTERNATIVES = 3
"""How many types after the best are kept."""

PAGE_ISSUES = (
    ("handwritten_page", ("handwriting",), "seems to be written by hand"),
    ("non_text_page", ("photograph", "drawing"), "seems to be a photograph, a drawing or joined handwriting"),
    ("low_ocr_confidence", ("text", "form", "blank"), "was read badly"),
)
"""Why a reviewer should look at a page: the reason's code, the page's kinds of content, and the words for it.
"""


@dataclass(frozen=True, slots=True)
class PageRun:
    """Content pages between two sheets. `after_blank`: the pages that follow a blank page. `sheet`: the sheet
    before the run, and its meaning.
    """

    pages: tuple[OcrPage, ...]
    after_blank: frozenset[int]
    sheet: tuple[OcrPage, SheetMeaning] | None


def segment_pages(
    pages: Sequence[OcrPage], settings: ClassifySettings, *, single_document: bool = False
) -> Segmentation:
    """Return the documents, blank pages and sheets of a scan. Every page is in exactly one of them.

    Args:
        pages: All pages of the scan, in order.
        settings: The thresholds below which a reviewer decides.
        single_document: The scan is known to be one document; it is split only at sheets.
    """
    meanings = {page.number: meaning for page in pages if (meaning := sheet_meaning(page))}
    sheets = {number: meaning for number, meaning in meanings.items() if meaning.kind != "form"}
    forms = {number: meaning for number, meaning in meanings.items() if meaning.kind == "form"}
    blank = [page.number for page in pages if page.number not in meanings and is_blank(page)]
    documents: list[Document] = []
    for run in _split_at_sheets(pages, sheets, set(blank)):
        for features, probability in _split_run(
            run, forms, uses_sheets=bool(sheets), single_document=single_document
        ):
            form = forms.get(features[0].page.number)
            documents.append(_build_document(features, probability, run.sheet, form, settings))
    return Segmentation(documents=tuple(documents), blank=tuple(blank), separators=tuple(sheets))


def _split_at_sheets(
    pages: Sequence[OcrPage], sheets: Mapping[int, SheetMeaning], blank: set[int]
) -> list[PageRun]:
    """Return the content pages between sheets; runs without pages are left out."""
    runs: list[PageRun] = []
    content: list[OcrPage] = []
    after_blank: set[int] = set()
    sheet: tuple[OcrPage, SheetMeaning] | None = None
    previous_is_blank = False
    for page in pages:
        if page.number in blank:
            previous_is_blank = True
            continue
        if page.number in sheets:
            runs.append(PageRun(tuple(content), frozenset(after_blank), sheet))
            content, after_blank, sheet = [], set(), (page, sheets[page.number])
        else:
            content.append(page)
            if previous_is_blank:
                after_blank.add(page.number)
        previous_is_blank = False
    runs.append(PageRun(tuple(content), frozenset(after_blank), sheet))
    return [run for run in runs if run.pages]


def _split_run(
    run: PageRun, forms: Mapping[int, SheetMeaning], *, uses_sheets: bool, single_document: bool
) -> Iterator[tuple[Sequence[PageFeatures], float]]:
    """Yield (pages, probability) of each document of a run, in order."""
    features = [extract_page_features(page) for page in run.pages]
    if single_document:
        yield features, 1.0
        return
    starts = [1.0]
    for position, page in enumerate(features[1:], start=1):
        probability = start_probability(
            features[:position], page, blank_between=page.page.number in run.after_blank
        )
        if uses_sheets:
            probability = _lower_probability(probability, NO_SHEET_NATS)
        starts.append(CODED_START_PROBABILITY if page.page.number in forms else probability)
    for first, last, probability in best_segmentation(starts, consistency_penalties(features)):
        yield features[first : last + 1], probability


def _lower_probability(probability: float, nats: float) -> float:
    """Return the probability after `nats` of evidence against it."""
    odds = probability / max(1 - probability, 1e-9) * exp(-nats)
    return odds / (1 + odds)


def _build_document(
    features: Sequence[PageFeatures],
    probability: float,
    sheet: tuple[OcrPage, SheetMeaning] | None,
    form: SheetMeaning | None,
    settings: ClassifySettings,
) -> Document:
    """Return the document of these pages.

    Args:
        features: Its pages.
        probability: That of exactly these pages being one document.
        sheet: The sheet before the document, and its meaning.
        form: The meaning of the form's own code on the first page.
        settings: The thresholds below which a reviewer decides.
    """
    pages = [page_features.page for page_features in features]
    results = select_document_fields(features, settings)
    fields = results.fields
    issues = [*results.issues, *find_mixed_patients(features)]
    issues += find_page_number_conflicts(features)
    coded_pages = ([sheet] if sheet else []) + ([(pages[0], form)] if form else [])
    for page, meaning in coded_pages:
        if meaning.mrn:
            fields, conflicts = _with_coded_mrn(fields, page, meaning.mrn)
            issues += conflicts
    types = _predict_types(pages, form)
    issues = required_doubts(issues, types[0].type)
    issues += _review_issues(pages, probability, types[0], settings)
    return Document(
        pages=tuple(page.number for page in pages),
        type=types[0].type,
        type_probability=types[0].probability,
        alternatives=types[1 : 1 + ALTERNATIVES],
        fields=fields,
        probability=round(probability, 4),
        issues=tuple({issue.code: issue for issue in reversed(issues)}.values())[::-1],
        mentions=collect_mentions([page.layout for page in features]),
    )


def _predict_types(pages: Sequence[OcrPage], form: SheetMeaning | None) -> tuple[TypeGuess, ...]:
    """Return the possible types, best first. The code of a form decides its type."""
    if form and form.type:
        return (TypeGuess(type=form.type, probability=1.0),)
    from pipeline.classify.types import predict_types

    return predict_types("\n\n".join(page.text for page in pages), pages)


def _with_coded_mrn(
    fields: tuple[Field, ...], page: OcrPage, mrn: str
) -> tuple[tuple[Field, ...], list[Reason]]:
    """Replace the document's record number by that of a code, and return an issue if the two differ.

    Args:
        fields: The fields that were read from the document.
        page: The cover sheet, or the page with the form's own code.
        mrn: The record number of the code.
    """
    box = next((code.box for code in page.barcodes if mrn in code.text), (0, 0, 0, 0))
    coded = Field(name="mrn", value=mrn, page=page.number, box=box, confidence=COVER_SHEET_CONFIDENCE)
    printed = next((field for field in fields if field.name == "mrn"), None)
    if printed is None:
        return (*fields, coded), []
    if _comparable(printed.value) == _comparable(mrn):
        confirmed = replace(printed, confidence=max(printed.confidence, COVER_SHEET_CONFIDENCE))
        return tuple(confirmed if field is printed else field for field in fields), []
    detail = "The cover sheet names one record number and the document another."
    others = (field for field in fields if field is not printed)
    return (*others, coded), [Reason(code="mixed_patients", detail=detail)]


def _comparable(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum())


def _review_issues(
    pages: Sequence[OcrPage], probability: float, best_type: TypeGuess, settings: ClassifySettings
) -> Iterator[Reason]:
    """Yield what a reviewer must check before the document is filed."""
    from pipeline.classify.types import type_threshold

    unreadable = [page.number for page in pages if page.problem]
    if unreadable:
        yield Reason(code="unreadable_page", detail=f"Page {_join(unreadable)} could not be read.")
    uncertain = [page for page in pages if not page.problem and page_needs_review(page, settings)]
    for code, content_kinds, description in PAGE_ISSUES:
        numbers = [page.number for page in uncertain if page.content_kind in content_kinds]
        if numbers:
            yield Reason(code=code, detail=f"Page {_join(numbers)} {description}.")
    if probability < settings.split_threshold:
        detail = f"It is uncertain where this document begins and ends ({probability:.0%})."
        yield Reason(code="split_uncertain", detail=detail)
    if best_type.probability < type_threshold(best_type.type, settings.type_threshold):
        yield Reason(code="type_uncertain", detail=f"The type is uncertain ({best_type.probability:.0%}).")


def page_needs_review(page: OcrPage, settings: ClassifySettings) -> bool:
    """Return whether a reviewer should look at a page because of how it was read."""
    return page.content_kind == "handwriting" or page.confidence < settings.page_threshold


def _join(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
