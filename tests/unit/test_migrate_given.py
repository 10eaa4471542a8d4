"""What an old index says is laid beside what the page says, and never files what the page speaks against."""

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


def laid_beside(document: Document, given: LegacyMetadata, pages: int = 2) -> Document:
    sorting = apply_legacy_metadata(
        Segmentation(documents=(document,)), given, pages, SETTINGS.archive, SETTINGS.classify.type_threshold
    )
    return sorting.documents[0]


def codes(document: Document) -> set[str]:
    return {doubt.code for doubt in document.issues}


def test_a_given_number_stands_in_for_one_the_pages_do_not_name_and_never_for_one_they_do() -> None:
    given = LegacyMetadata(mrn="7700001")
    assert laid_beside(a_document(), given).field("mrn").value == "7700001"  # type: ignore[union-attr]
    assert laid_beside(a_document(a_field("mrn", "7700002")), given).field("mrn").value == "7700002"  # type: ignore[union-attr]


def test_a_given_date_fills_in_and_stands_above_the_pages_only_where_it_is_believed() -> None:
    dated = a_document(a_field("date_of_service", "2012-05-06"))
    assert (
        laid_beside(a_document(), LegacyMetadata(date="2011-01-02")).field("date_of_service").value
        == "2011-01-02"
    )  # type: ignore[union-attr]
    assert (
        laid_beside(dated, LegacyMetadata(date="2011-01-02")).field("date_of_service").value == "2012-05-06"
    )  # type: ignore[union-attr]
    believed = laid_beside(dated, LegacyMetadata(date="2011-01-02", trusted=("date",)))
    assert believed.field("date_of_service").value == "2011-01-02"  # type: ignore[union-attr]


def test_a_type_that_the_index_confirms_is_sure_and_one_that_it_denies_goes_to_a_person() -> None:
    doubtful = a_document(probability=0.7, issues=(Reason(code="type_uncertain", detail=""),))
    confirmed = laid_beside(doubtful, LegacyMetadata(type="progress_note"))
    assert (confirmed.type, "type_uncertain" in codes(confirmed)) == ("progress_note", False)
    assert confirmed.type_probability > 0.98
    denied = laid_beside(a_document(probability=0.97), LegacyMetadata(type="consultation"))
    assert "type_uncertain" in codes(denied)
    assert (
        laid_beside(a_document(), LegacyMetadata(type="consent_form", trusted=("type",))).type
        == "consent_form"
    )


def test_the_type_of_an_intake_folder_counts_where_no_index_says_another() -> None:
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
    weighed = type_posterior(guesses, "laboratory_report", 0.95, document_types())
    assert 0.9 < sum(weighed.values()) <= 1
    assert weighed["laboratory_report"] > guesses[1].probability / 10


def test_a_file_with_another_number_of_pages_than_listed_goes_to_a_person() -> None:
    assert "legacy_page_count" in codes(laid_beside(a_document(), LegacyMetadata(pages=3)))
    assert "legacy_page_count" not in codes(laid_beside(a_document(), LegacyMetadata(pages=2)))


def filed(patient: PatientRef) -> Filed:
    best = Candidate(patient=patient, probability=0.9999, weight=20.0)
    return Filed(document=a_document(), patient=patient, probability=0.9999, candidates=(best,), reasons=())


def doubted(document: Document, best: PatientRef, *reasons: str) -> NeedsReview:
    candidate = Candidate(patient=best, probability=0.5, weight=9.0)
    told = tuple(Reason(code=code, detail="") for code in reasons)
    return NeedsReview(document=document, probability=0.5, candidates=(candidate,), reasons=told)


def reasons(filing: Filing) -> list[str]:
    assert isinstance(filing, NeedsReview)
    return [reason.code for reason in filing.reasons]


def test_a_page_of_another_patient_than_the_index_names_is_a_persons_even_if_the_page_alone_would_be_filed() -> (
    None
):
    given = LegacyMetadata(mrn="7700001")
    assert isinstance(apply_legacy_evidence(filed(ANNA), given, {1}, 0.98), Filed)
    assert reasons(apply_legacy_evidence(filed(BERT), given, {1}, 0.98))[0] == "legacy_patient_conflict"
    against = doubted(a_document(), ANNA, "given_contradicts")
    assert reasons(apply_legacy_evidence(against, given, {1}, 0.98))[0] == "legacy_patient_conflict"
    other_number = doubted(a_document(a_field("mrn", "7700002")), BERT, "insufficient_identifiers")
    assert reasons(apply_legacy_evidence(other_number, given, {1}, 0.98))[0] == "legacy_patient_conflict"


def test_a_number_that_the_patient_index_does_not_know_goes_to_a_person_whatever_the_page_says() -> None:
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
    ids=["names nobody", "names somebody", "has another doubt"],
)
def test_a_believed_index_files_only_what_names_nobody_and_has_no_other_doubt(
    document: Document, why: tuple[str, ...], files: bool
) -> None:
    filing = doubted(document, ANNA, *why)
    assert (
        isinstance(
            apply_legacy_evidence(filing, LegacyMetadata(mrn="7700001", trusted=("patient",)), {1}, 0.98),
            Filed,
        )
        is files
    )
    assert isinstance(apply_legacy_evidence(filing, LegacyMetadata(mrn="7700001"), {1}, 0.98), NeedsReview)
