"""Rejected HL7 messages on the web: listed with their reason, settled by a note or by the merge that they ask
for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.patients.adt import process_message
from pipeline.patients.patient_merge import merge
from pipeline.web.auth.permissions import Role
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]


def message_row(hospital: Hospital, message: int) -> dict[str, Any]:
    row = hospital.connection.execute("select * from adt_message where id = %s", [message]).fetchone()
    assert row is not None
    return row


def test_a_rejected_message_is_listed_with_sender_control_id_reason_and_record_numbers(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    message = hospital.rejected_message()
    control = message_row(hospital, message)["control_id"]
    for role in (Role.SUPERVISOR, Role.ADMINISTRATOR):
        page = sign_in_as(role).get("/messages").text
        for text in ("REGISTRATION, NORTH", control, "ADT A40", "differ", "10012345", "10055501"):
            assert text in page, (role, text)


def test_an_administrator_sees_no_link_to_a_chart(hospital: Hospital, sign_in_as: SignInAs) -> None:
    hospital.rejected_message()
    page = sign_in_as(Role.ADMINISTRATOR).get("/messages").text
    assert "/patients/" not in page
    assert "Okafor" not in page


@pytest.mark.parametrize("event", ["A24", "A43", "A37"])
def test_a_change_that_a_person_must_make_is_listed_with_its_patients(
    hospital: Hospital, sign_in_as: SignInAs, event: str
) -> None:
    message = hospital.rejected_message(event)
    assert message_row(hospital, message)["patients"] == [{"mrn": "10012345", "priors": ["10055501"]}]
    assert f"ADT {event}" in sign_in_as(Role.SUPERVISOR).get("/messages").text


def test_a_settled_message_has_its_note_and_is_not_applied_when_it_is_sent_again(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    message = hospital.rejected_message("A43")
    body = bytes(message_row(hospital, message)["body"])
    user = sign_in_as(Role.ADMINISTRATOR)
    answer = user.post(f"/messages/{message}/settle", note="The account was moved by hand.")
    assert (answer.status_code, answer.headers["location"]) == (303, "/messages")
    row = message_row(hospital, message)
    assert (row["status"], row["settled_by"], row["settled_note"], row["body"]) == (
        "settled",
        "administrator",
        "The account was moved by hand.",
        None,
    )
    assert "No message waits" in user.get("/messages").text
    assert "The account was moved by hand." in user.get("/messages?state=settled").text
    assert process_message(hospital.connection, body).acknowledgment_code == "AA"
    assert message_row(hospital, message)["status"] == "settled"
    audit = hospital.connection.execute(
        "select account, detail from audit where action = 'settle_message'"
    ).fetchall()
    assert audit == [
        {
            "account": "administrator",
            "detail": {"message": message, "note": "The account was moved by hand."},
        }
    ]


def test_a_message_is_settled_by_the_merge_that_it_asks_for_with_comparison_and_reason(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    message = hospital.rejected_message()
    kept, given_up = hospital.patient_ids[0], hospital.patient_ids[2]
    user = sign_in_as(Role.SUPERVISOR)
    link = f"/patients/{kept}/merge?other=10055501&amp;message={message}"
    assert link in user.get("/messages").text
    assert f'name="hl7_message" value="{message}"' in user.get(link.replace("&amp;", "&")).text
    form = {"other": given_up, "hl7_message": message}
    second_look = user.post(f"/patients/{kept}/merge", **form)
    assert "Why are they the same person?" in second_look.text
    assert f'name="hl7_message" value="{message}"' in second_look.text
    assert message_row(hospital, message)["status"] == "rejected"
    answer = user.post(f"/patients/{kept}/merge", **form, confirmed="true", note="Renamed by a court.")
    assert answer.headers["location"] == "/messages"
    row = message_row(hospital, message)
    assert (row["status"], row["settled_note"]) == (
        "settled",
        "Merged 10055501 into 10012345. Renamed by a court.",
    )


def test_a_message_waits_until_all_its_merges_are_done(hospital: Hospital, sign_in_as: SignInAs) -> None:
    message = hospital.rejected_message(prior="10055501^^^NORTH^MR~10077004")
    kept, *_ = hospital.patient_ids
    user = sign_in_as(Role.SUPERVISOR)
    states = []
    for other in hospital.patient_ids[2:4]:
        form = {"other": other, "hl7_message": message, "confirmed": "true", "note": "One person."}
        assert user.post(f"/patients/{kept}/merge", **form).status_code == 303
        states.append(message_row(hospital, message)["status"])
    assert states == ["rejected", "settled"]


def test_a_merge_that_a_person_has_done_is_acknowledged_under_a_new_control_id(hospital: Hospital) -> None:
    body = bytes(message_row(hospital, hospital.rejected_message())["body"])
    merge(hospital.connection, hospital.patient_ids[2], hospital.patient_ids[0], "mwhite")
    again = process_message(hospital.connection, body.replace(b"|C1|", b"|C2|"))
    assert (again.status, again.problem) == ("applied", None)
