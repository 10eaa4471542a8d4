"""What a page mentions of a patient, labeled or not, and whose it is."""

from __future__ import annotations

import pytest

from pipeline.classify.mentions import collect_mentions
from pipeline.classify.mentions.collect import MAX_MENTIONS_PER_KIND
from pipeline.classify.page_layout import analyze_layout
from pipeline.records import Mention, Role
from tests.support.text_pages import text_page


def mentions(kind: str, *lines: str) -> list[Mention]:
    found = collect_mentions([analyze_layout(text_page(*lines))])
    return [mention for mention in found if mention.kind == kind]


def test_an_unlabeled_name_birth_date_and_number_of_an_addressograph_are_mentioned() -> None:
    card = ("PARSONS, DEANNA S", "05/12/1960  F", "5539-55-43")
    assert [m.readings for m in mentions("name", *card)] == [("PARSONS, DEANNA S",)]
    assert [m.readings[0] for m in mentions("date", *card)] == ["1960-05-12"]
    assert [m.readings for m in mentions("number", *card)] == [("55395543",)]
    assert {m.role for kind in ("name", "date", "number") for m in mentions(kind, *card)} == {Role.UNKNOWN}


def test_a_name_on_two_lines_of_a_card_is_one_name() -> None:
    (name,) = mentions("name", "PARSONS,", "DEANNA S", "05/12/1960")
    assert name.readings == ("PARSONS, DEANNA S",)


def test_a_name_between_numbers_of_one_line_is_mentioned() -> None:
    (name,) = mentions("name", "5539-55-43 PARSONS, DEANNA S 05/12/1960 F")
    assert name.readings == ("PARSONS, DEANNA S",)


@pytest.mark.parametrize("printed", ["5539-55-43", "55 39 55 43", "5539 5543", "553-95543"])
def test_a_number_is_the_same_in_any_grouping(printed: str) -> None:
    (number,) = mentions("number", f"MRN: {printed}")
    assert number.readings[0] == "55395543"
    assert number.role is Role.PATIENT


def test_a_number_that_was_joined_to_the_next_label_is_read_without_it() -> None:
    (number,) = mentions("number", "MR# 791-0991D.O.B.")
    assert "7910991" in number.readings


def test_dates_and_telephone_numbers_are_no_record_numbers() -> None:
    assert not mentions("number", "26FEB2023   (393) 555-4335   02/26/2023")


def test_an_ambiguous_date_may_have_day_and_month_in_either_order() -> None:
    (date,) = mentions("date", "DOB: 03/04/1950")
    assert set(date.readings) == {"1950-03-04", "1950-04-03"}


def test_a_date_labeled_as_that_of_a_visit_is_no_birth_date() -> None:
    assert not mentions("date", "Date of Service: 03/14/1950")


@pytest.mark.parametrize(
    "line",
    [
        "Guarantor: Parsons, Mary",
        "Emergency Contact: Parsons, Mary",
        "Mother: Parsons, Mary",
        "4. INSURED'S NAME     Parsons, Mary",
        "Next of Kin    Parsons, Mary",
        "Attending: Mary Parsons, MD",
        "Dr. Mary Parsons",
    ],
)
def test_a_name_of_another_person_is_not_the_patients(line: str) -> None:
    found = mentions("name", line)
    assert found
    assert {mention.role for mention in found} == {Role.OTHER}


def test_values_of_a_guarantors_section_are_the_guarantors() -> None:
    lines = ("Guarantor Information", "Parsons, Mary", "04/02/1939")
    assert [m.role for m in mentions("name", *lines)] == [Role.OTHER]
    assert [m.role for m in mentions("date", *lines)] == [Role.OTHER]


def test_the_patients_label_makes_a_value_the_patients() -> None:
    (name,) = mentions("name", "Patient Name: Parsons, Deanna S")
    assert (name.role, name.strength) == (Role.PATIENT, 1.0)


def test_a_long_report_keeps_a_limited_number_of_mentions_and_those_of_the_patient_first() -> None:
    rows = [f"{100000 + n}   {200000 + n}" for n in range(40)]
    found = mentions("number", *rows, "MRN: 7700123")
    assert len(found) == MAX_MENTIONS_PER_KIND
    assert found[0].readings == ("7700123",)
