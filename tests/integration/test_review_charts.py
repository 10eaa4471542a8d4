"""A chart in the browser: by visit and year, with what is still on its way to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.index.filing import arrive
from pipeline.store.scans import load_scan
from pipeline.web.auth.permissions import Role
from pipeline.web.routes import charts
from tests.reviewing import House, Visitor

Enter = Callable[[Role], Visitor]


def large_scan(house: House) -> int:
    row = house.connection.execute(
        """insert into scan (sha256, name, media_type, size, pages_in)
           values (repeat('e', 64), 'box 12.pdf', 'application/pdf', 1, 900) returning id"""
    ).fetchone()
    assert row is not None
    return int(row["id"])


def test_documents_of_a_visit_stand_together_and_the_rest_by_year(house: House, enter: Enter) -> None:
    document = house.sure()
    house.sure("another.pdf")
    house.connection.execute(
        """insert into encounter (patient_id, number, class, location, admitted_at, discharged_at)
           values (%s, 'V77', 'I', 'Ward 3', '2026-01-30 08:00', '2026-02-04 11:00')""",
        [house.known[2]],
    )
    house.connection.execute("update document set date_of_service = '2019-05-05' where id <> %s", [document])
    text = enter(Role.CLINICIAN).get(f"/patients/{house.known[2]}").text
    stay, year = text.index("Inpatient stay 2026-01-30 to 2026-02-04"), text.index(">2019<")
    assert "visit V77 · Ward 3" in text
    assert stay < text.index(f"/documents/{document}") < year


def test_a_long_chart_is_read_page_by_page(
    house: House, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [house.sure(f"{n}.pdf") for n in range(3)]
    monkeypatch.setattr(charts, "CHART", 2)
    clinician = enter(Role.CLINICIAN)
    pages = [clinician.get(f"/patients/{house.known[2]}?skip={skip}").text for skip in (0, 2)]
    shown = [{document for document in documents if f'/documents/{document}"' in text} for text in pages]
    assert [len(found) for found in shown] == [2, 1]
    assert shown[0] | shown[1] == set(documents)
    assert (">Older<" in pages[0], ">Newer<" in pages[0]) == (True, False)
    assert (">Older<" in pages[1], ">Newer<" in pages[1]) == (False, True)


def test_a_whole_mrn_leads_straight_to_the_chart(house: House, enter: Enter) -> None:
    clinician = enter(Role.CLINICIAN)
    answer = clinician.get("/patients?q=10055501")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{house.known[2]}")
    assert clinician.get("/patients?q=1005550").status_code == 200
    assert (
        clinician.get("/patients?q=Wielgosz").status_code == 200
    )  # a name may be another's: a person looks first


@pytest.mark.parametrize("typed", ["1956-08-03", "8/3/1956", "okafor 08/03/1956", "okafer 1956-08-03"])
def test_a_birth_date_is_found_as_it_is_written_here_with_and_without_a_name(
    house: House, enter: Enter, typed: str
) -> None:
    text = enter(Role.CLINICIAN).get("/patients", params={"q": typed}).text
    assert "Okafor, Martha" in text
    assert "Okafor, Marta<" not in text


def test_from_a_document_one_goes_on_to_the_newer_and_the_older_of_its_chart(
    house: House, enter: Enter
) -> None:
    oldest, middle, newest = (house.sure(f"{year}.pdf") for year in (2019, 2020, 2021))
    for document, year in ((oldest, 2019), (middle, 2020), (newest, 2021)):
        house.connection.execute(
            "update document set date_of_service = make_date(%s, 1, 1) where id = %s", [year, document]
        )
    clinician = enter(Role.CLINICIAN)
    text = clinician.get(f"/documents/{middle}").text
    assert "2 of 3 in this chart" in text
    assert (
        text.index(f'href="/documents/{newest}"')
        < text.index("2 of 3")
        < text.index(f'href="/documents/{oldest}"')
    )
    assert "Newer <kbd>" not in clinician.get(f"/documents/{newest}").text


def test_a_scan_that_is_still_being_read_stands_in_the_chart_of_its_cover_sheet(
    house: House, enter: Enter
) -> None:
    scan = load_scan(house.connection, large_scan(house))
    arrive(house.connection, scan, house.page(1, ["PATIENT SHEET"]), mrn="10055501")
    arrive(house.connection, scan, house.page(2, ["Thorax in two planes"]))
    clinician = enter(Role.CLINICIAN)
    assert "2 of 900 pages read" in clinician.get(f"/patients/{house.known[2]}").text
    assert "box 12.pdf" not in clinician.get(f"/patients/{house.known[0]}").text


def test_a_page_that_is_still_being_read_is_found_by_its_words(house: House, enter: Enter) -> None:
    scan = load_scan(house.connection, large_scan(house))
    arrive(house.connection, scan, house.page(2, ["Thorax in two planes"]))
    text = enter(Role.CLINICIAN).get("/search?q=thorax").text
    assert f"Page 2 of scan {scan.id}" in text
    assert "Nothing found" not in text
