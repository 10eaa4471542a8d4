"""MRN and birth date are typed twice, blind: no one sees a value that another user, or the OCR, has read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from httpx import Response

from pipeline.config import Settings
from pipeline.errors import Conflict
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from pipeline.web.review.review_queue import Filters
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]
ANY = Filters()
MACHINES_DATE = "1956-08-03"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings, with double entry."""
    return settings.model_copy(update={"web": settings.web.model_copy(update={"double_entry": True})})


def enter_values(hospital: Hospital, user: SignedInUser, item: int, mrn: str, dob: str) -> Response:
    review_queue.claim(hospital.connection, item, user.name, 10)
    return user.post(f"/items/{item}/enter", **{"field.mrn": mrn, "field.dob": dob})


def test_no_one_sees_the_values_of_ocr_or_of_others_before_two_users_have_typed(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    first, second = sign_in_as(Role.REVIEWER), sign_in_as(Role.SUPERVISOR)
    enter_values(hospital, first, item, "10012345", "1956-03-08")
    review_queue.claim(hospital.connection, item, second.name, 10)
    for url in (f"/items/{item}", "/documents/1", f"/api/v1/items/{item}", "/api/v1/documents/1"):
        text = second.get(url).text
        assert MACHINES_DATE not in text, url
        assert "08/03/1956" not in text, url
        assert "10012345" not in text, url
        assert "1956-03-08" not in text, url
        assert "03/08/1956" not in text, url


def test_the_values_that_two_users_typed_alike_are_filed(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item = hospital.uncertain_item()
    first, second = sign_in_as(Role.REVIEWER), sign_in_as(Role.SUPERVISOR)
    assert enter_values(hospital, first, item, "1001 2345", "1956-08-30").headers["location"] == "/queue"
    assert (
        enter_values(hospital, second, item, "10012345 ", "1956-08-30").headers["location"]
        == f"/items/{item}"
    )
    assert (
        "reviewer and supervisor entered the same MRN and date of birth" in second.get(f"/items/{item}").text
    )
    form = {
        "revision": "1",
        "type": "letter",
        "patient": str(hospital.patient_ids[0]),
        "field.mrn": "another",
        "field.dob": MACHINES_DATE,
    }
    assert second.post(f"/items/{item}/file", **form).status_code == 303
    rows = hospital.connection.execute(
        "select name, value from document_field where source = 'person' order by name"
    ).fetchall()
    assert [(row["name"], row["value"]) for row in rows] == [("dob", "1956-08-30"), ("mrn", "10012345")]


def test_a_user_who_has_typed_does_not_get_the_item_again(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item = hospital.uncertain_item()
    enter_values(hospital, sign_in_as(Role.REVIEWER), item, "10012345", "")
    assert review_queue.claim_next(hospital.connection, "reviewer", ANY, 10) is None
    with pytest.raises(Conflict, match="You have typed"):
        review_queue.claim(hospital.connection, item, "reviewer", 10)
    assert review_queue.claim_next(hospital.connection, "supervisor", ANY, 10) == item


def test_a_difference_goes_to_a_third_user_who_sees_both(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item = hospital.uncertain_item()
    enter_values(hospital, sign_in_as(Role.REVIEWER), item, "10012345", MACHINES_DATE)
    enter_values(hospital, sign_in_as(Role.SUPERVISOR), item, "10012399", MACHINES_DATE)
    for person in ("reviewer", "supervisor"):
        assert review_queue.claim_next(hospital.connection, person, Filters(escalated=True), 10) is None
    hospital.connection.execute(
        "update account set name = 'third' where name = 'reviewer'"
    )  # another person of that role
    third = sign_in_as(Role.REVIEWER)
    assert review_queue.claim_next(hospital.connection, "third", Filters(escalated=True), 10) == item
    text = third.get(f"/items/{item}").text
    assert "10012345" in text
    assert "10012399" in text
    form = {
        "revision": "1",
        "type": "letter",
        "patient": str(hospital.patient_ids[1]),
        "field.mrn": "10012399",
        "field.dob": MACHINES_DATE,
    }
    assert third.post(f"/items/{item}/file", **form).status_code == 303
    row = hospital.connection.execute(
        "select value from document_field where name = 'mrn' and source = 'person'"
    ).fetchone()
    assert row == {"value": "10012399"}


def test_nothing_is_filed_before_two_users_have_typed(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item = hospital.uncertain_item()
    user = sign_in_as(Role.REVIEWER)
    user.post(f"/items/{item}/claim")
    answer = user.post(
        f"/items/{item}/file", revision="1", type="letter", patient=str(hospital.patient_ids[0])
    )
    assert answer.status_code == 409
    assert hospital.connection.execute("select status from document").fetchone() == {"status": "review"}


def test_an_invalid_date_is_rejected_with_a_message(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item = hospital.uncertain_item()
    answer = enter_values(hospital, sign_in_as(Role.REVIEWER), item, "", "8/3/56")
    assert answer.status_code == 422
    assert "is not a date. Enter it as MM/DD/YYYY, for example 05/02/1942." in answer.text
    assert 'value="8/3/56"' in answer.text
