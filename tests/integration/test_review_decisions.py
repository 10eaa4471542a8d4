"""A reviewer's decision is stored in addition to the automatic one, is rejected if another user was faster,
and can be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from pipeline.errors import Conflict, InvalidInput
from pipeline.index import document_actions
from pipeline.index.document_actions import ReviewContext, StaleRevision
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]


def document_of(hospital: Hospital, item: int) -> dict[str, Any]:
    sql = "select d.* from document d join review_item i on i.document_id = d.id where i.id = %s"
    row = hospital.connection.execute(sql, [item]).fetchone()
    assert row is not None
    return row


def context_of(hospital: Hospital, item: int, by: str = "ann") -> ReviewContext:
    review_queue.claim(hospital.connection, item, by, 10)
    document = document_of(hospital, item)
    return ReviewContext(document=document["id"], revision=document["revision"], actor=by, item=item)


def test_filing_puts_the_document_into_the_chart_and_keeps_the_automatic_result(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    before = document_of(hospital, item)
    fields = {
        "patient_name": "Okafor, Martha",
        "dob": "1956-08-03",
        "mrn": "10012345",
        "date_of_service": "2026-03-15",
    }
    document_actions.file_document(
        hospital.connection,
        context_of(hospital, item),
        patient=hospital.patient_ids[0],
        type="transfer_summary",
        fields=fields,
    )
    after = document_of(hospital, item)
    assert (after["status"], after["patient_id"], after["type"]) == (
        "filed",
        hospital.patient_ids[0],
        "transfer_summary",
    )
    assert (after["filed_by"], str(after["date_of_service"])) == ("ann", "2026-03-15")
    assert after["machine_result"] == before["machine_result"]
    assert after["type_probability"] == pytest.approx(0.02)
    rows = hospital.connection.execute(
        "select name, value, source from document_field where document_id = %s", [after["id"]]
    )
    kept = {(row["name"], row["source"]): row["value"] for row in rows}
    assert kept["date_of_service", "machine"] == "2026-03-14"
    assert kept["date_of_service", "person"] == "2026-03-15"
    assert kept["mrn", "person"] == "10012345"
    assert ("dob", "person") not in kept


def test_a_decision_records_the_values_before_and_after_and_the_user(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    decision = document_actions.file_document(
        hospital.connection,
        context_of(hospital, item),
        patient=hospital.patient_ids[1],
        type="discharge_summary",
        fields={},
    )
    row = hospital.connection.execute("select * from decision where id = %s", [decision]).fetchone()
    assert row is not None
    assert (row["decided_by"], row["action"], row["review_item_id"]) == ("ann", "file", item)
    assert (row["before"]["status"], row["after"]["status"]) == ("review", "filed")
    assert row["after"]["patient_id"] == hospital.patient_ids[1]


def test_a_decision_on_an_older_revision_is_rejected_with_the_present_values(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    mine = context_of(hospital, item)
    document_actions.file_document(
        hospital.connection, mine, patient=hospital.patient_ids[0], type="discharge_summary", fields={}
    )
    with pytest.raises(StaleRevision) as refused:
        document_actions.file_document(
            hospital.connection, mine, patient=hospital.patient_ids[1], type="letter", fields={}
        )
    assert (refused.value.changed_by, refused.value.current["patient_id"]) == ("ann", hospital.patient_ids[0])
    assert document_of(hospital, item)["patient_id"] == hospital.patient_ids[0]


def test_a_user_who_lost_the_claim_cannot_file(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    mine = context_of(hospital, item)
    hospital.connection.execute("update review_item set claimed_until = now() - interval '1 second'")
    review_queue.claim(hospital.connection, item, "ben", 10)
    with pytest.raises(Conflict, match="no longer have this item"):
        document_actions.file_document(
            hospital.connection, mine, patient=hospital.patient_ids[0], type="letter", fields={}
        )


def test_an_unknown_type_or_patient_or_an_invalid_date_is_rejected_and_nothing_changes(
    hospital: Hospital,
) -> None:
    item = hospital.uncertain_item()
    for given in ({"type": "poem"}, {"patient": 10**9}, {"fields": {"date_of_service": "2026-02-30"}}):
        values: dict[str, Any] = {"patient": hospital.patient_ids[0], "type": "letter", "fields": {}} | given
        with pytest.raises(InvalidInput), hospital.connection.transaction():
            document_actions.file_document(hospital.connection, context_of(hospital, item), **values)
    assert document_of(hospital, item)["status"] == "review"


def test_undo_restores_everything_and_the_claim_of_the_user(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    before = document_of(hospital, item)
    decision = document_actions.file_document(
        hospital.connection,
        context_of(hospital, item),
        patient=hospital.patient_ids[0],
        type="letter",
        fields={"mrn": "1", "dob": ""},
    )
    assert document_actions.undo(hospital.connection, decision, "ann") == before["id"]
    after = document_of(hospital, item)
    assert after.pop("revision") == before.pop("revision") + 2
    assert after == before
    person = "select count(*) as n from document_field where source = 'person'"
    assert hospital.connection.execute(person).fetchone() == {"n": 0}
    row = hospital.connection.execute(
        "select closed_at, claimed_by from review_item where id = %s", [item]
    ).fetchone()
    assert row == {"closed_at": None, "claimed_by": "ann"}
    with pytest.raises(Conflict, match="undone already"):
        document_actions.undo(hospital.connection, decision, "ann")


def test_only_the_last_decision_on_a_document_can_be_undone_and_only_by_its_user(
    hospital: Hospital,
) -> None:
    item = hospital.uncertain_item()
    first = document_actions.file_document(
        hospital.connection,
        context_of(hospital, item),
        patient=hospital.patient_ids[0],
        type="letter",
        fields={},
    )
    with pytest.raises(Conflict, match="decided by ann"):
        document_actions.undo(hospital.connection, first, "ben")
    document = document_of(hospital, item)
    later = ReviewContext(
        document=document["id"], revision=document["revision"], actor="ben", note="Not hers."
    )
    document_actions.withdraw(hospital.connection, later)
    with pytest.raises(StaleRevision):
        document_actions.undo(hospital.connection, first, "ann")


def test_a_reopened_document_is_in_the_queue_again_with_the_reason(hospital: Hospital) -> None:
    document = hospital.filed_document()
    document_actions.reopen(
        hospital.connection,
        ReviewContext(document=document, revision=1, actor="ann", note="The name is another."),
    )
    row = hospital.connection.execute(
        "select reasons from review_item where document_id = %s", [document]
    ).fetchone()
    assert row is not None
    assert row["reasons"][0]["detail"] == "The name is another."


def test_rejecting_needs_a_reason(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    with pytest.raises(InvalidInput, match="reason is missing"):
        document_actions.reject(hospital.connection, context_of(hospital, item))


def test_filing_from_the_page_opens_the_next_item(hospital: Hospital, sign_in_as: SignInAs) -> None:
    first, second = hospital.uncertain_item("a.pdf"), hospital.uncertain_item("b.pdf")
    user = sign_in_as(Role.REVIEWER)
    user.post("/queue/next")
    form = {
        "revision": "1",
        "type": "discharge_summary",
        "patient": str(hospital.patient_ids[0]),
        "field.mrn": "10012345",
    }
    answer = user.post(f"/items/{first}/file", **form)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/items/{second}?done=")
    assert document_of(hospital, first)["status"] == "filed"


def test_the_slower_of_two_users_sees_both_versions_and_nothing_is_saved(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    slow, fast = sign_in_as(Role.REVIEWER), sign_in_as(Role.SUPERVISOR)
    slow.post(f"/items/{item}/claim")
    hospital.connection.execute("update review_item set claimed_until = now() - interval '1 second'")
    fast.post(f"/items/{item}/claim")
    form = {"revision": "1", "type": "letter"}
    fast.post(f"/items/{item}/file", **form, patient=str(hospital.patient_ids[0]))
    answer = slow.post(f"/items/{item}/file", **form, patient=str(hospital.patient_ids[1]))
    assert answer.status_code == 409
    for shown in ("Okafor, Martha", "Okafor, Marta", "supervisor"):
        assert shown in answer.text
    assert document_of(hospital, item)["patient_id"] == hospital.patient_ids[0]


def test_an_item_whose_every_type_is_improbable_still_opens(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item = hospital.uncertain_item()
    change = """update document set type_probability = 0.001,
                machine_result = machine_result || '{"type_probability": 0.001, "alternatives": [
                    {"type": "discharge_summary", "probability": 0.001},
                    {"type": "letter", "probability": 0.0009}]}'"""
    hospital.connection.execute(change)
    assert sign_in_as(Role.REVIEWER).get(f"/items/{item}").status_code == 200


