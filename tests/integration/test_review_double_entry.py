"""MRN and birth date typed twice, blind: nobody sees a value that somebody else, or the machine, has read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from httpx import Response

from pipeline.config import Settings
from pipeline.errors import Conflict
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from pipeline.web.review.review_queue import Filters
from tests.reviewing import House, Visitor

Enter = Callable[[Role], Visitor]
ANY = Filters()
MACHINES_DATE = "1956-08-03"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings, with double entry."""
    return settings.model_copy(update={"web": settings.web.model_copy(update={"double_entry": True})})


def enter_values(house: House, visitor: Visitor, item: int, mrn: str, dob: str) -> Response:
    review_queue.claim(house.connection, item, visitor.name, 10)
    return visitor.post(f"/items/{item}/enter", **{"field.mrn": mrn, "field.dob": dob})


def test_nobody_sees_the_machines_values_or_the_others_before_two_have_typed(
    house: House, enter: Enter
) -> None:
    item = house.doubtful()
    first, second = enter(Role.REVIEWER), enter(Role.SUPERVISOR)
    enter_values(house, first, item, "10012345", "1956-03-08")
    review_queue.claim(house.connection, item, second.name, 10)
    for url in (f"/items/{item}", "/documents/1", f"/api/v1/items/{item}", "/api/v1/documents/1"):
        text = second.get(url).text
        assert MACHINES_DATE not in text, url
        assert "10012345" not in text, url
        assert "1956-03-08" not in text, url


def test_what_two_people_typed_alike_is_what_is_filed(house: House, enter: Enter) -> None:
    item = house.doubtful()
    first, second = enter(Role.REVIEWER), enter(Role.SUPERVISOR)
    assert enter_values(house, first, item, "1001 2345", "1956-08-30").headers["location"] == "/queue"
    assert (
        enter_values(house, second, item, "10012345 ", "1956-08-30").headers["location"] == f"/items/{item}"
    )
    assert "typed alike by reviewer and supervisor" in second.get(f"/items/{item}").text
    form = {
        "revision": "1",
        "type": "letter",
        "patient": str(house.known[0]),
        "field.mrn": "another",
        "field.dob": MACHINES_DATE,
    }
    assert second.post(f"/items/{item}/file", **form).status_code == 303
    rows = house.connection.execute(
        "select name, value from document_field where source = 'person' order by name"
    ).fetchall()
    assert [(row["name"], row["value"]) for row in rows] == [("dob", "1956-08-30"), ("mrn", "10012345")]


def test_who_has_typed_does_not_get_the_item_for_the_second_time(house: House, enter: Enter) -> None:
    item = house.doubtful()
    enter_values(house, enter(Role.REVIEWER), item, "10012345", "")
    assert review_queue.claim_next(house.connection, "reviewer", ANY, 10) is None
    with pytest.raises(Conflict, match="You have typed"):
        review_queue.claim(house.connection, item, "reviewer", 10)
    assert review_queue.claim_next(house.connection, "supervisor", ANY, 10) == item


def test_a_difference_goes_to_a_third_person_who_sees_both(house: House, enter: Enter) -> None:
    item = house.doubtful()
    enter_values(house, enter(Role.REVIEWER), item, "10012345", MACHINES_DATE)
    enter_values(house, enter(Role.SUPERVISOR), item, "10012399", MACHINES_DATE)
    for person in ("reviewer", "supervisor"):
        assert review_queue.claim_next(house.connection, person, Filters(escalated=True), 10) is None
    house.connection.execute(
        "update account set name = 'third' where name = 'reviewer'"
    )  # another person of that role
    third = enter(Role.REVIEWER)
    assert review_queue.claim_next(house.connection, "third", Filters(escalated=True), 10) == item
    text = third.get(f"/items/{item}").text
    assert "10012345" in text
    assert "10012399" in text
    form = {
        "revision": "1",
        "type": "letter",
        "patient": str(house.known[1]),
        "field.mrn": "10012399",
        "field.dob": MACHINES_DATE,
    }
    assert third.post(f"/items/{item}/file", **form).status_code == 303
    row = house.connection.execute(
        "select value from document_field where name = 'mrn' and source = 'person'"
    ).fetchone()
    assert row == {"value": "10012399"}


def test_nothing_is_filed_before_two_have_typed(house: House, enter: Enter) -> None:
    item = house.doubtful()
    visitor = enter(Role.REVIEWER)
    visitor.post(f"/items/{item}/claim")
    answer = visitor.post(f"/items/{item}/file", revision="1", type="letter", patient=str(house.known[0]))
    assert answer.status_code == 409
    assert house.connection.execute("select status from document").fetchone() == {"status": "review"}


def test_a_date_that_is_none_is_refused_in_words(house: House, enter: Enter) -> None:
    item = house.doubtful()
    answer = enter_values(house, enter(Role.REVIEWER), item, "", "8/3/56")
    assert answer.status_code == 422
    assert "YYYY-MM-DD" in answer.text or "is not a date" in answer.text
