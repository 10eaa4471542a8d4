"""Combine what a legacy index or an intake folder states about a scan with what its pages show: record
number, type, date, number of pages.

The legacy values become fields of the document, like the record number of a cover sheet, with an issue if
they and the pages differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.classify.types import type_threshold
from pipeline.config import ArchiveSettings, document_types
from pipeline.records import (
    Box,
    Document,
    DocumentType,
    Field,
    LegacyMetadata,
    Reason,
    Scan,
    Segmentation,
    TypeGuess,
)

NO_BOX: Box = (0, 0, 0, 0)
"""The box of a value that is on no page."""

ALTERNATIVES = 3
"""How many types after the best are kept."""


def legacy_metadata(scan: Scan) -> LegacyMetadata | None:
    """Return what is known of a scan before it is read: from a legacy index, and for the type otherwise from
    the intake folder.
    """
    metadata = scan.legacy_metadata
    if scan.default_type is None or (metadata is not None and metadata.type is not None):
        return metadata
    return replace(metadata or LegacyMetadata(), type=scan.default_type)


def apply_legacy_metadata(
    segmentation: Segmentation,
    metadata: LegacyMetadata,
    pages: int,
    settings: ArchiveSettings,
    default_threshold: float,
) -> Segmentation:
    """Return the segmentation with the legacy metadata as further evidence for each document.

    Args:
        segmentation: The documents as read from the pages.
        metadata: What the legacy index states about the scan.
        pages: The number of pages of the scan.
        settings: How accurate the legacy index is.
        default_threshold: The type threshold of types without a threshold of their own.
    """
    issues = list(metadata.issues)
    if metadata.pages is not None and metadata.pages != pages:
        detail = f"The old index lists {metadata.pages} pages, the file has {pages}."
        issues.append(Reason(code="legacy_page_count", detail=detail))
    documents = []
    for document in segmentation.documents:
        document = _with_mrn(document, metadata, settings)
        document = _with_type(document, metadata, settings, default_threshold)
        document = _with_date(document, metadata)
        documents.append(replace(document, issues=(*document.issues, *issues)))
    return replace(segmentation, documents=tuple(documents))


def _with_mrn(document: Document, metadata: LegacyMetadata, settings: ArchiveSettings) -> Document:
    """Add the legacy record number if the pages show none. A number on the pages has precedence."""
    if metadata.mrn is None or document.field("mrn") is not None:
        return document
    return _with_field(document, "mrn", metadata.mrn, settings.mrn_accuracy)


def _with_date(document: Document, metadata: LegacyMetadata) -> Document:
    """Add the legacy date if the pages show none, or if the legacy date is trusted."""
    has_date = document.field("date_of_service") is not None
    if metadata.date is None or (has_date and "date" not in metadata.trusted):
        return document
    others = tuple(field for field in document.fields if field.name != "date_of_service")
    return _with_field(replace(document, fields=others), "date_of_service", metadata.date, 1.0)


def _with_field(document: Document, name: str, value: str, confidence: float) -> Document:
    field = Field(name=name, value=value, page=document.pages[0], box=NO_BOX, confidence=confidence)
    return replace(document, fields=(*document.fields, field))


def _with_type(
    document: Document, metadata: LegacyMetadata, settings: ArchiveSettings, default_threshold: float
) -> Document:
    """Set the type: the legacy type if it is trusted, else the most probable type given both sources.

    If the pages show another type with confidence, a reviewer decides.
    """
    if metadata.type is None:
        return document
    guesses = (TypeGuess(type=document.type, probability=document.type_probability), *document.alternatives)
    is_trusted = "type" in metadata.trusted
    if is_trusted:
        others = (guess for guess in guesses if guess.type != metadata.type)
        ranked = [TypeGuess(type=metadata.type, probability=1.0), *others]
    else:
        ranked = _rank_by_posterior(guesses, metadata.type, settings.type_accuracy)
    best = ranked[0]
    is_confident = document.type_probability >= type_threshold(document.type, default_threshold)
    is_overruled = not is_trusted and is_confident and best.type != document.type
    issues = [issue for issue in document.issues if issue.code != "type_uncertain"]
    if is_overruled or best.probability < type_threshold(best.type, default_threshold):
        legacy_type = document_types()[metadata.type].name
        detail = (
            f"The type is uncertain ({best.probability:.0%}); it was submitted with the type {legacy_type}."
        )
        issues.append(Reason(code="type_uncertain", detail=detail))
    return replace(
        document,
        type=best.type,
        type_probability=round(best.probability, 4),
        alternatives=tuple(ranked[1 : 1 + ALTERNATIVES]),
        issues=tuple(issues),
    )


def _rank_by_posterior(guesses: Sequence[TypeGuess], legacy_type: str, accuracy: float) -> list[TypeGuess]:
    posterior = type_posterior(guesses, legacy_type, accuracy, document_types())
    ranked = sorted(posterior.items(), key=lambda entry: -entry[1])
    return [TypeGuess(type=key, probability=probability) for key, probability in ranked]


def type_posterior(
    guesses: Sequence[TypeGuess], legacy_type: str, accuracy: float, catalog: Mapping[str, DocumentType]
) -> dict[str, float]:
    """Return the probabilities of the types, given the type in a legacy index (Bayes' theorem).

    A type that is filed as the legacy type agrees with it. The probability that the guesses leave over is
    shared equally by all other types.

    Args:
        guesses: The most probable types by the pages.
        legacy_type: The type in the legacy index.
        accuracy: The probability that the legacy index is correct.
        catalog: All types by their keys.
    """
    prior = {guess.type: guess.probability for guess in guesses}
    prior_of_others = max(0.0, 1 - sum(prior.values())) / max(1, len(catalog) - len(prior))
    prior.setdefault(legacy_type, prior_of_others)
    likelihood_if_wrong = (1 - accuracy) / max(1, len(catalog) - 1)
    weight_of_others = prior_of_others * (len(catalog) - len(prior)) * likelihood_if_wrong

    def likelihood(key: str) -> float:
        filed_as = catalog[key].files_as if key in catalog else None
        return accuracy if legacy_type in (key, filed_as) else likelihood_if_wrong

    weights = {key: probability * likelihood(key) for key, probability in prior.items()}
    total = sum(weights.values()) + weight_of_others
    return {key: weight / total for key, weight in weights.items()} if total else prior
