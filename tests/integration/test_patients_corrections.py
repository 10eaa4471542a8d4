"""A document in the wrong chart is moved, and two records of one patient are merged, on the web and on the
command line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands import documents
from pipeline.errors import Conflict, InvalidInput
from pipeline.index.disclosure_report import disclosures
from pipeline.index.document_actions import ReviewContext, reassign, undo
from pipeline.patients.outcome_statistics import labeled_outcomes
from pipeline.web.auth.permissions import Role
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]


def state_of(hospital: Hospital, document: int) -> dict[str, Any]:
    row = hospital.connection.execute(
        "select patient_id, status, revision, filed_by from document where id = %s", [document]
    ).fetchone()
    assert row is not None
    return row


def destined(hospital: Hospital) -> None:
    hospital.connection.execute(
        "insert into destination (name, kind, supports_update) values ('archive', 'folder', false)"
    )


def moved_in_the_web(hospital: Hospital, user: SignedInUser, document: int, mrn: str = "10012345") -> str:
    revision = state_of(hospital, document)["revision"]
    answer = user.post(
        f"/documents/{document}/move",
        revision=revision,
        mrn=mrn,
        note="His neighbour's discharge.",
        confirmed_patient=hospital.patient_ids[0],
    )
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_a_misfiled_document_is_moved_and_the_page_shows_views_and_deliveries(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    destined(hospital)
    document = hospital.filed_document()
    wrong = state_of(hospital, document)["patient_id"]
    clinician, reviewer = sign_in_as(Role.CLINICIAN), sign_in_as(Role.REVIEWER)
    assert clinician.get(f"/patients/{wrong}").status_code == 200
    assert clinician.get(f"/documents/{document}").status_code == 200
    report = reviewer.get(moved_in_the_web(hospital, reviewer, document)).text
    assert state_of(hospital, document)["patient_id"] == hospital.patient_ids[0]
    assert "clinician" in report
    assert "Wielgosz" in report
    assert "Okafor, Martha" in report
    assert "the cancellation" in report
    deliveries = hospital.connection.execute(
        "select change, content ->> 'patient_id' as patient from delivery order by id"
    ).fetchall()
    assert [(row["change"], int(row["patient"])) for row in deliveries] == [
        ("new", wrong),
        ("cancel", wrong),
        ("new", hospital.patient_ids[0]),
    ]
    assert "10055501" not in sign_in_as(Role.CLINICIAN).get(f"/patients/{hospital.patient_ids[0]}").text


def test_a_view_after_the_move_does_not_count_as_a_disclosure(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    document = hospital.filed_document()
    wrong = state_of(hospital, document)["patient_id"]
    place = moved_in_the_web(hospital, sign_in_as(Role.REVIEWER), document)
    sign_in_as(Role.CLINICIAN).get(f"/patients/{wrong}")
    found = disclosures(hospital.connection, int(place.rsplit("/", 1)[1]))
    assert "clinician" not in {seen.account for seen in found.viewed}


def test_the_other_documents_of_the_scan_in_the_wrong_chart_are_named(hospital: Hospital) -> None:
    lines = ["Patient: Wielgosz, Tomasz", "Born: 1971-12-30", "MRN: 10055501"]
    given: dict[str, Any] = {"patient_name": "Wielgosz, Tomasz", "dob": "1971-12-30", "mrn": "10055501"}
    scan = hospital.file_scan("two.pdf", [lines], **given)
    (first,) = hospital.connection.execute("select id from document where scan_id = %s", [scan]).fetchall()
    second = hospital.filed_document()
    hospital.connection.execute("update document set scan_id = %s where id = %s", [scan, second])
    decision = reassign(hospital.connection, context_of(hospital, first["id"]), hospital.patient_ids[0])
    assert disclosures(hospital.connection, decision).same_scan == (second,)


def context_of(hospital: Hospital, document: int, note: str = "wrong chart") -> ReviewContext:
    return ReviewContext(
        document=document, revision=state_of(hospital, document)["revision"], actor="reviewer", note=note
    )


def test_a_moved_document_is_an_example_of_a_wrong_match(hospital: Hospital) -> None:
    stays, moved = hospital.filed_document("a.pdf"), hospital.filed_document("b.pdf")
    reassign(hospital.connection, context_of(hospital, moved), hospital.patient_ids[0])
    newest, oldest = labeled_outcomes(hospital.connection)
    assert (newest.right, newest.patient.family, newest.printed.family) == (False, "okafor", "wielgosz")
    assert (oldest.right, oldest.patient.mrn) == (True, oldest.printed.mrn)
    assert state_of(hospital, stays)["patient_id"] == hospital.patient_ids[2]


def test_a_move_is_undone_like_any_decision(hospital: Hospital) -> None:
    document = hospital.filed_document()
    before = state_of(hospital, document)
    decision = reassign(hospital.connection, context_of(hospital, document), hospital.patient_ids[0])
    undo(hospital.connection, decision, "reviewer")
    after = state_of(hospital, document)
    assert (after["patient_id"], after["filed_by"]) == (before["patient_id"], before["filed_by"])


def test_a_move_needs_a_reason_another_patient_and_a_filed_document(hospital: Hospital) -> None:
    document = hospital.filed_document()
    with pytest.raises(InvalidInput):
        reassign(hospital.connection, context_of(hospital, document, note=" "), hospital.patient_ids[0])
    with pytest.raises(Conflict, match="already"):
        reassign(
            hospital.connection, context_of(hospital, document), state_of(hospital, document)["patient_id"]
        )
    with pytest.raises(InvalidInput):
        reassign(hospital.connection, context_of(hospital, document), 10**6)
    waiting = hospital.connection.execute(
        "select document_id from review_item where id = %s", [hospital.uncertain_item()]
    ).fetchone()
    assert waiting is not None
    with pytest.raises(Conflict, match="in no chart"):
        reassign(hospital.connection, context_of(hospital, waiting["document_id"]), hospital.patient_ids[0])


def test_the_command_moves_a_document_and_reports_the_same(
    hospital: Hospital,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = hospital.filed_document()
    look = """insert into audit (account, role, action, patient_id, document_id)
              values ('dr.lee', 'clinician', 'view_document', %s, %s)"""
    hospital.connection.execute(look, [state_of(hospital, document)["patient_id"], document])
    monkeypatch.setenv("CHARTLOOM_DATABASE__DSN", dsn)
    documents.reassign(
        document, "10012345", note="wrong chart", by="mwhite", yes=True, as_json=True, home=tmp_path
    )
    report = json.loads(capsys.readouterr().out)
    assert (report["wrong"]["mrn"], report["right"]["mrn"], report["decided_by"]) == (
        "10055501",
        "10012345",
        "mwhite",
    )
    assert [seen["account"] for seen in report["viewed"]] == ["dr.lee"]
    assert state_of(hospital, document)["patient_id"] == hospital.patient_ids[0]
    documents.disclosures(document, home=tmp_path)
    assert "viewed by dr.lee (clinician)" in capsys.readouterr().out


def test_two_records_are_compared_merged_and_unmerged_on_the_web(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    supervisor, (martha, marta, *_) = sign_in_as(Role.SUPERVISOR), hospital.patient_ids
    document = hospital.filed_document()
    reassign(hospital.connection, context_of(hospital, document), marta)
    comparison = supervisor.get(f"/patients/{martha}/merge?other=10012399").text
    assert "Birth date: swapped" in comparison or "Date of birth: swapped" in comparison
    assert merged_in_the_web(supervisor, martha, marta) == 303
    assert state_of(hospital, document)["patient_id"] == martha
    assert "10012399" in supervisor.get(f"/patients/{martha}/merge").text
    assert supervisor.post(f"/patients/{marta}/unmerge").status_code == 303
    assert state_of(hospital, document)["patient_id"] == marta
    written = hospital.connection.execute(
        "select detail from audit where action = 'merge' order by id"
    ).fetchall()
    assert [set(row["detail"]) for row in written] == [
        {"other"},
        {"merged", "documents", "reason"},
        {"unmerged_from", "documents"},
    ]


def test_a_record_that_was_merged_already_is_not_merged_again(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    supervisor, (martha, marta, third, *_) = sign_in_as(Role.SUPERVISOR), hospital.patient_ids
    merged_in_the_web(supervisor, martha, marta)
    assert merged_in_the_web(supervisor, third, marta) == 409


def merged_in_the_web(user: SignedInUser, survivor: int, other: int) -> int:
    """Merge two records as a person does who confirms that they differ; return the status of the answer."""
    first = user.post(f"/patients/{survivor}/merge", other=other)
    assert first.status_code == 200
    assert "Nothing has been merged yet" in first.text
    form = {"other": other, "confirmed": "true", "note": "Her passport was shown."}
    return user.post(f"/patients/{survivor}/merge", **form).status_code


def test_records_with_another_birth_date_are_not_merged_without_a_reason_and_a_confirmation(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    supervisor, (martha, marta, *_) = sign_in_as(Role.SUPERVISOR), hospital.patient_ids
    for form in ({}, {"note": "Same person."}, {"confirmed": "true"}, {"confirmed": "true", "note": " "}):
        response = supervisor.post(f"/patients/{martha}/merge", other=marta, **form)
        assert response.status_code in (200, 422)
        assert "First name, Date of birth" in response.text
        assert form.get("note", "") in response.text
    merges = hospital.connection.execute("select count(*) as n from patient_merge").fetchone()
    assert merges == {"n": 0}


def test_records_that_agree_in_name_and_birth_date_are_merged_at_once(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    martha, marta, *_ = hospital.patient_ids
    hospital.connection.execute(
        "update patient set given = 'MARTHA', dob = '1956-08-03' where id = %s", [marta]
    )
    response = sign_in_as(Role.SUPERVISOR).post(f"/patients/{martha}/merge", other=marta)
    assert response.status_code == 303


def test_a_move_names_the_patient_and_the_evidence_before_it_is_made(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    document = hospital.filed_document()
    before = state_of(hospital, document)
    form = {"revision": before["revision"], "mrn": "10012345", "note": "His neighbour's discharge."}
    reviewer = sign_in_as(Role.REVIEWER)
    for confirmed in ({}, {"confirmed_patient": hospital.patient_ids[1]}):  # the second has another MRN
        shown = reviewer.post(f"/documents/{document}/move", **form, **confirmed)
        assert shown.status_code == 200
        for text in ("Wielgosz, Tomasz", "Okafor, Martha", "Contradicts the page", form["note"]):
            assert str(text).replace("'", "&#39;") in shown.text
        assert f'name="confirmed_patient" value="{hospital.patient_ids[0]}"' in shown.text
        assert state_of(hospital, document) == before