def test_filing_without_a_patient_is_rejected_with_a_message(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    user = sign_in_as(Role.REVIEWER)
    user.post(f"/items/{item}/claim")
    answer = user.post(f"/items/{item}/file", revision="1", type="letter")
    assert answer.status_code == 422
    assert "Choose the patient first" in answer.text


def test_a_typed_date_is_stored_in_iso_form_and_an_invalid_one_stays_in_the_form(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    user = sign_in_as(Role.REVIEWER)
    user.post(f"/items/{item}/claim")
    assert 'name="field.date_of_service" value="03/14/2026"' in user.get(f"/items/{item}").text
    patient = str(hospital.patient_ids[3])
    form = {"revision": "1", "type": "letter", "patient": patient, "field.mrn": "10077004"}
    refused = user.post(f"/items/{item}/file", **form, **{"field.date_of_service": "3/15/26"})
    assert refused.status_code == 422
    assert "is not a date. Enter it as MM/DD/YYYY, for example 05/02/1942." in refused.text
    kept = ('value="3/15/26"', 'value="10077004"', f'value="{patient}" checked', 'value="letter" selected')
    assert [text for text in kept if text not in refused.text] == []
    form["note"] = "The name on the page is her mother's."
    user.post(f"/items/{item}/file", **form, **{"field.date_of_service": "3/15/2026"})
    document = document_of(hospital, item)
    assert (document["status"], str(document["date_of_service"])) == ("filed", "2026-03-15")
    rows = hospital.connection.execute(
        "select value from document_field where name = 'date_of_service' and source = 'person'"
    )
    assert [row["value"] for row in rows] == ["2026-03-15"]


def test_notes_about_a_file_are_shown_with_its_item_its_document_and_in_the_intake(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    document = document_of(hospital, item)["id"]
    note = "Files are attached to the PDF."
    notes = Jsonb([{"code": "attachments", "detail": note, "weight": None}])
    hospital.connection.execute("update scan set notes = %s", [notes])
    reviewer = sign_in_as(Role.REVIEWER)
    assert note in reviewer.get(f"/items/{item}").text
    assert note in reviewer.get(f"/documents/{document}").text
    assert note in sign_in_as(Role.CLERK).get("/intake").text


def test_notes_about_a_page_are_shown_at_the_page(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item = hospital.uncertain_item()
    document = document_of(hospital, item)["id"]
    note = "The image was downscaled from 300 to 150 dpi."
    notes = Jsonb([{"code": "page_downscaled", "detail": note, "weight": None}])
    hospital.connection.execute("update page set notes = %s where number = 2", [notes])
    reviewer = sign_in_as(Role.REVIEWER)
    assert reviewer.get(f"/items/{item}").text.count(note) == 1
    assert reviewer.get(f"/documents/{document}").text.count(note) == 1
