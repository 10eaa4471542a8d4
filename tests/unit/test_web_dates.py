"""Dates and times as a hospital writes and types them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipeline.errors import InvalidInput
from pipeline.web.dates import DateFormat, DateOrder

MDY, DMY, YMD = DateFormat(order="mdy"), DateFormat(order="dmy"), DateFormat(order="ymd")


@pytest.mark.parametrize(
    ("order", "shown"), [("mdy", "05/02/1942"), ("dmy", "02/05/1942"), ("ymd", "1942-05-02")]
)
def test_a_date_is_shown_in_the_order_of_the_hospital_and_read_back(order: DateOrder, shown: str) -> None:
    dates = DateFormat(order=order)
    assert dates.format_date(date(1942, 5, 2)) == dates.format_date("1942-05-02") == shown
    assert dates.parse_date(shown) == "1942-05-02"


def test_a_text_that_is_not_an_iso_date_is_shown_as_it_is() -> None:
    assert [MDY.format_date(text) for text in ("1942", "05/2/42", "1942-13-45", "", None)] == [
        "1942", "05/2/42", "1942-13-45", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("order", "zone", "shown"),
    [
        ("mdy", "America/New_York", "01/02/2026 2:05 PM EST"),
        ("mdy", "America/Chicago", "01/02/2026 1:05 PM CST"),
        ("dmy", "Europe/Berlin", "02/01/2026 20:05 CET"),
        ("ymd", "America/Sao_Paulo", "2026-01-02 16:05 UTC-03"),
        ("ymd", "UTC", "2026-01-02 19:05 UTC"),
    ],
)
def test_a_time_is_shown_in_the_time_zone_with_its_abbreviation(
    order: DateOrder, zone: str, shown: str
) -> None:
    time = datetime(2026, 1, 2, 19, 5, tzinfo=UTC)
    assert DateFormat(order=order, time_zone=zone).format_datetime(time) == shown


def test_a_time_shortly_before_midnight_has_the_date_of_the_time_zone() -> None:
    time = datetime(2026, 7, 5, 2, 0, tzinfo=UTC)
    dates = DateFormat(order="mdy", time_zone="America/New_York")
    assert dates.format_datetime(time) == "07/04/2026 10:00 PM EDT"
    assert dates.format_date(time) == "07/04/2026"


@pytest.mark.parametrize(
    "typed", ["05/02/1942", "5/2/1942", " 5-2-1942 ", "5.2.1942", "05021942", "1942-05-02"]
)
def test_month_day_year_is_accepted_in_several_forms(typed: str) -> None:
    assert MDY.parse_date(typed) == "1942-05-02"


@pytest.mark.parametrize("typed", ["02/05/1942", "2.5.1942", "02051942", "1942-05-02"])
def test_day_month_year_is_accepted_in_several_forms(typed: str) -> None:
    assert DMY.parse_date(typed) == "1942-05-02"


@pytest.mark.parametrize("typed", ["1942-05-02", "1942/5/2", "19420502"])
def test_year_month_day_is_accepted_in_several_forms(typed: str) -> None:
    assert YMD.parse_date(typed) == "1942-05-02"


@pytest.mark.parametrize(
    "typed", ["05/02/42", "25/12/1942", "02/30/1942", "May 2, 1942", "5/2-1942", "1942", "19421205", "0"]
)
def test_an_ambiguous_or_impossible_date_is_rejected_with_the_expected_form(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        MDY.parse_date(typed)
    assert typed in str(refused.value)
    assert refused.value.remedy == "Enter it as MM/DD/YYYY, for example 05/02/1942."


def test_an_empty_date_stays_empty() -> None:
    assert MDY.parse_date("  ") == ""


def test_dates_in_a_search_are_converted_and_numbers_stay() -> None:
    assert DMY.dates_to_iso("okafor 2/5/1942 05021942 13/13/1942") == "okafor 1942-05-02 05021942 13/13/1942"
