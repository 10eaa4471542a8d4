"""A document in the wrong chart is moved, and two records of one patient are merged, in the web and at the
command line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.documents import move as move_by_command
from pipeline.commands.documents import tell_exposure
from pipeline.errors import BadInput, Conflict
from pipeline.index.disclosure_report import exposure
from pipeline.index.document_actions import Sight, move, undo
from pipeline.patients.outcome_statistics import decided
from pipeline.web.auth.permissions import Role
from tests.reviewing import House, Visitor

Enter = Callable[[Role], Visitor]


def standing(house: House, document: int) -> dict[str, Any]:
    row = house.connection.execute(
        "select patient_id, status, revision, filed_by from document where id = %s", [document]
    ).fetchone()
    assert row is not None
    return row


def destined(house: House) -> None:
    house.connection.execute(
        "insert into destination (name, kind, edits) values ('archive', 'folder', false)"
    )


def moved_in_the_web(house: House, visitor: Visitor, document: int, mrn: str = "10012345") -> str:
    revision = standing(house, document)["revision"]
    answer = visitor.post(
        f"/documents/{document}/move", revision=revision, mrn=mrn, note="His neighbour's discharge."
    )
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_a_misfiled_document_moves_and_the_page_tells_who_saw_it_and_what_was_sent(
    house: House, enter: Enter
) -> None:
    destined(house)
    document = house.sure()
    wrong = standing(house, document)["patient_id"]
    clinician, reviewer = enter(Role.CLINICIAN), enter(Role.REVIEWER)
    assert clinician.get(f"/patients/{wrong}").status_code == 200
    assert clinician.get(f"/documents/{document}").status_code == 200
    report = reviewer.get(moved_in_the_web(house, reviewer, document)).text
    assert standing(house, document)["patient_id"] == house.known[0]
    assert "clinician" in report
    assert "Wielgosz" in report
    assert "Okafor, Martha" in report
    assert "the correction" in report
    told = house.connection.execute(
        "select change, content ->> 'patient_id' as patient from delivery order by id"
    ).fetchall()
    assert [(row["change"], int(row["patient"])) for row in told] == [
        ("new", wrong),
        ("cancel", wrong),
        ("new", house.known[0]),
    ]
    assert "10055501" not in enter(Role.CLINICIAN).get(f"/patients/{house.known[0]}").text


def test_whoever_looks_after_the_move_did_not_see_it_in_the_wrong_chart(house: House, enter: Enter) -> None:
    document = house.sure()
    wrong = standing(house, document)["patient_id"]
    place = moved_in_the_web(house, enter(Role.REVIEWER), document)
    enter(Role.CLINICIAN).get(f"/patients/{wrong}")
    found = exposure(house.connection, int(place.rsplit("/", 1)[1]))
    assert "clinician" not in {seen.account for seen in found.seen}


def test_the_other_documents_of_the_scan_in_the_wrong_chart_are_named(house: House) -> None:
    lines = ["Patient: Wielgosz, Tomasz", "Born: 1971-12-30", "MRN: 10055501"]
    given: dict[str, Any] = {"patient_name": "Wielgosz, Tomasz", "dob": "1971-12-30", "mrn": "10055501"}
    scan = house.scan("two.pdf", [lines], **given)
    (first,) = house.connection.execute("select id from document where scan_id = %s", [scan]).fetchall()
    second = house.sure()
    house.connection.execute("update document set scan_id = %s where id = %s", [scan, second])
    decision = move(house.connection, sight(house, first["id"]), house.known[0])
    assert exposure(house.connection, decision).beside == (second,)


def sight(house: House, document: int, note: str = "wrong chart") -> Sight:
    return Sight(document=document, revision=standing(house, document)["revision"], by="reviewer", note=note)


def test_a_moved_document_teaches_that_the_machine_was_wrong(house: House) -> None:
    stays, moved = house.sure("a.pdf"), house.sure("b.pdf")
    move(house.connection, sight(house, moved), house.known[0])
    newest, oldest = decided(house.connection)
    assert (newest.right, newest.patient.family, newest.said.family) == (False, "okafor", "wielgosz")
    assert (oldest.right, oldest.patient.mrn) == (True, oldest.said.mrn)
    assert standing(house, stays)["patient_id"] == house.known[2]


def test_a_move_is_undone_like_any_decision(house: House) -> None:
    document = house.sure()
    before = standing(house, document)
    decision = move(house.connection, sight(house, document), house.known[0])
    undo(house.connection, decision, "reviewer")
    after = standing(house, document)
    assert (after["patient_id"], after["filed_by"]) == (before["patient_id"], before["filed_by"])


def test_a_move_needs_a_reason_another_patient_and_a_document_that_is_filed(house: House) -> None:
    document = house.sure()
    with pytest.raises(BadInput):
        move(house.connection, sight(house, document, note=" "), house.known[0])
    with pytest.raises(Conflict, match="already"):
        move(house.connection, sight(house, document), standing(house, document)["patient_id"])
    with pytest.raises(BadInput):
        move(house.connection, sight(house, document), 10**6)
    waiting = house.connection.execute(
        "select document_id from review_item where id = %s", [house.doubtful()]
    ).fetchone()
    assert waiting is not None
    with pytest.raises(Conflict, match="in no chart"):
        move(house.connection, sight(house, waiting["document_id"]), house.known[0])


def test_the_command_moves_a_document_and_tells_the_same(
    house: House,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = house.sure()
    look = """insert into audit (account, role, action, patient_id, document_id)
              values ('dr.lee', 'clinician', 'view_document', %s, %s)"""
    house.connection.execute(look, [standing(house, document)["patient_id"], document])
    monkeypatch.setenv("CHARTLOOM_DATABASE__DSN", dsn)
    move_by_command(document, "10012345", note="wrong chart", by="mwhite", as_json=True, home=tmp_path)
    told = json.loads(capsys.readouterr().out)
    assert (told["wrong"]["mrn"], told["right"]["mrn"], told["by"]) == ("10055501", "10012345", "mwhite")
    assert [seen["account"] for seen in told["seen"]] == ["dr.lee"]
    assert standing(house, document)["patient_id"] == house.known[0]
    tell_exposure(document, home=tmp_path)
    assert "seen by dr.lee (clinician)" in capsys.readouterr().out


def test_two_records_are_compared_merged_and_parted_in_the_web(house: House, enter: Enter) -> None:
    supervisor, (martha, marta, *_) = enter(Role.SUPERVISOR), house.known
    document = house.sure()
    move(house.connection, sight(house, document), marta)
    beside = supervisor.get(f"/patients/{martha}/merge?other=10012399").text
    assert "Birth date: swapped" in beside or "Date of birth: swapped" in beside
    assert supervisor.post(f"/patients/{martha}/merge", other=marta).status_code == 303
    assert standing(house, document)["patient_id"] == martha
    assert "10012399" in supervisor.get(f"/patients/{martha}/merge").text
    assert supervisor.post(f"/patients/{marta}/unmerge").status_code == 303
    assert standing(house, document)["patient_id"] == marta
    written = house.connection.execute(
        "select detail from audit where action = 'merge' order by id"
    ).fetchall()
    assert [set(row["detail"]) for row in written] == [{"merged", "documents"}, {"parted_from", "documents"}]


def test_a_record_that_was_merged_already_is_not_merged_again(house: House, enter: Enter) -> None:
    supervisor, (martha, marta, third, *_) = enter(Role.SUPERVISOR), house.known
    supervisor.post(f"/patients/{martha}/merge", other=marta)
    assert supervisor.post(f"/patients/{third}/merge", other=marta).status_code == 409
