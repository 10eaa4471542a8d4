"""Index fields in layouts of many kinds: captions, boxes, stickers, banners, cards, and names in parts."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from pipeline.classify.fields import find_fields
from pipeline.classify.fields.name_parsing import natural_name_order
from pipeline.classify.training.field_training import evaluate_case, form_cases
from pipeline.config import load_settings
from pipeline.records import Word
from pipeline.synthetic.form_layouts import layout_families
from tests.unit.test_classify_fields import fields, page

SETTINGS = load_settings().classify


def test_values_above_their_captions_are_found() -> None:
    form = page(
        "Tran, Bao K          4471090        03/14/1962",
        "Patient Name         MRN            Date of Birth",
        "2291 Mill Road       Rita Osgood, MD",
        "Home Address         Physician",
    )
    found = fields(form)
    assert (found["patient_name"], found["mrn"], found["dob"]) == ("Bao K Tran", "4471090", "1962-03-14")


def test_a_name_whose_parts_have_labels_is_put_together() -> None:
    form = page("Last Name: De Leon   First Name: Marisol   MI: T", "DOB: 03/14/1962")
    assert fields(form)["patient_name"] == "Marisol T De Leon"


def test_the_parts_of_a_contacts_name_are_not_the_patient() -> None:
    form = page("MRN: 4471090", "Emergency Contact 1:", "First Name: Peter   Last Name: Solis")
    assert "patient_name" not in fields(form)


def test_numbered_boxes_of_a_claim_give_the_patient_and_not_the_insured() -> None:
    form = page(
        "2. PATIENT'S NAME (Last Name, First Name, Middle Initial)      3. PATIENT'S BIRTH DATE",
        "                                                               MM   DD   YY",
        "OKAFOR, GRACE N                                                03   14   1962",
        "4. INSURED'S NAME (Last Name, First Name)      11a. INSURED'S DATE OF BIRTH",
        "OKAFOR, SAMUEL                                 05/02/1958",
    )
    found = fields(form)
    assert (found["patient_name"], found["dob"]) == ("GRACE N OKAFOR", "1962-03-14")


def test_the_lines_of_a_claim_give_the_date_of_service_and_not_the_date_of_signing() -> None:
    form = page(
        "24. A. DATE(S) OF SERVICE         B. PLACE OF SERVICE",
        "From             To",
        "MM  DD  YY       MM  DD  YY",
        "08  19  18       08  19  18       11",
        "SIGNED   DATE 09/02/18",
    )
    assert fields(form)["date_of_service"] == "2018-08-19"


@pytest.mark.parametrize(
    "line",
    [
        "OKAFOR, GRACE N  DOB: 03/14/1962 (56 y)  F  MRN: 4471090",
        "MRN: 4471090   OKAFOR, GRACE N   56 yo F   DOB: 03/14/1962",
        "OKAFOR, GRACE N (MRN: 4471090)   DOB: 03/14/1962",
    ],
)
def test_the_banner_of_a_printed_record_names_the_patient(line: str) -> None:
    found = fields(page(line, "Attending: Rita Osgood, MD"))
    assert (found["patient_name"], found["mrn"], found["dob"]) == (
        "GRACE N OKAFOR",
        "4471090",
        "1962-03-14",
    )


def test_the_foot_of_a_page_names_the_patient() -> None:
    body = ["Continue the present medication and return in six weeks"] * 45
    assert fields(page(*body, "Grace Okafor   DOB: 03/14/1962   MRN: 4471090"))["patient_name"] == (
        "Grace Okafor"
    )


@pytest.mark.parametrize(
    "line",
    [
        "Thyroid Function",
        "Keystone Mutual Benefit Plan",
        "Northgate Community Hospital",
        "Oak Brook, IL 60523",
        "ADALIMUMAB REQUEST (APPROVAL)",
        "Rita Osgood, MD",
    ],
)
def test_panels_plans_towns_titles_and_clinicians_near_the_number_are_not_the_patient(line: str) -> None:
    assert "patient_name" not in fields(page(line, "MRN: 4471090   DOB: 03/14/1962"))


def test_a_card_with_two_numbers_does_not_tell_the_record_number() -> None:
    card = page("OKAFOR, GRACE N", "4471090   88123456", "03/14/1962", "F  56")
    found = fields(card)
    assert (found["patient_name"], found["dob"]) == ("GRACE N OKAFOR", "1962-03-14")
    assert "mrn" not in found


def test_values_in_a_table_are_not_a_card() -> None:
    form = page(
        "Name:           OKAFOR, GRACE N",
        "Date of Birth:  03/14/1962",
        "Group Number:   327949",
    )
    assert "mrn" not in fields(form)


def test_the_insured_person_is_the_patient_only_on_an_insurance_card() -> None:
    card = ("Subscriber Name: Grace Okafor", "Member ID: W463677015   RxBIN: 004336")
    assert fields(page(*card))["patient_name"] == "Grace Okafor"
    assert "patient_name" not in fields(page("Insured's Name: Grace Okafor", "MRN: 4471090"))


def test_a_guarantors_birth_date_in_the_second_column_is_not_the_patients() -> None:
    form = page(
        "PATIENT INFORMATION                    GUARANTOR INFORMATION",
        "Patient Name: Grace Okafor             Name: Samuel Okafor",
        "Sex: F                                 Relationship: Parent",
        "MRN: 4471090                           Date of Birth: 05/02/1938",
    )
    found = fields(form)
    assert found["patient_name"] == "Grace Okafor"
    assert "dob" not in found


@pytest.mark.parametrize(
    ("line", "member"),
    [
        ("Member ID: XZ 9147589652", "XZ 9147589652"),
        ("1a. INSURED'S I.D. NUMBER: W463677015", "W463677015"),
        ("Humana ID: H48410879", "H48410879"),
        ("Medicaid ID: 106398446", "106398446"),
        ("Plan Name: Unity Care   ID Number: 106398446", "106398446"),
    ],
)
def test_members_numbers_are_found_by_the_labels_of_cards_claims_and_requests(line: str, member: str) -> None:
    found = fields(page("Patient Name: Grace Okafor", line))
    assert found["member_id"] == member
    assert "mrn" not in found


@pytest.mark.parametrize("line", ["RNF#: 7105-7663", "Ref #: 71057663", "MRN: 7105-7663-2109-3705-0142"])
def test_numbers_of_receipts_are_not_record_numbers(line: str) -> None:
    assert "mrn" not in fields(page("LOCAL DRUGS", "07/22/2020 04:36 PM", line))


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("Thomas Reed Ill", "Thomas Reed III"),
        ("Reed Il, Thomas", "Thomas Reed II"),
        ("Tuyet Le", "Tuyet Le"),
        ("DO, QUANG", "QUANG DO"),
        ("QUANG DO", "QUANG DO"),
        ("Robert (Bob) Lindqvist", "Robert Lindqvist"),
        ("Aaron203 Abbott774", "Aaron203 Abbott774"),
        ("Anna White", "Anna White"),
    ],
)
def test_short_family_names_suffixes_and_nicknames_are_read(printed: str, name: str) -> None:
    assert fields(page(f"Patient Name: {printed}"))["patient_name"] == name


def test_a_middle_initial_before_the_next_label_is_not_the_letter_of_a_box() -> None:
    assert fields(page("Patient: OKAFOR, GRACE A.   DOB: 03/14/1962"))["patient_name"] == "GRACE A. OKAFOR"


def test_a_spaced_date_is_not_read_from_its_second_number_on() -> None:
    form = page("      Date of Birth", "03  08  12", "")
    assert fields(form).get("dob") in (None, "2012-03-08")


def test_a_label_that_goes_on_in_the_next_row_is_found() -> None:
    form = page("Patient: Grace Okafor      Date of     05/22/2012", "                           Service:")
    assert fields(form)["date_of_service"] == "2012-05-22"


def test_the_earliest_date_of_an_identity_card_is_the_birth_date() -> None:
    card = page(
        "PASSPORT",
        "Surname Nom",
        "OKAFOR",
        "Given names",
        "GRACE",
        "14 Mar 1962",
        "25 Nov 2018",
        "24 Nov 2028",
    )
    found = fields(card)
    assert (found["patient_name"], found["dob"]) == ("GRACE OKAFOR", "1962-03-14")
    assert "date_of_service" not in found


def test_a_poorly_read_name_or_number_is_withheld_and_a_date_is_not() -> None:
    form = page("Patient: Grace Okafor   MRN: 4471090   DOB: 03/14/1962", confidence=0.5)
    found = {field.name for field in find_fields([form], SETTINGS)}
    assert "dob" in found
    assert not {"patient_name", "mrn"} & found


def test_a_misread_suffix_is_corrected_only_after_a_name() -> None:
    words = [Word(text=text, box=(0, 0, 9, 9), confidence=1.0) for text in ("Ill", "Thomas")]
    assert natural_name_order(words) == "Ill Thomas"


def test_identifiers_are_rarely_wrong_and_mostly_found_in_every_structure_of_layout() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for _, case in form_cases(1, 31, layout_families("development", "left_out")):
        for outcome in evaluate_case(case, calibrated=True):
            counts[outcome.field, "printed"] += outcome.printed
            counts[outcome.field, "given"] += outcome.confidence is not None
            counts[outcome.field, "correct"] += outcome.correct
    for field in ("patient_name", "dob", "mrn", "member_id"):
        correct = counts[field, "correct"]
        assert correct >= 0.95 * counts[field, "given"], field
        assert correct >= 0.9 * counts[field, "printed"], field


def test_form_cases_are_the_same_for_the_same_seed() -> None:
    families = layout_families("development")
    once, again = (list(islice(form_cases(1, 5, families), 4)) for _ in range(2))
    assert once == again
