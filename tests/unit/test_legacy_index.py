"""A legacy index is combined with what the pages show, and never overrides a contradiction on the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.classify.legacy_index import apply_legacy_metadata, legacy_metadata, type_posterior
from pipeline.config import document_types, load_settings
from pipeline.matching.legacy_index_evidence import apply_legacy_evidence
from pipeline.records import (
    Candidate,
    Document,
    Field,
    Filed,
    Filing,
    LegacyMetadata,
    NeedsReview,
    PatientRef,
    Reason,
    Scan,
    Segmentation,
    TypeGuess,
)

SETTINGS = load_settings()
ANNA, BERT = PatientRef(id=1, mrn="7700001"), PatientRef(id=2, mrn="7700002")
INK = (10, 10, 50, 20)


def a_field(name: str, value: str) -> Field:
    return Field(name=name, value=value, page=1, box=INK, confidence=0.9)


def a_document(
    *fields: Field, type: str = "progress_note", probability: float = 0.97, **more: Any
) -> Document:
    alternatives = (TypeGuess(type="consultation", probability=round(1 - probability, 4)),)
    return Document(
        pages=(1, 2),
        type=type,
        type_probability=probability,
        alternatives=alternatives,
        fields=fields,
        **more,
    )


def with_metadata(document: Document, metadata: LegacyMetadata, pages: int = 2) -> Document:
    segmentation = apply_legacy_metadata(
        Segmentation(documents=(document,)),
        metadata,
        pages,
        SETTINGS.archive,
        SETTINGS.classify.type_threshold,
    )
    return segmentation.documents[0]


def value(document: Document, name: str) -> str | None:
    field = document.field(name)
    return field.value if field else None


def codes(document: Document) -> set[str]:
    return {issue.code for issue in document.issues}


def test_a_legacy_number_is_used_only_if_the_pages_have_none() -> None:
    metadata = LegacyMetadata(mrn="7700001")
    assert value(with_metadata(a_document(), metadata), "mrn") == "7700001"
    assert value(with_metadata(a_document(a_field("mrn", "7700002")), metadata), "mrn") == "7700002"


def test_a_legacy_date_is_used_if_the_pages_have_none_or_if_it_is_trusted() -> None:
    dated = a_document(a_field("date_of_service", "2012-05-06"))
    assert (
        value(with_metadata(a_document(), LegacyMetadata(date="2011-01-02")), "date_of_service")
        == "2011-01-02"
    )
    assert value(with_metadata(dated, LegacyMetadata(date="2011-01-02")), "date_of_service") == "2012-05-06"
    trusted = with_metadata(dated, LegacyMetadata(date="2011-01-02", trusted=("date",)))
    assert value(trusted, "date_of_service") == "2011-01-02"


def test_a_type_that_the_index_confirms_is_certain_and_one_that_it_contradicts_needs_review() -> None:
    uncertain = a_document(probability=0.7, issues=(Reason(code="type_uncertain", detail=""),))
    confirmed = with_metadata(uncertain, LegacyMetadata(type="progress_note"))
    assert (confirmed.type, "type_uncertain" in codes(confirmed)) == ("progress_note", False)
    assert confirmed.type_probability > 0.98
    contradicted = with_metadata(a_document(probability=0.97), LegacyMetadata(type="consultation"))
    assert "type_uncertain" in codes(contradicted)
    assert (
        with_metadata(a_document(), LegacyMetadata(type="consent_form", trusted=("type",))).type
        == "consent_form"
    )


def test_the_type_of_an_intake_folder_counts_unless_an_index_has_another() -> None:
    scan = Scan(
        id=1,
        sha256="0" * 64,
        name="a.pdf",
        media_type="application/pdf",
        size=1,
        default_type="radiology_report",
    )
    assert legacy_metadata(scan) == LegacyMetadata(type="radiology_report")
    assert legacy_metadata(replace(scan, legacy_metadata=LegacyMetadata(mrn="7700001"))) == LegacyMetadata(
        mrn="7700001", type="radiology_report"
    )
    assert legacy_metadata(
        replace(scan, legacy_metadata=LegacyMetadata(type="consultation"))
    ) == LegacyMetadata(type="consultation")
    assert legacy_metadata(replace(scan, default_type=None)) is None


def test_the_types_probabilities_still_add_up_to_no_more_than_one() -> None:
    guesses = (
        TypeGuess(type="progress_note", probability=0.6),
        TypeGuess(type="consultation", probability=0.3),
    )
    posterior = type_posterior(guesses, "laboratory_report", 0.95, document_types())
    assert 0.9 < sum(posterior.values()) <= 1
    assert posterior["laboratory_report"] > guesses[1].probability / 10


def test_a_file_with_another_number_of_pages_than_listed_needs_review() -> None:
    assert "legacy_page_count" in codes(with_metadata(a_document(), LegacyMetadata(pages=3)))
    assert "legacy_page_count" not in codes(with_metadata(a_document(), LegacyMetadata(pages=2)))


def filed(patient: PatientRef) -> Filed:
    best = Candidate(patient=patient, probability=0.9999, weight=20.0)
    return Filed(document=a_document(), patient=patient, probability=0.9999, candidates=(best,), reasons=())


def needs_review(document: Document, best: PatientRef, *reasons: str) -> NeedsReview:
    candidate = Candidate(patient=best, probability=0.5, weight=9.0)
    stated = tuple(Reason(code=code, detail="") for code in reasons)
    return NeedsReview(document=document, probability=0.5, candidates=(candidate,), reasons=stated)


def reasons(filing: Filing) -> list[str]:
    assert isinstance(filing, NeedsReview)
    return [reason.code for reason in filing.reasons]


def test_a_page_of_another_patient_than_in_the_index_needs_review_even_if_the_page_alone_would_be_filed() -> (
    None
):
    metadata = LegacyMetadata(mrn="7700001")
    assert isinstance(apply_legacy_evidence(filed(ANNA), metadata, {1}, 0.98), Filed)
    assert reasons(apply_legacy_evidence(filed(BERT), metadata, {1}, 0.98))[0] == "legacy_patient_conflict"
    against = needs_review(a_document(), ANNA, "given_contradicts")
    assert reasons(apply_legacy_evidence(against, metadata, {1}, 0.98))[0] == "legacy_patient_conflict"
    other_number = needs_review(a_document(a_field("mrn", "7700002")), BERT, "insufficient_identifiers")
    assert reasons(apply_legacy_evidence(other_number, metadata, {1}, 0.98))[0] == "legacy_patient_conflict"


def test_a_number_that_is_not_in_the_patient_index_needs_review_regardless_of_the_page() -> None:
    assert reasons(apply_legacy_evidence(filed(BERT), LegacyMetadata(mrn="999"), set(), 0.98)) == [
        "legacy_unknown_mrn"
    ]


@pytest.mark.parametrize(
    ("document", "why", "files"),
    [
        (a_document(), ("insufficient_identifiers",), True),
        (a_document(a_field("patient_name", "Sample, Anna")), ("insufficient_identifiers",), False),
        (a_document(), ("insufficient_identifiers", "unreadable_page"), False),
    ],
    ids=["names no one", "names a patient", "has another issue"],
)
def test_a_trusted_index_files_only_documents_that_name_no_one_and_have_no_other_issue(
    document: Document, why: tuple[str, ...], files: bool
) -> None:
    filing = needs_review(document, ANNA, *why)
    metadata = LegacyMetadata(mrn="7700001")
    trusted = replace(metadata, trusted=("patient",))
    assert isinstance(apply_legacy_evidence(filing, trusted, {1}, 0.98), Filed) is files
    assert isinstance(apply_legacy_evidence(filing, metadata, {1}, 0.98), NeedsReview)
