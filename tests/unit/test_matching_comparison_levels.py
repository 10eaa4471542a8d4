"""How single values of two records are compared."""

from __future__ import annotations

import pytest

from pipeline.matching.addresses import address_level, parse_address
from pipeline.matching.birth_dates import date_level, possible_misreadings, to_iso_date
from pipeline.matching.comparison_levels import compare_fields, number_level
from pipeline.matching.person import person_from_record
from pipeline.matching.person_names import family_level, given_level


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [
        ("1980-02-03", "1980-02-03", "exact"),
        ("1980-02-03", "1980-03-02", "swapped"),
        ("1980-02-03", "1930-02-03", "misread"),  # 8 read as 3
        ("1980-02-03", "1908-02-03", "misread"),  # two digits swapped
        ("198-02-03", "1980-02-03", "misread"),  # one digit missing
        ("1980-02-03", "1880-02-03", "misread"),  # another century
        ("1980-02-03", "1980-02-05", "misread"),
        ("1980-02-03", "1980-02-04", "digit"),
        ("1980", "1980-02-03", "partial"),
        ("1980-02-03", "1980-02-26", "partial_match"),
        ("1980-02-03", "1944-11-30", "different"),
    ],
)
def test_birth_dates_agree_more_if_one_is_a_likely_misreading_of_the_other(
    left: str, right: str, level: str
) -> None:
    assert date_level(left, right) == level
    assert date_level(right, left) == level


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2/3/1980", "1980-02-03"),
        ("19800203", "1980-02-03"),
        ("02-03-80", "1980-02-03"),
        ("1980", "1980"),
        ("unknown", None),
    ],
)
def test_a_date_is_parsed_in_every_usual_form(text: str, iso: str | None) -> None:
    assert to_iso_date(text) == iso


def test_the_variants_of_a_misread_date_are_dates_and_include_the_true_one() -> None:
    true = "1975-11-08"
    for misread in ("1976-11-08", "1957-11-08", "1975-08-11", "197-11-08", "1975-11-03", "1975-1108"):
        assert true in possible_misreadings(misread), misread


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [
        ("william", "william", "exact"),
        ("william", "bill", "nickname"),
        ("wi1liam", "william", "misread"),
        ("carneron", "cameron", "misread"),
        ("willaim", "william", "typo"),
        ("wil", "wilhelmus", "prefix"),
        ("w", "wilhelmus", "initial"),
        ("w", "anna", "different"),
        ("ann", "ian", "different"),
        ("ciindy", "cindy", "typo"),
        ("jayden", "kayden", "close"),
        ("karen", "karin", "close"),
        ("din", "dino", "prefix"),
        ("jaden", "ruth", "different"),
    ],
)
def test_given_names_agree_in_spite_of_nicknames_initials_and_misreading(
    left: str, right: str, level: str
) -> None:
    assert given_level(left, right) == level


def test_one_half_of_a_hyphenated_name_is_less_than_the_whole_of_it() -> None:
    assert family_level("garcia-lopez", "lopez") == "part"
    assert family_level("garcia-lopez", "garcia lopez") == "exact"
    assert family_level("garcia", "lopez") == "different"


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [
        ("7700123", "7700123", "exact"),
        ("77OO123", "7700123", "misread"),
        ("7700128", "7700123", "adjacent_number"),
        ("7780123", "7700123", "misread"),
        ("770123", "7700123", "digit"),
        ("7701023", "7700123", "digit"),
        ("7700423", "7700123", "misread"),
        ("7709123", "7700123", "misread"),
        ("7702123", "7700123", "digit"),
        ("1234567", "7700123", "different"),
        ("007700123", "7700123", "exact"),
        ("BRH4459012", "7700123", "incompatible_format"),
    ],
)
def test_numbers_agree_in_spite_of_similar_characters_or_one_error(left: str, right: str, level: str) -> None:
    assert number_level(left, right) == level


def test_addresses_agree_in_every_way_of_writing_street_and_unit() -> None:
    written = parse_address("12 Main Street Apt 4", "Boston", "MA", "02139-4307")
    assert address_level(written, parse_address("12 MAIN ST.", None, None, "02139")) == "home"
    assert address_level(written, parse_address("21 Main St", "Boston", "MA", "02139")) == "street"
    assert address_level(written, parse_address("9 Elm St", "Boston", "MA", "02139")) == "zip"
    assert address_level(written, parse_address("9 Elm Road", "Austin", "TX", "78701")) == "elsewhere"
    assert address_level(written, parse_address(None, None, None, None)) is None


def test_placeholders_for_unknown_values_are_ignored() -> None:
    person = person_from_record(
        {
            "given": "Baby Boy",
            "family": "Unknown",
            "ssn": "999-99-9999",
            "phone": "000-000-0000",
            "mrn": "0000000",
            "dob": "unknown",
        }
    )
    assert person.given is person.family is person.ssn is person.phone is person.mrn is person.dob is None


def test_a_suffix_written_into_the_name_is_a_suffix() -> None:
    person = person_from_record({"given": "John", "family": "Smith Jr."})
    assert (person.family, person.suffix) == ("smith", "jr")


def test_swapped_names_have_their_own_level() -> None:
    found = dict(
        compare_fields(
            person_from_record({"given": "Chen", "family": "Wei"}),
            person_from_record({"given": "Wei", "family": "Chen"}),
        )
    )
    assert found["given"] == found["family"] == "swapped"


def test_a_mothers_maiden_name_that_is_the_family_name_is_not_counted_twice() -> None:
    left = person_from_record({"family": "Reid", "mother_maiden": "Reid"})
    assert "mother_maiden" not in dict(compare_fields(left, left))
