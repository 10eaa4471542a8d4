"""ADT messages are applied once and acknowledged, or stored if they cannot be applied; records are merged
and unmerged.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest

from pipeline.config import Settings
from pipeline.errors import Conflict
from pipeline.patients.adt import process_message
from pipeline.patients.adt_acknowledgment import build_acknowledgment
from pipeline.patients.adt_message import parse_message
from pipeline.patients.mllp_frames import FRAME_END, FRAME_START
from pipeline.patients.patient_merge import merge, patient_id, unmerge
from pipeline.store.database import Connection
from tests.support.adt_listener import listening, send


def message(
    event: str, control: str, mrn: str, name: str = "GARCIA^SUSAN^M", prior: str = "", dob: str = "19640929"
) -> bytes:
    lines = [
        f"MSH|^~\\&|ADT|NORTH|CL|HIM|20260101||ADT^{event}|{control}|P|2.5",
        f"PID|1||{mrn}^^^NORTH^MR~219-09-9999^^^SSA^SS||{name}||{dob}|F|||"
        "12 MAIN ST^^SALEM^MA^01970||(555)210-4477",
    ]
    if prior:
        lines.append(f"MRG|{prior}^^^NORTH^MR")
    return "\r".join(lines).encode() + b"\r"


def by_mrn(connection: Connection, mrn: str) -> dict[str, Any]:
    row = connection.execute("select * from patient where mrn = %s", [mrn]).fetchone()
    assert row is not None, mrn
    return row


def a_document_of(connection: Connection, patient: int) -> int:
    """Insert a minimal filed document: a merge moves its patient."""
    scan = connection.execute(
        "insert into scan (sha256, name, media_type, size, status, finished_at) "
        "values (encode(sha256(random()::text::bytea), 'hex'), 'a.pdf', 'application/pdf', 1, 'done', now())"
        " returning id"
    ).fetchone()
    assert scan is not None
    row = connection.execute(
        "insert into document (scan_id, pages, status, type, type_probability, patient_id, pdf, "
        "machine_result, filed_at, filed_by) "
        "values (%s, '{1}', 'filed', 'letter', 1, %s, repeat('0', 64), '{}', now(), 'machine') returning id",
        [scan["id"], patient],
    ).fetchone()
    assert row is not None
    return int(row["id"])


def patient_of(connection: Connection, document: int) -> int:
    row = connection.execute("select patient_id from document where id = %s", [document]).fetchone()
    assert row is not None
    return int(row["patient_id"])


@pytest.mark.parametrize("event", ["A01", "A04", "A05", "A08", "A28", "A31"])
def test_a_patient_is_added_and_updated_by_messages(connection: Connection, event: str) -> None:
    assert process_message(connection, message(event, "1", "7700123")).status == "applied"
    assert (
        process_message(connection, message("A08", "2", "7700123", "WHITFIELD^SUSAN^M")).status == "applied"
    )
    susan = by_mrn(connection, "7700123")
    assert (susan["family"], susan["dob"], susan["ssn"], susan["phone"]) == (
        "WHITFIELD",
        "1964-09-29",
        "219-09-9999",
        "(555)210-4477",
    )


def test_the_same_message_again_is_acknowledged_and_not_applied_again(connection: Connection) -> None:
    first = message("A28", "1", "7700123")
    process_message(connection, first)
    process_message(connection, message("A08", "2", "7700123", "WHITFIELD^SUSAN"))
    assert process_message(connection, first).status == "ignored"
    assert by_mrn(connection, "7700123")["family"] == "WHITFIELD"


def test_a_message_that_cannot_be_applied_is_stored_with_its_bytes_and_the_reason(
    connection: Connection,
) -> None:
    body = message("A40", "9", "7700123")
    assert process_message(connection, body).status == "rejected"
    assert process_message(connection, b"hello").status == "rejected"
    stored = connection.execute(
        "select body, problem from adt_message where status = 'rejected' order by id"
    ).fetchall()
    assert [row["body"] for row in stored] == [body, b"hello"]
    answer = build_acknowledgment(body, process_message(connection, body)).decode()
    assert "MSA|AE|9\r" in answer
    assert "MRG-1" in answer
    assert "MRG-1" in stored[0]["problem"]
    assert connection.execute("select count(*) as n from patient").fetchone() == {"n": 0}


@pytest.mark.parametrize("event", ["A18", "A34", "A40"])
def test_a_merge_message_moves_the_documents_and_an_unmerge_moves_them_back(
    connection: Connection, event: str
) -> None:
    process_message(connection, message("A28", "1", "111"))
    process_message(connection, message("A28", "2", "222", "GARCIA^SUSANA"))
    loser, survivor = by_mrn(connection, "222")["id"], by_mrn(connection, "111")["id"]
    moving, later = a_document_of(connection, loser), a_document_of(connection, survivor)
    assert process_message(connection, message(event, "3", "111", prior="222")).status == "applied"
    assert by_mrn(connection, "222")["merged_into"] == survivor
    assert patient_of(connection, moving) == survivor
    history = connection.execute(
        "select action, after from decision where document_id = %s", [moving]
    ).fetchall()
    assert [(row["action"], row["after"]["moved_from"]) for row in history] == [("merge", loser)]
    done = unmerge(connection, loser, "mwhite")
    assert done.documents == 1
    assert by_mrn(connection, "222")["merged_into"] is None
    assert (patient_of(connection, moving), patient_of(connection, later)) == (loser, survivor)
    merges = connection.execute("select merged_by, undone_by from patient_merge").fetchall()
    assert merges == [{"merged_by": "adt", "undone_by": "mwhite"}]


def test_a_repeated_merge_is_acknowledged_and_changes_nothing(connection: Connection) -> None:
    process_message(connection, message("A28", "1", "111"))
    process_message(connection, message("A28", "2", "222", "GARCIA^SUSANA"))
    process_message(connection, message("A40", "3", "111", prior="222"))
    assert process_message(connection, message("A40", "4", "111", prior="222")).status == "applied"
    row = connection.execute("select count(*) as n from patient_merge").fetchone()
    assert row == {"n": 1}


def test_a_document_that_was_refiled_after_the_merge_stays_in_its_chart(connection: Connection) -> None:
    for n in ("1", "2", "3"):
        process_message(connection, message("A28", n, n * 3, f"GARCIA^SUSAN{n}"))
    one, two, three = (by_mrn(connection, n * 3)["id"] for n in ("1", "2", "3"))
    moved = a_document_of(connection, one)
    merge(connection, one, two, "mwhite")
    connection.execute("update document set patient_id = %s where id = %s", [three, moved])
    assert unmerge(connection, one, "mwhite").documents == 0
    assert patient_of(connection, moved) == three


def test_an_earlier_merge_into_the_merged_record_follows_it_and_returns_with_it(
    connection: Connection,
) -> None:
    for n in ("1", "2", "3"):
        process_message(connection, message("A28", n, n * 3, f"GARCIA^SUSAN{n}"))
    one, two, three = (by_mrn(connection, n * 3)["id"] for n in ("1", "2", "3"))
    merge(connection, one, two, "mwhite")
    merge(connection, two, three, "mwhite")
    assert by_mrn(connection, "111")["merged_into"] == three
    unmerge(connection, two, "mwhite")
    assert (by_mrn(connection, "111")["merged_into"], by_mrn(connection, "222")["merged_into"]) == (two, None)
    with pytest.raises(Conflict, match="was merged into"):
        merge(connection, one, three, "mwhite")


def test_a_merged_patient_is_found_as_the_survivor_by_its_old_number(
    connection: Connection, settings: Settings
) -> None:
    from pipeline.patients.match_json import match_record

    process_message(connection, message("A28", "1", "1110001"))
    process_message(connection, message("A28", "2", "2220002", "GARCIA^SUSANA"))
    process_message(connection, message("A40", "3", "1110001", prior="2220002"))
    found = match_record(
        connection,
        {"mrn": "2220002", "family": "Garcia", "given": "Susan", "dob": "1964-09-29"},
        settings.matching,
    )
    assert found["decision"] == "match"
    assert found["patient"]["mrn"] == "1110001"


def test_a_changed_number_and_the_old_one_both_find_the_patient(
    connection: Connection,
) -> None:
    process_message(connection, message("A28", "1", "7700123"))
    before = patient_id(connection, "7700123")
    assert process_message(connection, message("A47", "2", "9900456", prior="7700123")).status == "applied"
    assert patient_id(connection, "9900456") == patient_id(connection, "7700123") == before


def test_a_change_of_an_unknown_number_makes_both_numbers_find_the_patient(
    connection: Connection,
) -> None:
    assert process_message(connection, message("A47", "1", "9900456", prior="7700123")).status == "applied"
    assert patient_id(connection, "7700123") == patient_id(connection, "9900456")


def test_a_merge_with_an_unknown_number_makes_that_number_find_the_survivor(
    connection: Connection,
) -> None:
    assert process_message(connection, message("A40", "1", "7700123", prior="555")).status == "applied"
    assert patient_id(connection, "555") == by_mrn(connection, "7700123")["id"]


def test_events_without_demographics_are_acknowledged_and_change_nothing(
    connection: Connection,
) -> None:
    assert process_message(connection, message("A09", "1", "7700123")).status == "ignored"
    assert connection.execute("select count(*) as n from patient").fetchone() == {"n": 0}


def test_the_assigning_authority_determines_which_of_several_numbers_is_the_mrn() -> None:
    body = (
        b"MSH|^~\\&|ADT|NORTH|||2026||ADT^A28|1|P|2.5\r"
        b"PID|1||S-88^^^SOUTH^MR~7700123^^^NORTH^MR||GARCIA^SUSAN\r"
    )
    assert parse_message(body).patient.row["mrn"] == "S-88"  # type: ignore[union-attr]
    assert parse_message(body, "NORTH").patient.row["mrn"] == "7700123"  # type: ignore[union-attr]


def test_every_message_over_the_wire_is_answered_and_a_bad_one_does_not_stop_the_next(
    connection: Connection, dsn: str
) -> None:
    with listening(dsn) as listener:
        codes = send(
            listener.port,
            message("A28", "1", "111"),
            b"garbage",
            message("A40", "2", "111"),
            message("A28", "3", "333"),
        )
    assert codes == ["AA", "AE", "AE", "AA"]
    assert [row["mrn"] for row in connection.execute("select mrn from patient order by mrn")] == [
        "111",
        "333",
    ]


def test_a_sender_that_was_disconnected_sends_again_and_nothing_is_applied_twice(
    connection: Connection, dsn: str
) -> None:
    bodies = [message("A28", str(n), f"55{n:04}", f"GARCIA^SUSAN{n}") for n in range(30)]
    with listening(dsn) as listener:
        with socket.create_connection(("127.0.0.1", listener.port), timeout=20) as sender:
            sender.sendall(
                b"".join(FRAME_START + body + FRAME_END for body in bodies[:17])
                + FRAME_START
                + bodies[17][:40]
            )
            sender.recv(20)  # partly answered, then the sender ends
        assert send(listener.port, *bodies) == ["AA"] * 30
    assert connection.execute("select count(*) as n, count(distinct mrn) as m from patient").fetchone() == {
        "n": 30,
        "m": 30,
    }
    assert connection.execute(
        "select count(*) as n from adt_message where status = 'applied'"
    ).fetchone() == {"n": 30}
