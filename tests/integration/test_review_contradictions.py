"""Filing against the page requires a reason, and no patient is selected in advance without certainty."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from pipeline.patients import patient_merge
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]


def claimed_item(hospital: Hospital, user: SignedInUser) -> int:
    item = hospital.uncertain_item()
    review_queue.claim(hospital.connection, item, user.name, 10)
    return item


def filed(hospital: Hospital) -> dict[str, Any]:
    row = hospital.connection.execute(
        """select d.status, d.patient_id, n.note from document d
           left join decision n on n.document_id = d.id and n.action = 'file'"""
    ).fetchone()
    assert row is not None
    return row


def checked_patients(text: str) -> list[int]:
    inputs = re.findall(r"<input type=\"radio\"[^>]*>", text)
    return [int(re.findall(r'value="(\d+)"', tag)[0]) for tag in inputs if " checked" in tag]


def test_a_patient_who_contradicts_the_page_is_filed_only_with_a_reason(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    user, tomasz = sign_in_as(Role.REVIEWER), hospital.patient_ids[2]
    item = claimed_item(hospital, user)
    form = {"revision": 1, "type": "letter", "patient": tomasz, "field.mrn": "10055501"}
    refused = user.post(f"/items/{item}/file", **form, note=" ")
    assert refused.status_code == 400
    for text in ("This patient contradicts the page", "Date of birth: different", 'value="10055501"'):
        assert text in refused.text
    assert checked_patients(refused.text) == [tomasz]
    assert filed(hospital) == {"status": "review", "patient_id": None, "note": None}
    assert user.post(f"/items/{item}/file", **form, note="The label is another's.").status_code == 303
    assert filed(hospital) == {"status": "filed", "patient_id": tomasz, "note": "The label is another's."}


def test_a_value_that_the_reviewer_corrects_no_longer_contradicts(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    user, tomasz = sign_in_as(Role.REVIEWER), hospital.patient_ids[2]
    item = claimed_item(hospital, user)
    form = {"revision": 1, "type": "letter", "patient": tomasz}
    corrected = {"field.patient_name": "Wielgosz, Tomasz", "field.dob": "12/30/1971", "field.mrn": "10055501"}
    assert user.post(f"/items/{item}/file", **form, **corrected).status_code == 303


def test_a_required_value_is_removed_only_with_a_reason(hospital: Hospital, sign_in_as: SignInAs) -> None:
    user = sign_in_as(Role.REVIEWER)
    item = claimed_item(hospital, user)
    form = {"revision": 1, "type": "discharge_summary", "patient": hospital.patient_ids[0]}
    blank = {"field.date_of_service": ""}
    refused = user.post(f"/items/{item}/file", **form, **blank)
    assert refused.status_code == 400
    assert "Date of service" in refused.text
    assert user.post(f"/items/{item}/file", **form, **blank, note="It is illegible.").status_code == 303


def test_a_value_that_was_never_read_needs_no_reason(hospital: Hospital, sign_in_as: SignInAs) -> None:
    user = sign_in_as(Role.REVIEWER)
    item = claimed_item(hospital, user)
    form = {"revision": 1, "type": "discharge_summary", "patient": hospital.patient_ids[0]}
    assert user.post(f"/items/{item}/file", **form, **{"field.mrn": ""}).status_code == 303


def test_a_searched_patient_is_compared_like_a_candidate(hospital: Hospital, sign_in_as: SignInAs) -> None:
    user = sign_in_as(Role.REVIEWER)
    item = claimed_item(hospital, user)
    same = user.get(f"/items/{item}/patients/{hospital.patient_ids[0]}").text
    candidates = user.get(f"/api/v1/items/{item}").json()["candidates"]
    weight = next(c["weight"] for c in candidates if c["patient"]["id"] == hospital.patient_ids[0])
    assert f"{weight:+.1f}" in same
    assert "Contradicts the page" not in same
    other = user.get(f"/items/{item}/patients/{hospital.patient_ids[2]}").text
    assert "Contradicts the page" in other
    assert "Date of birth: different" in other
    assert user.get(f"/items/{item}/patients/1000000").status_code == 422


def test_a_document_for_a_merged_record_is_filed_to_the_record_that_was_kept(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    user, (martha, marta, *_) = sign_in_as(Role.REVIEWER), hospital.patient_ids
    item = claimed_item(hospital, user)
    patient_merge.merge(hospital.connection, marta, martha, "ann")
    form = {"revision": 1, "type": "letter", "patient": marta}
    assert user.post(f"/items/{item}/file", **form).status_code == 303
    assert filed(hospital)["patient_id"] == martha


@pytest.mark.parametrize(
    ("kind_of_reason", "probability", "level", "is_selected"),
    [
        ("type_uncertain", 0.999, "dob:exact", True),
        ("type_uncertain", 0.98, "dob:exact", False),
        ("type_uncertain", 0.999, "dob:different", False),
        ("manually_rearranged", 0.999, "dob:exact", False),
        ("manually_reopened", 0.999, "dob:exact", False),
        ("insufficient_identifiers", 0.999, "dob:exact", False),
    ],
)
def test_a_patient_is_selected_in_advance_only_if_nothing_speaks_against_it(
    hospital: Hospital,
    sign_in_as: SignInAs,
    kind_of_reason: str,
    probability: float,
    level: str,
    is_selected: bool,
) -> None:
    item, martha = hospital.uncertain_item(), hospital.patient_ids[0]
    weight = -6.0 if level == "dob:different" else 6.0
    candidate = {
        "patient": {"id": martha, "mrn": "10012345"},
        "probability": probability,
        "weight": weight,
        "reasons": [{"code": level, "detail": "Date of birth", "weight": weight}],
        "person": None,
    }
    reasons = [{"code": kind_of_reason, "detail": "x", "weight": None}]
    hospital.connection.execute(
        "update review_item set candidates = %s, reasons = %s", [Jsonb([candidate]), Jsonb(reasons)]
    )
    text = sign_in_as(Role.REVIEWER).get(f"/items/{item}").text
    assert checked_patients(text) == ([martha] if is_selected else [])
