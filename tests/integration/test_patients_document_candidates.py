"""Patients are found by everything that a document's pages mention, and verified on the pages: the patient
wins, and another person on the page never does.
"""

from __future__ import annotations

import pytest

from pipeline.config import Settings
from pipeline.matching import decide
from pipeline.patients.bulk_load import LoadResult, store_patients
from pipeline.patients.document_candidates import find_document_candidates
from pipeline.patients.patient_record import PatientUpdate
from pipeline.records import Document, Filed, Filing, NeedsReview
from pipeline.store.database import Connection
from tests.support.text_pages import document_of, text_page

DEANNA = {"mrn": "55395543", "given": "Deanna", "middle": "S", "family": "Parsons", "dob": "1960-05-12"}
MARY = {"mrn": "61207731", "given": "Mary", "family": "Parsons", "dob": "1939-04-02"}
OTHERS = [
    {"mrn": "40000001", "given": "Deanna", "family": "Whitlock", "dob": "1971-02-03"},
    {"mrn": "40000002", "given": "Ruth", "family": "Parsons", "dob": "1958-11-30"},
]
CARD = ("PARSONS, DEANNA S", "05/12/1960   F", "5539-55-43")
NOTE = ("", "", "PROGRESS NOTE", "She feels well today and will return in two weeks.")


def load(connection: Connection, *people: dict[str, str]) -> None:
    updates = [PatientUpdate(f"line {n}", dict(person)) for n, person in enumerate((*people, *OTHERS))]
    store_patients(connection, updates, LoadResult())


def file(connection: Connection, settings: Settings, *pages: tuple[str, ...]) -> Filing:
    printed = (text_page(*lines, number=number) for number, lines in enumerate(pages, 1))
    return file_document(connection, settings, document_of(settings, *printed))


def file_document(connection: Connection, settings: Settings, document: Document) -> Filing:
    return decide(document, find_document_candidates(connection, document, settings), settings)


def codes(filing: Filing) -> set[str]:
    return {reason.code for reason in filing.reasons}


def test_an_addressograph_without_labels_is_filed_and_its_values_become_the_index_fields(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA, MARY)
    filing = file(connection, settings, (*CARD, *NOTE))
    assert isinstance(filing, Filed)
    assert filing.patient.mrn == DEANNA["mrn"]
    values = {field.name: (field.value, field.box[1]) for field in filing.document.fields}
    assert values["patient_name"] == ("DEANNA S PARSONS", 100)
    assert values["dob"] == ("1960-05-12", 140)
    assert values["mrn"][1] == 180


@pytest.mark.parametrize("printed", ["5539-55-43", "55 39 55 43", "5539 5543", "0055395543"])
def test_a_record_number_finds_its_patient_in_any_grouping(
    connection: Connection, settings: Settings, printed: str
) -> None:
    load(connection, DEANNA)
    filing = file(connection, settings, ("PARSONS, DEANNA", printed, *NOTE))
    assert isinstance(filing, Filed)
    assert filing.patient.mrn == DEANNA["mrn"]


@pytest.mark.parametrize(
    "name",
    ["Abdul Rahman El Sayed", "EL SAYED, ABDUL RAHMAN", "El Sayed Abdul Rahman", "NT EL SAYED, ABDUL RAHMAN"],
)
def test_a_name_of_several_words_is_split_as_the_index_has_it(
    connection: Connection, settings: Settings, name: str
) -> None:
    load(connection, {"mrn": "50010222", "given": "Abdul Rahman", "family": "El Sayed", "dob": "1933-05-22"})
    filing = file(connection, settings, (f"Patient Name: {name}", "DOB: 05/22/1933", "MRN: 50010222", *NOTE))
    assert isinstance(filing, Filed)


def test_a_misread_suffix_is_the_patients_and_the_field_shows_it_as_the_index_has_it(
    connection: Connection, settings: Settings
) -> None:
    joshua = {"given": "Joshua", "family": "Thomas", "dob": "1974-06-10"}
    load(
        connection,
        joshua | {"mrn": "4097394", "suffix": "III"},
        joshua | {"mrn": "4097395", "dob": "1945-06-20"},
    )
    filing = file(
        connection, settings, ("Patient Name: Thomas Ill, Joshua", "DOB: 06/10/1974", "MRN: 4097394", *NOTE)
    )
    assert isinstance(filing, Filed)
    assert filing.document.field("patient_name").value.endswith("III")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "block",
    [
        ("Guarantor: Parsons, Mary   DOB: 04/02/1939   Phone: (217) 555-0144",),
        ("Guarantor Information", "Parsons, Mary", "04/02/1939"),
        ("Mother: Parsons, Mary   04/02/1939",),
        ("Emergency Contact    Parsons, Mary    04/02/1939",),
        ("4. INSURED'S NAME     PARSONS, MARY", "11a. INSURED'S DATE OF BIRTH     04/02/1939"),
        ("Subscriber: Parsons, Mary   Subscriber DOB: 04/02/1939",),
        ("Attending: Mary Parsons, MD   04/02/1939",),
    ],
)
@pytest.mark.parametrize("labeled", [True, False])
def test_another_person_of_the_page_who_is_in_the_index_does_not_win(
    connection: Connection, settings: Settings, block: tuple[str, ...], labeled: bool
) -> None:
    load(connection, MARY)
    patient = ("Patient Name: Quillfeather, Ines", "DOB: 10/09/1988", "MRN: 7419680")
    head = patient if labeled else ("QUILLFEATHER, INES", "10/09/1988", "7419680")
    filing = file(connection, settings, (*head, "", "", "", *block, *NOTE))
    assert isinstance(filing, NeedsReview)


