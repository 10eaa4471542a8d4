"""A person's decision stands beside the machine's, is refused where somebody was faster, and can be
undone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.errors import BadInput, Conflict
from pipeline.index import document_actions
from pipeline.index.document_actions import Outdated, Sight
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from tests.reviewing import House, Visitor

Enter = Callable[[Role], Visitor]


def document_of(house: House, item: int) -> dict[str, Any]:
    sql = "select d.* from document d join review_item i on i.document_id = d.id where i.id = %s"
    row = house.connection.execute(sql, [item]).fetchone()
    assert row is not None
    return row


def sight(house: House, item: int, by: str = "ann") -> Sight:
    review_queue.claim(house.connection, item, by, 10)
    document = document_of(house, item)
    return Sight(document=document["id"], revision=document["revision"], by=by, item=item)


def test_filing_puts_the_document_into_the_chart_and_keeps_the_machines_answer(house: House) -> None:
    item = house.doubtful()
    before = document_of(house, item)
    fields = {
        "patient_name": "Okafor, Martha",
        "dob": "1956-08-03",
        "mrn": "10012345",
        "date_of_service": "2026-03-15",
    }
    document_actions.file_document(
        house.connection, sight(house, item), patient=house.known[0], type="transfer_summary", fields=fields
    )
    after = document_of(house, item)
    assert (after["status"], after["patient_id"], after["type"]) == (
        "filed",
        house.known[0],
        "transfer_summary",
    )
    assert (after["filed_by"], str(after["date_of_service"])) == ("ann", "2026-03-15")
    assert after["machine"] == before["machine"]
    assert after["type_probability"] == pytest.approx(0.02)
    rows = house.connection.execute(
        "select name, value, source from document_field where document_id = %s", [after["id"]]
    )
    kept = {(row["name"], row["source"]): row["value"] for row in rows}
    assert kept["date_of_service", "machine"] == "2026-03-14"
    assert kept["date_of_service", "person"] == "2026-03-15"
    assert kept["mrn", "person"] == "10012345"
    assert ("dob", "person") not in kept


def test_a_decision_tells_what_was_before_and_after_and_by_whom(house: House) -> None:
    item = house.doubtful()
    decision = document_actions.file_document(
        house.connection, sight(house, item), patient=house.known[1], type="discharge_summary", fields={}
    )
    row = house.connection.execute("select * from decision where id = %s", [decision]).fetchone()
    assert row is not None
    assert (row["decided_by"], row["act"], row["review_item_id"]) == ("ann", "file", item)
    assert (row["before"]["status"], row["after"]["status"]) == ("review", "filed")
    assert row["after"]["patient_id"] == house.known[1]


def test_who_saw_an_older_revision_is_refused_and_told_what_stands_there(house: House) -> None:
    item = house.doubtful()
    mine = sight(house, item)
    document_actions.file_document(
        house.connection, mine, patient=house.known[0], type="discharge_summary", fields={}
    )
    with pytest.raises(Outdated) as refused:
        document_actions.file_document(
            house.connection, mine, patient=house.known[1], type="letter", fields={}
        )
    assert (refused.value.by, refused.value.theirs["patient_id"]) == ("ann", house.known[0])
    assert document_of(house, item)["patient_id"] == house.known[0]


def test_who_lost_the_claim_cannot_file(house: House) -> None:
    item = house.doubtful()
    mine = sight(house, item)
    house.connection.execute("update review_item set claimed_until = now() - interval '1 second'")
    review_queue.claim(house.connection, item, "ben", 10)
    with pytest.raises(Conflict, match="no longer yours"):
        document_actions.file_document(
            house.connection, mine, patient=house.known[0], type="letter", fields={}
        )


def test_a_type_patient_or_date_that_does_not_exist_is_refused_and_nothing_changes(house: House) -> None:
    item = house.doubtful()
    for given in ({"type": "poem"}, {"patient": 10**9}, {"fields": {"date_of_service": "2026-02-30"}}):
        values: dict[str, Any] = {"patient": house.known[0], "type": "letter", "fields": {}} | given
        with pytest.raises(BadInput), house.connection.transaction():
            document_actions.file_document(house.connection, sight(house, item), **values)
    assert document_of(house, item)["status"] == "review"


def test_undo_brings_back_everything_and_the_item_to_the_person(house: House) -> None:
    item = house.doubtful()
    before = document_of(house, item)
    decision = document_actions.file_document(
        house.connection,
        sight(house, item),
        patient=house.known[0],
        type="letter",
        fields={"mrn": "1", "dob": ""},
    )
    assert document_actions.undo(house.connection, decision, "ann") == before["id"]
    after = document_of(house, item)
    assert after.pop("revision") == before.pop("revision") + 2
    assert after == before
    person = "select count(*) as n from document_field where source = 'person'"
    assert house.connection.execute(person).fetchone() == {"n": 0}
    row = house.connection.execute(
        "select settled_at, claimed_by from review_item where id = %s", [item]
    ).fetchone()
    assert row == {"settled_at": None, "claimed_by": "ann"}
    with pytest.raises(Conflict, match="undone already"):
        document_actions.undo(house.connection, decision, "ann")


def test_only_the_last_decision_about_a_document_can_be_undone_and_only_by_who_made_it(house: House) -> None:
    item = house.doubtful()
    first = document_actions.file_document(
        house.connection, sight(house, item), patient=house.known[0], type="letter", fields={}
    )
    with pytest.raises(Conflict, match="decided by ann"):
        document_actions.undo(house.connection, first, "ben")
    document = document_of(house, item)
    later = Sight(document=document["id"], revision=document["revision"], by="ben", note="Not hers.")
    document_actions.withdraw(house.connection, later)
    with pytest.raises(Outdated):
        document_actions.undo(house.connection, first, "ann")


def test_a_document_sent_back_is_in_the_queue_again_with_the_reason(house: House) -> None:
    document = house.sure()
    document_actions.reopen(
        house.connection, Sight(document=document, revision=1, by="ann", note="The name is another.")
    )
    row = house.connection.execute(
        "select reasons from review_item where document_id = %s", [document]
    ).fetchone()
    assert row is not None
    assert row["reasons"][0]["detail"] == "The name is another."


def test_rejecting_needs_a_reason(house: House) -> None:
    item = house.doubtful()
    with pytest.raises(BadInput, match="no reason"):
        document_actions.reject(house.connection, sight(house, item))


def test_filing_from_the_page_goes_on_to_the_next_item(house: House, enter: Enter) -> None:
    first, second = house.doubtful("a.pdf"), house.doubtful("b.pdf")
    visitor = enter(Role.REVIEWER)
    visitor.post("/queue/next")
    form = {
        "revision": "1",
        "type": "discharge_summary",
        "patient": str(house.known[0]),
        "field.mrn": "10012345",
    }
    answer = visitor.post(f"/items/{first}/file", **form)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/items/{second}?done=")
    assert document_of(house, first)["status"] == "filed"


def test_the_slower_of_two_sees_both_versions_and_nothing_is_saved(house: House, enter: Enter) -> None:
    item = house.doubtful()
    slow, fast = enter(Role.REVIEWER), enter(Role.SUPERVISOR)
    slow.post(f"/items/{item}/claim")
    house.connection.execute("update review_item set claimed_until = now() - interval '1 second'")
    fast.post(f"/items/{item}/claim")
    form = {"revision": "1", "type": "letter"}
    fast.post(f"/items/{item}/file", **form, patient=str(house.known[0]))
    answer = slow.post(f"/items/{item}/file", **form, patient=str(house.known[1]))
    assert answer.status_code == 409
    for shown in ("Okafor, Martha", "Okafor, Marta", "supervisor"):
        assert shown in answer.text
    assert document_of(house, item)["patient_id"] == house.known[0]


def test_an_item_whose_every_type_is_improbable_still_opens(house: House, enter: Enter) -> None:
    item = house.doubtful()
    change = """update document set type_probability = 0.001, machine = machine || '{"type_probability": 0.001, "alternatives":
                [{"type": "discharge_summary", "probability": 0.001}, {"type": "letter", "probability": 0.0009}]}'"""
    house.connection.execute(change)
    assert enter(Role.REVIEWER).get(f"/items/{item}").status_code == 200


def test_filing_without_a_patient_is_refused_in_words(house: House, enter: Enter) -> None:
    item = house.doubtful()
    visitor = enter(Role.REVIEWER)
    visitor.post(f"/items/{item}/claim")
    answer = visitor.post(f"/items/{item}/file", revision="1", type="letter")
    assert answer.status_code == 422
    assert "Choose the patient first" in answer.text
