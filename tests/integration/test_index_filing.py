"""A scan is filed completely or not at all, and once."""

from __future__ import annotations

from threading import Thread

import pytest

from pipeline.errors import Conflict, PageAccountingError
from pipeline.index.filing import commit
from pipeline.index.scan_result import scan_result
from pipeline.records import Document, PatientRef
from pipeline.store.database import Connection, connect
from pipeline.store.scans import quarantine
from tests.support.scan_records import (
    BLOB,
    NO_PATIENT_NAMED,
    a_document,
    a_patient,
    a_scan,
    an_outcome,
    filed,
    needs_review,
)


def count(connection: Connection, table: str) -> int:
    row = connection.execute(f"select count(*) as n from {table}").fetchone()
    assert row is not None
    return int(row["n"])


def test_a_certain_document_is_filed_and_an_uncertain_one_waits_for_review(connection: Connection) -> None:
    scan, patient = a_scan(connection), a_patient(connection, "1001", "Ada", "Novak")
    sure, doubtful = a_document([1], mrn="1001", date_of_service="2024-03-01"), a_document([2, 3])
    assert commit(
        connection,
        an_outcome(scan, ["one", "two", "three"], filed(sure, patient), needs_review(doubtful)),
        [BLOB, BLOB],
    )
    answer = scan_result(connection, scan.id)
    assert answer["status"] == "review"
    first, second = answer["documents"]
    assert (first["status"], first["patient"], first["pages"]) == (
        "filed",
        {"id": patient.id, "mrn": "1001"},
        [1],
    )
    assert first["fields"] == {"mrn": "1001", "date_of_service": "2024-03-01"}
    assert first["loinc"] == "11506-3"
    assert (second["status"], second["patient"], second["reasons"][0]["code"]) == (
        "review",
        None,
        NO_PATIENT_NAMED.code,
    )
    assert count(connection, "review_item") == 1
    assert count(connection, "decision") == 2


def test_a_scan_whose_documents_are_all_certain_is_filed(connection: Connection) -> None:
    scan, patient = a_scan(connection), a_patient(connection, "1001", "Ada", "Novak")
    commit(connection, an_outcome(scan, ["one"], filed(a_document([1]), patient)), [BLOB])
    assert scan_result(connection, scan.id)["status"] == "filed"


def test_a_scan_without_content_needs_review(connection: Connection) -> None:
    scan = a_scan(connection)
    commit(connection, an_outcome(scan, ["", ""]), [])
    answer = scan_result(connection, scan.id)
    assert (answer["status"], answer["documents"]) == ("review", [])
    assert "blank" in answer["reason"]


def test_filing_again_changes_nothing(connection: Connection) -> None:
    scan = a_scan(connection)
    outcome = an_outcome(scan, ["one"], needs_review(a_document([1])))
    assert commit(connection, outcome, [BLOB])
    assert not commit(connection, outcome, [BLOB])
    assert (count(connection, "document"), count(connection, "page"), count(connection, "review_item")) == (
        1,
        1,
        1,
    )


def test_two_workers_that_file_the_same_scan_file_it_once(connection: Connection, dsn: str) -> None:
    scan = a_scan(connection)
    outcome = an_outcome(scan, ["one"] * 20, needs_review(a_document(range(1, 21))))
    answers: list[bool] = []

    def file() -> None:
        with connect(dsn) as own:
            answers.append(commit(own, outcome, [BLOB]))

    threads = [Thread(target=file) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, False, True]
    assert count(connection, "document") == 1


def test_a_scan_in_quarantine_is_not_filed(connection: Connection) -> None:
    scan = a_scan(connection)
    assert quarantine(connection, scan.id, "damaged", "It is damaged.")
    assert not commit(connection, an_outcome(scan, ["one"], needs_review(a_document([1]))), [BLOB])


def test_nothing_is_filed_if_the_patient_does_not_exist(connection: Connection) -> None:
    scan = a_scan(connection)
    unknown = PatientRef(id=999_999, mrn=None)
    with pytest.raises(Conflict):
        commit(
            connection,
            an_outcome(scan, ["one", "two"], needs_review(a_document([1])), filed(a_document([2]), unknown)),
            [BLOB, BLOB],
        )
    assert (count(connection, "document"), count(connection, "page")) == (0, 0)
    assert scan_result(connection, scan.id)["status"] == "received"


def test_nothing_is_filed_if_a_page_is_in_two_documents(connection: Connection) -> None:
    scan = a_scan(connection)
    outcome = an_outcome(
        scan, ["one", "two"], needs_review(a_document([1, 2])), needs_review(a_document([2]))
    )
    with pytest.raises(PageAccountingError):
        commit(connection, outcome, [BLOB, BLOB])
    assert count(connection, "document") == 0


def test_the_automatic_result_is_stored_completely(connection: Connection) -> None:
    scan = a_scan(connection)
    document = Document(
        pages=(1,),
        type="other",
        type_probability=0.4,
        fields=a_document([1], mrn="7").fields,
        issues=(NO_PATIENT_NAMED,),
    )
    commit(connection, an_outcome(scan, ["one"], needs_review(document)), [BLOB])
    row = connection.execute("select machine_result from document").fetchone()
    assert row is not None
    answer = row["machine_result"]
    assert answer["fields"] == [
        {"name": "mrn", "value": "7", "page": 1, "box": [0, 0, 40, 20], "confidence": 0.8}
    ]
    assert answer["issues"] == [
        {"code": NO_PATIENT_NAMED.code, "detail": NO_PATIENT_NAMED.detail, "weight": None}
    ]


def test_text_with_characters_that_postgres_rejects_is_filed(connection: Connection) -> None:
    scan = a_scan(connection)
    document = a_document([1], patient_name="No\x00vak \ud800")
    assert commit(connection, an_outcome(scan, ["a\x00b \udfff"], needs_review(document)), [BLOB])
