"""Documents are found by what a user remembers of them."""

from __future__ import annotations

import pytest

from pipeline.errors import InvalidInput, NotFound
from pipeline.index.filing import commit
from pipeline.index.search import HIT_START, search, search_pending
from pipeline.store.database import Connection
from pipeline.web.review.review_item import find_patients
from tests.support.scan_records import BLOB, a_document, a_patient, a_scan, an_outcome, filed, needs_review

TEXTS = [
    "Admission note. The patient fell from a ladder.",
    "Radiology: displaced fracture of the left hip, no dislocation.",
    "Referral for physiotherapy of the shoulder.",
    "Consent to surgery.",
]


@pytest.fixture
def found(connection: Connection) -> Connection:
    """A two-page note of Gonzalez of March 2024, a referral of Okafor, and an uncertain consent."""
    gonzalez = a_patient(connection, "MR-0012345", "Katherine", "Gonzalez")
    okafor = a_patient(connection, "MR-0099999", "Chidi", "Okafor")
    note = a_document([1, 2], "history_and_physical", date_of_service="2024-03-01")
    referral = a_document([3], "referral_letter", date_of_service="2024-05-17")
    filings = (filed(note, gonzalez), filed(referral, okafor), needs_review(a_document([4], "consent_form")))
    commit(connection, an_outcome(a_scan(connection), TEXTS, *filings), [BLOB] * 3)
    return connection


def types(connection: Connection, query: str, **narrowed: str) -> list[str]:
    return [hit.type for hit in search(connection, query, **narrowed)]  # type: ignore[arg-type]


def test_a_document_is_found_by_a_word_on_its_second_page(found: Connection) -> None:
    (hit,) = search(found, "fracture")
    assert (hit.type, hit.page, hit.why) == ("history_and_physical", 2, "text")
    assert f"{HIT_START}fracture" in hit.snippet


@pytest.mark.parametrize(
    "query",
    [
        *(
            "fractures",
            '"left hip"',
            "ladder dislocation",
            "fracture -shoulder",
            "Katherine Gonzalez",
            "gonzales",
            "Gonsalez",
        ),
        *(
            "MR-0012345",
            "mr 0012345",
            "mrn: MR-0012345",
            "2024-03-01",
            "03/01/2024",
            "2024-03",
            "hip 2024-03",
        ),
    ],
)
def test_a_document_is_found_by_many_kinds_of_query(found: Connection, query: str) -> None:
    assert types(found, query)[:1] == ["history_and_physical"]


@pytest.mark.parametrize(
    "query", ['"hip left"', "fracture -hip", "hip 2024-04", "ladder surgery", "2031-01-01", "the"]
)
def test_words_that_are_not_on_a_page_are_not_found(found: Connection, query: str) -> None:
    assert types(found, query) == []


def test_a_document_is_found_by_its_number(found: Connection) -> None:
    (first, *_) = search(found, "shoulder")
    assert next((hit.document, hit.why) for hit in search(found, str(first.document))) == (
        first.document,
        "id",
    )


def test_a_search_can_be_limited_to_a_chart_or_a_type(found: Connection) -> None:
    assert types(found, "of", patient="MR-0099999") == []
    assert types(found, "shoulder OR hip", patient="MR-0099999") == ["referral_letter"]
    assert types(found, "shoulder OR hip", type="history_and_physical") == ["history_and_physical"]


def test_a_document_in_review_is_found_and_marked(found: Connection) -> None:
    (hit,) = search(found, "consent")
    assert (hit.status, hit.patient) == ("review", None)


def test_an_unknown_mrn_or_type_is_an_error_and_not_an_empty_result(found: Connection) -> None:
    with pytest.raises(NotFound):
        search(found, "hip", patient="nobody")
    with pytest.raises(NotFound):
        search(found, "hip", type="nothing")


def test_a_query_of_100_000_letters_is_refused_before_the_database_is_asked(found: Connection) -> None:
    for query in ("G" * 100_000, "hip " * 60):
        for ask in (search, search_pending, find_patients):
            with pytest.raises(InvalidInput) as refused:
                ask(found, query)
            assert refused.value.code == "query_too_long"
    with pytest.raises(InvalidInput):
        search(found, "hip", patient="9" * 100_000)


def test_a_withdrawn_document_is_not_found(found: Connection) -> None:
    found.execute("update document set status = 'withdrawn' where type = 'referral_letter'")
    assert types(found, "shoulder") == []
