"""What an old index or an intake folder says of a scan, laid beside what its pages say: record number, type,
date, pages.

It is handed on as a cover sheet's record number is: as a field, with a doubt where it and the pages differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.classify.types import type_threshold
from pipeline.config import ArchiveSettings, document_types
from pipeline.records import Box, Document, DocumentType, Field, LegacyMetadata, Reason, Scan, Segmentation, TypeGuess

NO_INK: Box = (0, 0, 0, 0)
"""The box of a value that stands on no page."""


def legacy_metadata(scan: Scan) -> LegacyMetadata | None:
    """What is said of a scan before it is read: by an old index, else of its type by the folder that it came
    through.
    """
    if scan.default_type is None or (scan.legacy_metadata is not None and scan.legacy_metadata.type is not None):
        return scan.legacy_metadata
    return replace(scan.legacy_metadata or LegacyMetadata(), type=scan.default_type)


def apply_legacy_metadata(
    sorting: Segmentation, given: LegacyMetadata, pages: int, settings: ArchiveSettings, usual: float
) -> Segmentation:
    """The sorting with what is given as evidence. `pages`: how many the scan has; `usual`: the threshold of
    types without one.
    """
    doubts = list(given.issues)
    if given.pages is not None and given.pages != pages:
        doubts.append(
            Reason(
                code="legacy_page_count",
                detail=f"The old index lists {given.pages} pages, the file has {pages}.",
            )
        )
    documents = tuple(
        _with_doubts(
            _with_date(_with_type(_with_mrn(document, given, settings), given, settings, usual), given),
            doubts,
        )
        for document in sorting.documents
    )
    return replace(sorting, documents=documents)


def _with_doubts(document: Document, doubts: list[Reason]) -> Document:
    return replace(document, issues=(*document.issues, *doubts))


def _with_mrn(document: Document, given: LegacyMetadata, settings: ArchiveSettings) -> Document:
    """The given number where the pages name none; one that they name stands."""
    if given.mrn is None or document.field("mrn") is not None:
        return document
    return _with_field(document, "mrn", given.mrn, settings.mrn_accuracy)


def _with_date(document: Document, given: LegacyMetadata) -> Document:
    """The given date where the pages name none, or where it is believed."""
    own = document.field("date_of_service")
    if given.date is None or (own is not None and "date" not in given.trusted):
        return document
    kept = tuple(field for field in document.fields if field.name != "date_of_service")
    return _with_field(replace(document, fields=kept), "date_of_service", given.date, 1.0)


def _with_field(document: Document, name: str, value: str, confidence: float) -> Document:
    field = Field(name=name, value=value, page=document.pages[0], box=NO_INK, confidence=confidence)
    return replace(document, fields=(*document.fields, field))


def _with_type(document: Document, given: LegacyMetadata, settings: ArchiveSettings, usual: float) -> Document:
    """The type by Bayes, the given one being right as often as the settings say; or the given one where it is
    believed.

    Pages that were sure of another type are not overruled: a person decides.
    """
    if given.type is None:
        return document
    known = document_types()
    guesses = (TypeGuess(type=document.type, probability=document.type_probability), *document.alternatives)
    if "type" in given.trusted:
        ordered = [TypeGuess(type=given.type, probability=1.0), *(g for g in guesses if g.type != given.type)]
    else:
        weighed = type_posterior(guesses, given.type, settings.type_accuracy, known)
        ordered = [
            TypeGuess(type=t, probability=p) for t, p in sorted(weighed.items(), key=lambda entry: -entry[1])
        ]
    doubts = [doubt for doubt in document.issues if doubt.code != "type_uncertain"]
    sure = document.type_probability >= type_threshold(document.type, usual)
    overruled = "type" not in given.trusted and sure and ordered[0].type != document.type
    if overruled or ordered[0].probability < type_threshold(ordered[0].type, usual):
        detail = f"Its type is not sure ({ordered[0].probability:.0%}); it was handed in as {known[given.type].name}."
        doubts.append(Reason(code="type_uncertain", detail=detail))
    return replace(
        document,
        type=ordered[0].type,
        type_probability=round(ordered[0].probability, 4),
        alternatives=tuple(ordered[1:4]),
        issues=tuple(doubts),
    )


def type_posterior(
    guesses: tuple[TypeGuess, ...], given: str, right: float, known: Mapping[str, DocumentType]
) -> dict[str, float]:
    """The guesses' probabilities once an index that is right with probability `right` has said `given`.

    A type that is filed as the given one agrees with it. What the guesses leave over is shared among all
    other types."""
    prior = {guess.type: guess.probability for guess in guesses}
    left = max(0.0, 1 - sum(prior.values())) / max(1, len(known) - len(prior))
    prior.setdefault(given, left)
    wrong = (1 - right) / max(1, len(known) - 1)
    rest = left * (len(known) - len(prior)) * wrong
    weighed = {
        t: p * (right if given in (t, known[t].files_as if t in known else None) else wrong)
        for t, p in prior.items()
    }
    total = sum(weighed.values()) + rest
    return {t: weight / total for t, weight in weighed.items()} if total else prior
