"""The queue: two people never hold the same item, and nothing stays with who went home."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import Conflict
from pipeline.records import Reason
from pipeline.store.database import connect
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from pipeline.web.review.review_queue import Filters
from tests.reviewing import House, Visitor

ANY = Filters()
Enter = Callable[[Role], Visitor]


def test_people_asking_at_the_same_time_get_different_items(house: House, dsn: str) -> None:
    items = {house.doubtful(f"{n}.pdf", pages=1) for n in range(6)}

    def take(person: int) -> int | None:
        with connect(dsn) as connection:
            return review_queue.claim_next(connection, f"person {person}", ANY, 10)

    with ThreadPoolExecutor(6) as crowd:
        assert set(crowd.map(take, range(6))) == items


def test_where_nobody_in_the_index_is_meant_no_key_chooses_who_came_nearest(
    house: House, enter: Enter
) -> None:
    item = house.doubtful()
    visitor = enter(Role.REVIEWER)
    visitor.post(f"/items/{item}/claim")
    assert "Okafor, Martha" in visitor.get("/queue").text
    assert 'data-help="Choose candidate 1"' in visitor.get(f"/items/{item}").text
    nobody = '[{"code": "unknown_patient", "detail": "Nobody is likely enough."}]'
    house.connection.execute("update review_item set reasons = %s where id = %s", [nobody, item])
    assert "Okafor, Martha" not in visitor.get("/queue").text
    page = visitor.get(f"/items/{item}").text
    assert "Choose candidate" not in page
    assert "Okafor, Martha" in page[page.index("Who came nearest") :]


def test_an_item_that_somebody_holds_is_not_given_to_another(house: House) -> None:
    item = house.doubtful()
    review_queue.claim(house.connection, item, "ann", 10)
    assert review_queue.claim_next(house.connection, "ben", ANY, 10) is None
    with pytest.raises(Conflict, match="ann is working"):
        review_queue.claim(house.connection, item, "ben", 10)


def test_an_item_left_alone_goes_back_by_itself(house: House) -> None:
    item = house.doubtful()
    review_queue.claim(house.connection, item, "ann", 10)
    house.connection.execute("update review_item set claimed_until = now() - interval '1 second'")
    assert review_queue.claim_next(house.connection, "ben", ANY, 10) == item


def test_urgent_work_comes_first_then_the_oldest(house: House) -> None:
    first, second, urgent = house.doubtful("a.pdf"), house.doubtful("b.pdf"), house.doubtful("c.pdf")
    house.connection.execute("update review_item set priority = 20 where id = %s", [urgent])
    order = [review_queue.claim_next(house.connection, person, ANY, 10) for person in ("ann", "ben", "cem")]
    assert order == [urgent, first, second]


def test_the_queue_is_filtered_by_what_is_in_doubt(house: House) -> None:
    house.doubtful()
    cut = house.item_of(
        house.scan(
            "cut.pdf", [["Page"]], doubt=Reason(code="cut_doubtful", detail="It may be two documents.")
        )
    )
    assert review_queue.claim_next(house.connection, "ann", Filters(reason="split"), 10) == cut
    found = {entry["key"] for entry in review_queue.counts(house.connection)["reason"]}
    assert {"split", "patient"} <= found


def test_a_reason_is_told_in_words_and_the_machines_figures_stand_beside(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    item = house.doubtful()
    row = house.connection.execute("select reasons from review_item where id = %s", [item]).fetchone()
    assert row is not None
    figure = next(reason["detail"] for reason in row["reasons"] if reason["code"] == "below_threshold")
    visitor = enter(Role.REVIEWER)
    queue, text = visitor.get("/queue").text, visitor.get(f"/items/{item}").text
    for shown in (queue, text):
        assert "The nearest patient fits, but not well enough to file unseen." in shown
        assert "Compare name, birth date and MRN with the page, then choose the patient." in shown
    assert figure not in queue
    assert text.index("In the machine's words") < text.index(figure)


def test_the_patient_of_the_scans_other_documents_can_be_chosen(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    item = house.item_of(house.scan("chart.pdf", [["CONSENT", "I agree"]]))
    house.sure()
    house.connection.execute("update document set scan_id = 1, pages = '{2}' where status = 'filed'")
    visitor = enter(Role.REVIEWER)
    visitor.post(f"/items/{item}/claim")
    text = visitor.get(f"/items/{item}").text
    assert text.index("Filed from the same scan:") < text.index("Wielgosz, Tomasz")
    assert f'value="{house.known[2]}" data-key="1"' in text


def test_who_asks_for_the_next_item_where_none_is_free_is_told_so(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    item = house.doubtful()
    review_queue.claim(house.connection, item, "ann", 10)
    visitor = enter(Role.REVIEWER)
    answer = visitor.post("/queue/next")
    assert "Nothing is free to take" in visitor.get(answer.headers["location"]).text
    assert "Nothing is free to take" not in visitor.get("/queue").text


def test_the_clerk_sees_why_a_file_waits_for_a_person(house: House, enter: Callable[[Role], Visitor]) -> None:
    house.doubtful("ward 7.pdf")
    house.sure("clean.pdf")
    clean, ward = enter(Role.CLERK).get("/today").text.split('<td class="name">')[1:]
    assert ("filed</span>" in clean, "in review</span>" in clean) == (True, False)
    assert "in review</span>" in ward
    assert "Patient in doubt" in ward


def test_quarantine_is_a_reason_to_filter_by_and_leads_to_its_page(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    held = """insert into scan (sha256, name, media_type, size, status, finished_at, quarantine_code, quarantine_reason)
              values (repeat('f', 64), 'torn.pdf', 'application/pdf', 1, 'quarantined', now(), 'broken', 'It is torn.')"""
    house.connection.execute(held)
    visitor = enter(Role.REVIEWER)
    assert "File in quarantine (1)" in visitor.get("/queue").text
    answer = visitor.get("/queue?reason=quarantine")
    assert (answer.status_code, answer.headers["location"]) == (303, "/quarantine")
    assert "torn.pdf" in visitor.get("/quarantine").text


def test_a_filed_document_drawn_for_a_quality_check_is_opened_and_confirmed(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    document = house.sure()
    sql = """insert into review_item (scan_id, document_id, reasons, priority)
             select scan_id, id, '[{"code": "quality_sample", "detail": "Drawn at random.", "weight": null}]', 10
             from document where id = %s returning id"""
    row = house.connection.execute(sql, [document]).fetchone()
    assert row is not None
    visitor = enter(Role.REVIEWER)
    assert (
        visitor.post("/queue/next?reason=quality").headers["location"] == f"/items/{row['id']}?reason=quality"
    )
    assert "Drawn at random." in visitor.get(f"/items/{row['id']}").text
    form = {"revision": "1", "type": "discharge_summary", "patient": str(house.known[2])}
    assert visitor.post(f"/items/{row['id']}/file", **form).status_code == 303
    told = house.connection.execute("select before, after from decision where act = 'file'").fetchone()
    assert told is not None
    assert told["before"]["patient_id"] == told["after"]["patient_id"] == house.known[2]
    assert told["before"]["status"] == told["after"]["status"] == "filed"


def test_skipping_gives_the_item_back_and_shows_another(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    first, second = house.doubtful("a.pdf"), house.doubtful("b.pdf")
    visitor = enter(Role.REVIEWER)
    assert visitor.post("/queue/next").headers["location"] == f"/items/{first}"
    assert visitor.post("/queue/next", but=first).headers["location"] == f"/items/{second}"
    assert review_queue.claim_next(house.connection, "ann", ANY, 10) == first


def test_what_was_skipped_comes_again_only_when_nothing_else_is_left(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    first, second, third = (house.doubtful(f"{name}.pdf") for name in "abc")
    visitor = enter(Role.REVIEWER)
    seen = [visitor.post("/queue/next").headers["location"]]
    seen += [visitor.post("/queue/next", but=item).headers["location"] for item in (first, second, third)]
    assert seen == [f"/items/{item}" for item in (first, second, third, first)]


def test_a_handed_up_item_waits_for_who_asks_for_those(
    house: House, enter: Callable[[Role], Visitor]
) -> None:
    item = house.doubtful()
    visitor = enter(Role.REVIEWER)
    visitor.post("/queue/next")
    assert visitor.post(f"/items/{item}/escalate", note="Two sisters?").headers["location"] == "/queue"
    assert review_queue.claim_next(house.connection, "ann", ANY, 10) is None
    assert review_queue.claim_next(house.connection, "ann", Filters(escalated=True), 10) == item
    assert "Two sisters?" in enter(Role.SUPERVISOR).get("/queue").text
