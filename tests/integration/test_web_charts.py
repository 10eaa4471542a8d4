"""A chart on the web: its documents by encounter and year, and those in review or being processed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.index.filing import add_pending_page
from pipeline.store.scans import load_scan
from pipeline.web.auth.permissions import Role
from pipeline.web.routes import charts
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]


def large_scan(hospital: Hospital) -> int:
    row = hospital.connection.execute(
        """insert into scan (sha256, name, media_type, size, pages_in)
           values (repeat('e', 64), 'box 12.pdf', 'application/pdf', 1, 900) returning id"""
    ).fetchone()
    assert row is not None
    return int(row["id"])


def test_documents_are_grouped_by_visit_and_the_rest_by_year(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    document = hospital.filed_document()
    hospital.filed_document("another.pdf")
    hospital.connection.execute(
        """insert into encounter (patient_id, number, class, location, admitted_at, discharged_at)
           values (%s, 'V77', 'I', 'Ward 3', '2026-01-30 08:00', '2026-02-04 11:00')""",
        [hospital.patient_ids[2]],
    )
    hospital.connection.execute(
        "update document set date_of_service = '2019-05-05' where id <> %s", [document]
    )
    text = sign_in_as(Role.CLINICIAN).get(f"/patients/{hospital.patient_ids[2]}").text
    stay, year = text.index("Inpatient stay 01/30/2026 to 02/04/2026"), text.index(">2019<")
    assert "encounter V77 · Ward 3" in text
    assert stay < text.index(f"/documents/{document}") < year


def test_a_long_chart_is_shown_page_by_page(
    hospital: Hospital, sign_in_as: SignInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [hospital.filed_document(f"{n}.pdf") for n in range(3)]
    monkeypatch.setattr(charts, "DOCUMENTS_PER_PAGE", 2)
    clinician = sign_in_as(Role.CLINICIAN)
    pages = [clinician.get(f"/patients/{hospital.patient_ids[2]}?offset={offset}").text for offset in (0, 2)]
    shown = [{document for document in documents if f'/documents/{document}"' in text} for text in pages]
    assert [len(found) for found in shown] == [2, 1]
    assert shown[0] | shown[1] == set(documents)
    assert (">Older<" in pages[0], ">Newer<" in pages[0]) == (True, False)
    assert (">Older<" in pages[1], ">Newer<" in pages[1]) == (False, True)


def test_a_complete_mrn_opens_the_chart(hospital: Hospital, sign_in_as: SignInAs) -> None:
    clinician = sign_in_as(Role.CLINICIAN)
    answer = clinician.get("/patients?q=10055501")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{hospital.patient_ids[2]}")
    assert clinician.get("/patients?q=1005550").status_code == 200
    assert (
        clinician.get("/patients?q=Wielgosz").status_code == 200
    )  # a name may be another's: a person looks first


@pytest.mark.parametrize("typed", ["1956-08-03", "8/3/1956", "okafor 08/03/1956", "okafer 1956-08-03"])
def test_a_birth_date_is_found_in_the_form_of_the_hospital_with_and_without_a_name(
    hospital: Hospital, sign_in_as: SignInAs, typed: str
) -> None:
    text = sign_in_as(Role.CLINICIAN).get("/patients", params={"q": typed}).text
    assert "Okafor, Martha" in text
    assert "Okafor, Marta<" not in text


def test_a_document_links_to_the_newer_and_the_older_one_in_its_chart(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    oldest, middle, newest = (hospital.filed_document(f"{year}.pdf") for year in (2019, 2020, 2021))
    for document, year in ((oldest, 2019), (middle, 2020), (newest, 2021)):
        hospital.connection.execute(
            "update document set date_of_service = make_date(%s, 1, 1) where id = %s", [year, document]
        )
    clinician = sign_in_as(Role.CLINICIAN)
    text = clinician.get(f"/documents/{middle}").text
    assert "2 of 3 in this chart" in text
    assert (
        text.index(f'href="/documents/{newest}"')
        < text.index("2 of 3")
        < text.index(f'href="/documents/{oldest}"')
    )
    assert "Newer <kbd>" not in clinician.get(f"/documents/{newest}").text


def test_a_scan_that_is_still_being_read_is_in_the_chart_of_its_cover_sheet(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    scan = load_scan(hospital.connection, large_scan(hospital))
    add_pending_page(hospital.connection, scan, hospital.make_page(1, ["PATIENT SHEET"]), mrn="10055501")
    add_pending_page(hospital.connection, scan, hospital.make_page(2, ["Thorax in two planes"]))
    clinician = sign_in_as(Role.CLINICIAN)
    assert "2 of 900 pages read" in clinician.get(f"/patients/{hospital.patient_ids[2]}").text
    assert "box 12.pdf" not in clinician.get(f"/patients/{hospital.patient_ids[0]}").text


def test_a_page_of_a_scan_that_is_still_being_read_is_found_by_its_words(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    scan = load_scan(hospital.connection, large_scan(hospital))
    add_pending_page(hospital.connection, scan, hospital.make_page(2, ["Thorax in two planes"]))
    text = sign_in_as(Role.CLINICIAN).get("/search?q=thorax").text
    assert f"Page 2 of scan {scan.id}" in text
    assert "No results" not in text