def test_the_patient_wins_over_the_guarantor_if_both_are_in_the_index(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA, MARY)
    guarantor = ("", "Guarantor: Parsons, Mary   DOB: 04/02/1939   MRN: 61207731")
    filing = file(connection, settings, (*CARD, *guarantor, *NOTE))
    assert not (isinstance(filing, Filed) and filing.patient.mrn != DEANNA["mrn"])


def test_a_twin_with_the_printed_birth_date_does_not_win(connection: Connection, settings: Settings) -> None:
    load(connection, DEANNA | {"given": "Dorothea", "mrn": "55395544"})
    filing = file(connection, settings, ("PARSONS, DEANNA S", "05/12/1960   F", "5539-55-43", *NOTE))
    assert isinstance(filing, NeedsReview)


def test_a_page_of_the_previous_patient_makes_the_document_mixed(
    connection: Connection, settings: Settings
) -> None:
    load(
        connection, DEANNA, {"mrn": "7419680", "given": "Ines", "family": "Quillfeather", "dob": "1988-10-09"}
    )
    other = ("QUILLFEATHER, INES", "10/09/1988", "7419680", *NOTE)
    filing = file(connection, settings, (*CARD, *NOTE), other)
    assert isinstance(filing, NeedsReview)
    assert codes(filing) & {"mixed_patients", "ambiguous_candidates"}


def test_a_birth_date_labeled_as_the_patients_contradicts_another_date_of_the_page(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA)
    lines = ("Patient Name: Parsons, Deanna S", "DOB: 03/08/1971", "", "05/12/1960", *NOTE)
    filing = file(connection, settings, lines)
    assert isinstance(filing, NeedsReview)
    assert "dob_contradicts" in codes(filing)


def test_a_name_labeled_as_the_patients_contradicts_another_name_of_the_page(
    connection: Connection, settings: Settings
) -> None:
    load(
        connection, DEANNA, {"mrn": "7419680", "given": "Ines", "family": "Quillfeather", "dob": "1988-10-09"}
    )
    lines = ("Patient: Quillfeather, Ines", "", "PARSONS, DEANNA S", "05/12/1960", *NOTE)
    assert isinstance(file(connection, settings, lines), NeedsReview)


def test_an_unlabeled_name_far_from_the_birth_date_is_not_enough(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA)
    filing = file(connection, settings, ("PARSONS, DEANNA S", *[""] * 14, "05/12/1960", *NOTE))
    assert isinstance(filing, NeedsReview)


def test_a_record_number_alone_is_not_enough(connection: Connection, settings: Settings) -> None:
    load(connection, DEANNA)
    filing = file(connection, settings, ("MRN: 5539-55-43", *NOTE))
    assert isinstance(filing, NeedsReview)
    assert "insufficient_identifiers" in codes(filing)


def test_a_person_named_in_a_sentence_is_not_the_patient(connection: Connection, settings: Settings) -> None:
    load(connection, DEANNA)
    lines = ("PROGRESS NOTE", "Her sister Deanna Parsons was born on 05/12/1960 and takes care of her.")
    assert isinstance(file(connection, settings, lines), NeedsReview)


def test_reviewers_see_on_which_page_a_fact_is_printed(connection: Connection, settings: Settings) -> None:
    load(connection, DEANNA)
    filing = file(connection, settings, NOTE, (*CARD, *NOTE))
    details = {reason.code: reason.detail for reason in filing.candidates[0].reasons}
    assert details["dob:exact"] == "Date of birth: the same (page 2)"
    assert {(fact.field, fact.page) for fact in filing.candidates[0].printed} >= {
        ("patient_name", 2),
        ("dob", 2),
    }


def test_the_more_a_page_mentions_the_less_an_agreement_weighs(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA)
    few = document_of(settings, text_page(*CARD, *NOTE))
    dates = tuple(f"{month:02}/{day:02}/1961" for month in range(1, 6) for day in (3, 9, 14))
    many = document_of(settings, text_page(*CARD, *NOTE, *dates))
    weights = [
        next(c for c in find_document_candidates(connection, document, settings)).weight
        for document in (few, many)
    ]
    assert weights[0] - weights[1] > 2


def test_a_namesake_born_on_the_date_of_service_does_not_win(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA | {"dob": "2019-03-14"})
    visit = ("PARSONS, DEANNA S", "Date of Service: 03/14/2019", "", "03/14/2019   Office visit", *NOTE)
    assert isinstance(file(connection, settings, visit), NeedsReview)


def test_a_record_number_field_that_is_another_patients_prevents_filing_although_the_right_one_is_printed(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA)
    lines = ("Patient Name: Parsons, Deanna S", "DOB: 05/12/1960", "ID: 40000001", "5539-55-43", *NOTE)
    filing = file(connection, settings, lines)
    assert isinstance(filing, NeedsReview)
    assert "mrn_belongs_to_other_patient" in codes(filing)


def test_a_name_that_the_hospital_writes_for_unknown_patients_finds_nobody(
    connection: Connection, settings: Settings
) -> None:
    load(connection, DEANNA)
    document = document_of(settings, text_page("PARSONS, DEANNA S", *NOTE))
    placeholders = settings.classify.model_copy(update={"placeholder_names": ("Parsons", "Deanna")})
    assert find_document_candidates(connection, document, settings)
    assert not find_document_candidates(
        connection, document, settings.model_copy(update={"classify": placeholders})
    )
