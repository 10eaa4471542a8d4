"""The review queue: two users never have the same item, and an abandoned item returns to the queue."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pipeline.errors import Conflict
from pipeline.records import Reason, UnreadText
from pipeline.store.database import connect
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from pipeline.web.review.review_queue import Filters
from tests.support.hospital import Hospital, SignedInUser

ANY = Filters()
SignInAs = Callable[[Role], SignedInUser]


def test_users_who_ask_at_the_same_time_get_different_items(hospital: Hospital, dsn: str) -> None:
    items = {hospital.uncertain_item(f"{n}.pdf", pages=1) for n in range(6)}

    def take(person: int) -> int | None:
        with connect(dsn) as connection:
            return review_queue.claim_next(connection, f"person {person}", ANY, 10)

    with ThreadPoolExecutor(6) as crowd:
        assert set(crowd.map(take, range(6))) == items


def test_if_no_patient_was_found_no_key_chooses_the_nearest_candidate(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    user = sign_in_as(Role.REVIEWER)
    user.post(f"/items/{item}/claim")
    assert "Okafor, Martha" in user.get("/queue").text
    assert 'data-help="Choose candidate 1"' in user.get(f"/items/{item}").text
    no_patient = '[{"code": "no_patient_found", "detail": "No patient is likely enough."}]'
    hospital.connection.execute("update review_item set reasons = %s where id = %s", [no_patient, item])
    assert "Okafor, Martha" not in user.get("/queue").text
    page = user.get(f"/items/{item}").text
    assert "Choose candidate" not in page
    assert "Okafor, Martha" in page[page.index("Closest matches (unlikely)") :]


def test_an_item_that_is_claimed_is_not_offered_to_another_user(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    review_queue.claim(hospital.connection, item, "ann", 10)
    assert review_queue.claim_next(hospital.connection, "ben", ANY, 10) is None
    with pytest.raises(Conflict, match="ann is working"):
        review_queue.claim(hospital.connection, item, "ben", 10)


def test_an_abandoned_item_returns_to_the_queue_automatically(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    review_queue.claim(hospital.connection, item, "ann", 10)
    hospital.connection.execute("update review_item set claimed_until = now() - interval '1 second'")
    assert review_queue.claim_next(hospital.connection, "ben", ANY, 10) == item


def test_urgent_work_comes_first_then_the_oldest(hospital: Hospital) -> None:
    first, second, urgent = (
        hospital.uncertain_item("a.pdf"),
        hospital.uncertain_item("b.pdf"),
        hospital.uncertain_item("c.pdf"),
    )
    hospital.connection.execute("update review_item set priority = 20 where id = %s", [urgent])
    order = [
        review_queue.claim_next(hospital.connection, person, ANY, 10) for person in ("ann", "ben", "cem")
    ]
    assert order == [urgent, first, second]


def test_the_queue_is_filtered_by_the_kind_of_issue(hospital: Hospital) -> None:
    hospital.uncertain_item()
    cut = hospital.first_item(
        hospital.file_scan(
            "cut.pdf", [["Page"]], issue=Reason(code="split_uncertain", detail="It may be two documents.")
        )
    )
    assert review_queue.claim_next(hospital.connection, "ann", Filters(reason="split"), 10) == cut
    found = {entry["key"] for entry in review_queue.queue_counts(hospital.connection)["reason"]}
    assert {"split", "patient"} <= found


def test_a_reason_is_told_in_words_and_the_machines_figures_stand_beside(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    item = hospital.uncertain_item()
    row = hospital.connection.execute("select reasons from review_item where id = %s", [item]).fetchone()
    assert row is not None
    figure = next(reason["detail"] for reason in row["reasons"] if reason["code"] == "below_threshold")
    user = sign_in_as(Role.REVIEWER)
    queue, text = user.get("/queue").text, user.get(f"/items/{item}").text
    for shown in (queue, text):
        assert "Likely match; please confirm." in shown
        assert "Compare name, date of birth and MRN with the page, then choose the patient." in shown
    assert figure not in queue
    assert text.index("Technical details") < text.index(figure)


def test_the_patient_of_the_scans_other_documents_can_be_chosen(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    item = hospital.first_item(hospital.file_scan("chart.pdf", [["CONSENT", "I agree"]]))
    hospital.filed_document()
    hospital.connection.execute("update document set scan_id = 1, pages = '{2}' where status = 'filed'")
    user = sign_in_as(Role.REVIEWER)
    user.post(f"/items/{item}/claim")
    text = user.get(f"/items/{item}").text
    assert text.index("Patients of other documents in this scan:") < text.index("Wielgosz, Tomasz")
    assert f'value="{hospital.patient_ids[2]}" data-key="1"' in text


def test_a_user_is_informed_if_no_item_is_free(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    item = hospital.uncertain_item()
    review_queue.claim(hospital.connection, item, "ann", 10)
    user = sign_in_as(Role.REVIEWER)
    answer = user.post("/queue/next")
    assert "No items are free to claim" in user.get(answer.headers["location"]).text
    assert "No items are free to claim" not in user.get("/queue").text


def test_the_clerk_sees_why_a_file_needs_review(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    hospital.uncertain_item("ward 7.pdf")
    hospital.filed_document("clean.pdf")
    clean, ward = sign_in_as(Role.CLERK).get("/intake").text.split('<td class="name">')[1:]
    assert ("filed</span>" in clean, "in review</span>" in clean) == (True, False)
    assert "in review</span>" in ward
    assert "Uncertain patient" in ward


def test_the_queue_can_be_filtered_by_quarantine_which_links_to_its_page(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    quarantined_scan_sql = """insert into scan (sha256, name, media_type, size, status, finished_at,
                                quarantine_code, quarantine_reason)
              values (repeat('f', 64), 'torn.pdf', 'application/pdf', 1, 'quarantined', now(),
                      'broken', 'It is torn.')"""
    hospital.connection.execute(quarantined_scan_sql)
    user = sign_in_as(Role.REVIEWER)
    assert "File in quarantine (1)" in user.get("/queue").text
    answer = user.get("/queue?reason=quarantine")
    assert (answer.status_code, answer.headers["location"]) == (303, "/quarantine")
    assert "torn.pdf" in user.get("/quarantine").text


def test_a_filed_document_drawn_for_a_quality_check_is_opened_and_confirmed(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    document = hospital.filed_document()
    sql = """insert into review_item (scan_id, document_id, reasons, priority)
             select scan_id, id,
                    '[{"code": "quality_sample", "detail": "Drawn at random.", "weight": null}]', 10
             from document where id = %s returning id"""
    row = hospital.connection.execute(sql, [document]).fetchone()
    assert row is not None
    user = sign_in_as(Role.REVIEWER)
    assert user.post("/queue/next?reason=quality").headers["location"] == f"/items/{row['id']}?reason=quality"
    assert "Drawn at random." in user.get(f"/items/{row['id']}").text
    form = {"revision": "1", "type": "discharge_summary", "patient": str(hospital.patient_ids[2])}
    assert user.post(f"/items/{row['id']}/file", **form).status_code == 303
    decision = hospital.connection.execute(
        "select before, after from decision where action = 'file'"
    ).fetchone()
    assert decision is not None
    assert decision["before"]["patient_id"] == decision["after"]["patient_id"] == hospital.patient_ids[2]
    assert decision["before"]["status"] == decision["after"]["status"] == "filed"


def test_skipping_releases_the_item_and_shows_another(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    first, second = hospital.uncertain_item("a.pdf"), hospital.uncertain_item("b.pdf")
    user = sign_in_as(Role.REVIEWER)
    assert user.post("/queue/next").headers["location"] == f"/items/{first}"
    assert user.post("/queue/next", skip=first).headers["location"] == f"/items/{second}"
    assert review_queue.claim_next(hospital.connection, "ann", ANY, 10) == first


def test_a_skipped_item_is_offered_again_only_when_no_other_is_left(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    first, second, third = (hospital.uncertain_item(f"{name}.pdf") for name in "abc")
    user = sign_in_as(Role.REVIEWER)
    locations = [user.post("/queue/next").headers["location"]]
    locations += [user.post("/queue/next", skip=item).headers["location"] for item in (first, second, third)]
    assert locations == [f"/items/{item}" for item in (first, second, third, first)]


def test_an_escalated_item_waits_for_a_user_who_asks_for_escalated_items(
    hospital: Hospital, sign_in_as: Callable[[Role], SignedInUser]
) -> None:
    item = hospital.uncertain_item()
    user = sign_in_as(Role.REVIEWER)
    user.post("/queue/next")
    assert user.post(f"/items/{item}/escalate", note="Two sisters?").headers["location"] == "/queue"
    assert review_queue.claim_next(hospital.connection, "ann", ANY, 10) is None
    assert review_queue.claim_next(hospital.connection, "ann", Filters(escalated=True), 10) == item
    assert "Two sisters?" in sign_in_as(Role.SUPERVISOR).get("/queue").text


def test_a_reviewer_sees_the_print_that_was_not_read(
    hospital: Hospital, sign_in_as: SignInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_page = hospital.make_page
    unread = UnreadText(kind="print", box=(120, 610, 480, 640), letters=31)
    monkeypatch.setattr(
        hospital, "make_page", lambda number, lines: replace(make_page(number, lines), unread=(unread,))
    )
    item = hospital.uncertain_item(pages=1)
    user = sign_in_as(Role.REVIEWER)
    user.post(f"/items/{item}/claim")
    page = user.get(f"/items/{item}").text
    assert '<rect class="unread-box" x="120" y="610" width="360" height="30"/>' in page
    assert "did not read about 31 letters" in page
