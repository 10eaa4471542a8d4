"""The same pages, scanned or saved twice, are not filed twice without a person."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace
from threading import Thread

import pytest

from pipeline.index.filing import commit
from pipeline.index.scan_result import scan_result
from pipeline.matching.near_duplicates import ComparedPage, is_near_duplicate
from pipeline.records import PatientRef
from pipeline.store.database import Connection, connect
from pipeline.worker.duplicates import review_duplicates
from tests.support.rescans import BLANK, handwritten, printed_page, rescanned
from tests.support.scan_records import BLOB, a_document, a_patient, a_scan, an_outcome, filed

NOTE = (
    "The patient reports that the pain in the left knee has eased since the last visit. Blood pressure "
    "132/78, pulse 76 and regular. Continue naproxen 250 mg twice daily with food for two weeks."
)
RESCANNED = NOTE.replace("eased", "eascd").replace("daily", "dai1y")
STORE: dict[str, bytes] = {}
"""The previews of the pages, by their SHA-256."""

OTHER_RESULT = NOTE.replace("132/78", "118/64").replace("76", "91").replace("250", "500")


def file_note(
    connection: Connection,
    patient: PatientRef,
    sha256: str,
    *texts: str,
    pictures: Sequence[bytes] = (),
    **fields: str,
) -> int:
    """File a one-page document for each text as a worker does, and return the ID of the scan.

    Args:
        pictures: The previews of the pages; none: they have none.
    """
    for picture in pictures:
        STORE[hashlib.sha256(picture).hexdigest()] = picture
    scan = a_scan(connection, sha256.encode())
    documents = [filed(a_document([n], **fields), patient) for n in range(1, len(texts) + 1)]
    outcome = an_outcome(scan, list(texts), *documents)
    keys: list[str | None] = [hashlib.sha256(picture).hexdigest() for picture in pictures]
    pages = [
        replace(page, preview=key)
        for page, key in zip(outcome.pages, keys or [None] * len(texts), strict=True)
    ]
    outcome = replace(outcome, pages=tuple(pages))
    with connection.transaction():
        outcome = review_duplicates(connection, outcome, STORE.__getitem__)
        commit(connection, outcome, [BLOB] * len(texts))
    return scan.id


@pytest.mark.parametrize(("other", "same"), [(RESCANNED, True), (OTHER_RESULT, False), ("short", False)])
def test_texts_of_the_same_pages_are_near_duplicates(other: str, same: bool) -> None:
    assert is_near_duplicate([ComparedPage(NOTE)], [ComparedPage(other)]) is same


def test_the_same_pages_again_go_to_review_with_the_document_that_they_repeat(connection: Connection) -> None:
    patient = a_patient(connection, "1001", "Ada", "Novak")
    first = file_note(connection, patient, "1" * 64, NOTE, date_of_service="2024-03-01")
    again = file_note(connection, patient, "2" * 64, RESCANNED, date_of_service="2024-03-01")
    (original,) = scan_result(connection, first)["documents"]
    (document,) = scan_result(connection, again)["documents"]
    assert (original["status"], document["status"]) == ("filed", "review")
    (reason,) = document["reasons"]
    assert reason["code"] == "possible_duplicate"
    assert f"duplicate of document {original['id']}" in reason["detail"]


def test_pages_without_text_are_compared_by_their_pictures(connection: Connection) -> None:
    patient = a_patient(connection, "1001", "Ada", "Novak")
    drawing = handwritten(random.Random(1), BLANK)
    scans = [
        file_note(connection, patient, "1" * 64, "", pictures=[rescanned(1, drawing)]),
        file_note(
            connection, patient, "2" * 64, "", pictures=[rescanned(2, handwritten(random.Random(2), BLANK))]
        ),
        file_note(connection, patient, "3" * 64, "", pictures=[rescanned(3, drawing)]),
    ]
    assert [scan_result(connection, scan)["status"] for scan in scans] == ["filed", "filed", "review"]


def test_forms_with_the_same_print_and_other_handwriting_are_both_filed(connection: Connection) -> None:
    patient = a_patient(connection, "1001", "Ada", "Novak")
    form = printed_page(NOTE)
    scans = [
        file_note(connection, patient, digit * 64, NOTE, pictures=[rescanned(int(digit), page)])
        for digit, page in (
            ("1", handwritten(random.Random(1), form)),
            ("2", handwritten(random.Random(2), form)),
            ("3", form),
            ("4", handwritten(random.Random(1), form)),
        )
    ]
    assert [scan_result(connection, scan)["status"] for scan in scans] == [
        "filed",
        "filed",
        "filed",
        "review",
    ]


def test_the_same_page_twice_in_one_scan_is_filed_once(connection: Connection) -> None:
    patient = a_patient(connection, "1001", "Ada", "Novak")
    scan = file_note(connection, patient, "1" * 64, NOTE, NOTE)
    assert [d["status"] for d in scan_result(connection, scan)["documents"]] == ["filed", "review"]


def test_other_results_dates_and_patients_are_filed(connection: Connection) -> None:
    patient, other = (a_patient(connection, mrn, "Ada", "Novak") for mrn in ("1001", "1002"))
    scans = [
        file_note(connection, patient, "1" * 64, NOTE, date_of_service="2024-03-01"),
        file_note(connection, patient, "2" * 64, OTHER_RESULT, date_of_service="2024-03-01"),
        file_note(connection, patient, "3" * 64, NOTE, date_of_service="2024-03-02"),
        file_note(connection, other, "4" * 64, NOTE, date_of_service="2024-03-01"),
    ]
    assert {scan_result(connection, scan)["status"] for scan in scans} == {"filed"}


def test_of_two_workers_with_the_same_pages_one_files_them(connection: Connection, dsn: str) -> None:
    patient = a_patient(connection, "1001", "Ada", "Novak")

    def work(sha256: str) -> None:
        with connect(dsn) as own:
            file_note(own, patient, sha256, NOTE)

    threads = [Thread(target=work, args=(digit * 64,)) for digit in "12"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = connection.execute("select status from document order by status").fetchall()
    assert [row["status"] for row in rows] == ["filed", "review"]
