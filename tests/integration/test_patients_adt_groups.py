"""ADT messages with several patients, deleted values, other authorities, old times, character sets and merges
that a person must decide."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.patients.adt import process_message
from pipeline.patients.adt_acknowledgment import build_acknowledgment
from pipeline.patients.adt_message import parse_message
from pipeline.patients.mllp_frames import FrameBuffer
from pipeline.patients.patient_merge import patient_id, unmerge
from pipeline.patients.rejected_messages import count_rejected_messages, rejected_messages
from pipeline.store.database import Connection

SUSAN = "GARCIA^SUSAN^M"


def header(
    event: str, control: str, time: str = "20260101120000", processing: str = "P", charset: str = ""
) -> str:
    return f"MSH|^~\\&|ADT|NORTH|CL|HIM|{time}||ADT^{event}|{control}|{processing}|2.5||||||{charset}"


def pid(mrn: str, name: str = SUSAN, dob: str = "19640929", phone: str = "", authority: str = "NORTH") -> str:
    return f"PID|1||{mrn}^^^{authority}^MR||{name}||{dob}|F|||||{phone}"


def send(connection: Connection, *segments: str) -> str:
    """Process a message and return its acknowledgment code."""
    body = "\r".join(segments).encode()
    return build_acknowledgment(body, process_message(connection, body)).decode().split("MSA|")[1][:2]


def row(connection: Connection, mrn: str) -> dict[str, Any]:
    found = connection.execute("select * from patient where mrn = %s", [mrn]).fetchone()
    assert found is not None, mrn
    return found


def test_every_group_and_every_prior_number_of_a_merge_is_applied(connection: Connection) -> None:
    for number in ("1", "2", "3", "4", "5"):
        send(connection, header("A28", number), pid(number * 3))
    code = send(
        connection,
        header("A40", "9"),
        pid("111"),
        "MRG|222^^^NORTH^MR~333^^^NORTH^MR",
        pid("444"),
        "MRG|555^^^NORTH^MR",
    )
    assert code == "AA"
    assert [row(connection, mrn)["merged_into"] for mrn in ("222", "333", "555")] == [
        row(connection, mrn)["id"] for mrn in ("111", "111", "444")
    ]


def test_if_one_group_cannot_be_applied_none_is(connection: Connection) -> None:
    for number in ("1", "2"):
        send(connection, header("A28", number), pid(number * 3))
    segments = (header("A40", "9"), pid("111"), "MRG|222^^^NORTH^MR", pid("444"))
    assert send(connection, *segments) == "AE"
    assert row(connection, "222")["merged_into"] is None


def test_all_messages_of_a_batch_and_of_a_frame_are_applied(connection: Connection) -> None:
    batch = [
        "FHS|^~\\&|ADT",
        "BHS|^~\\&|ADT",
        header("A28", "1"),
        pid("111"),
        header("A28", "2"),
        pid("222"),
        "BTS|2",
        "FTS|1",
    ]
    assert send(connection, *batch) == "AA"
    assert send(connection, header("A28", "3"), pid("333"), header("A40", "4"), pid("333")) == "AE"
    assert [row(connection, mrn)["family"] for mrn in ("111", "222", "333")] == ["GARCIA"] * 3


def test_two_quotes_delete_a_value_and_an_empty_field_keeps_it(connection: Connection) -> None:
    send(connection, header("A28", "1"), pid("111", phone="5551234567"))
    send(connection, header("A08", "2"), pid("111"))
    assert row(connection, "111")["phone"] == "5551234567"
    send(connection, header("A08", "3"), pid("111", 'GARCIA^SUSAN^""', phone='""'))
    assert (row(connection, "111")["phone"], row(connection, "111")["middle"]) == (None, None)


def test_a_number_of_another_authority_never_overwrites_a_person(connection: Connection) -> None:
    send(connection, header("A28", "1"), pid("111"))
    assert send(connection, header("A08", "2"), pid("111", "MILLER^JOHN", authority="SOUTH")) == "AE"
    assert row(connection, "111")["family"] == "GARCIA"


def test_an_older_message_never_overwrites_a_newer_one(connection: Connection) -> None:
    send(connection, header("A08", "2", "20260102120000"), pid("111", "WHITFIELD^SUSAN"))
    send(connection, header("A08", "1", "20260101120000"), pid("111", phone="5551234567"))
    susan = row(connection, "111")
    assert (susan["family"], susan["middle"], susan["phone"]) == ("WHITFIELD", "M", "5551234567")


@pytest.mark.parametrize("processing", ["T", "D"])
def test_a_test_message_is_recorded_and_not_applied(connection: Connection, processing: str) -> None:
    assert send(connection, header("A28", "1", processing=processing), pid("111")) == "AR"
    assert connection.execute("select count(*) as n from patient").fetchone() == {"n": 0}
    kept = connection.execute("select status from adt_message").fetchall()
    assert kept == [{"status": "ignored"}]


@pytest.mark.parametrize(
    ("charset", "codec", "name"),
    [
        ("8859/1", "latin-1", "MÜLLER"),
        ("8859/2", "iso8859-2", "ŁUKASZ"),
        ("UNICODE UTF-8", "utf-8", "ŁUKASZ"),
    ],
)
def test_the_character_set_of_the_message_is_used(charset: str, codec: str, name: str) -> None:
    hexadecimal = "".join(f"\\X{byte:02X}\\" for byte in name.encode(codec))
    for text in (name, hexadecimal):
        body = "\r".join((header("A28", "1", charset=charset), pid("111", f"{text}^A"))).encode(codec)
        patient = parse_message(body).patient
        assert patient is not None
        assert patient.row["family"] == name


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_message_in_utf_16_is_refused_with_its_control_id_and_a_clear_text(
    connection: Connection, codec: str
) -> None:
    body = "\r".join((header("A28", "77"), pid("111"))).encode(codec)
    end = "\x1c\r".encode("utf-16-le" if codec == "utf-16" else codec)  # without another byte order mark
    frame = b"\x0b" + body + end
    buffer = FrameBuffer(max_bytes=10_000)
    buffer.add(frame)
    received = buffer.take()
    assert received is not None
    answer = build_acknowledgment(received, process_message(connection, received)).decode()
    assert "MSA|AE|77" in answer
    assert "Messages in UTF-16 or UTF-32 are not supported. Send UNICODE UTF-8." in answer
    assert connection.execute("select count(*) as n from patient").fetchone() == {"n": 0}


@pytest.mark.parametrize("name", ["A\\C2842\\B", "A\\M2842\\B", "A\\M284228\\B", "A\x1b$B;3ED\x1b(B"])
def test_a_name_that_changes_its_character_set_is_refused_and_not_misread(
    connection: Connection, name: str
) -> None:
    body = "\r".join((header("A28", "1"), pid("111", f"{name}^SUSAN"))).encode()
    answer = build_acknowledgment(body, process_message(connection, body)).decode()
    assert "MSA|AE|1" in answer
    assert "103^Table value not found" in answer
    assert "changes its character set" in answer
    assert connection.execute("select count(*) as n from patient").fetchone() == {"n": 0}


def test_an_escaped_text_that_looks_like_such_a_change_is_text(
    connection: Connection,
) -> None:
    assert send(connection, header("A28", "1"), pid("111", "A\\E\\C2842\\E\\B^SUSAN")) == "AA"
    assert row(connection, "111")["family"] == "A\\C2842\\B"


@pytest.mark.parametrize("dob", ["19641332", "00000000", "19640230", "29990101"])
def test_an_impossible_date_is_reported_and_the_known_one_is_kept(connection: Connection, dob: str) -> None:
    send(connection, header("A28", "1"), pid("111"))
    body = "\r".join((header("A08", "2"), pid("111", dob=dob))).encode()
    result = process_message(connection, body)
    assert (result.status, row(connection, "111")["dob"]) == ("applied", "1964-09-29")
    assert "102^Data type error^HL70357|W||||PID-7" in build_acknowledgment(body, result).decode()


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ((header("A40", "1"), pid("111")), "101^Required field missing"),
        ((header("A43", "1"), pid("111"), "MRG|222"), "201^Unsupported event code"),
        ((header("A28", "1"),), "100^Segment sequence error"),
        ((header("A28", "1", charset="KLINGON"), pid("111")), "103^Table value not found"),
    ],
)
def test_the_error_has_a_code_of_the_standard(
    connection: Connection, segments: tuple[str, ...], code: str
) -> None:
    body = "\r".join(segments).encode()
    assert f"ERR|||{code}^HL70357|E" in build_acknowledgment(body, process_message(connection, body)).decode()


@pytest.mark.parametrize("event", ["A24", "A29", "A37", "A42", "A43", "A44", "A48", "A49", "A51"])
def test_changes_that_are_not_done_are_never_acknowledged_as_done(connection: Connection, event: str) -> None:
    assert send(connection, header(event, "1"), pid("111"), "MRG|222^^^NORTH^MR") == "AE"


def test_a_merged_account_does_not_merge_patients(connection: Connection) -> None:
    send(connection, header("A28", "1"), pid("111"))
    send(connection, header("A01", "2"), f"{pid('111')}|||||A-1", "PV1|1|I||||||||||||||||V1")
    assert send(connection, header("A35", "3"), f"{pid('111')}|||||A-2", "MRG|111^^^NORTH^MR||A-1") == "AA"
    assert connection.execute("select account from encounter").fetchone() == {"account": "A-2"}
    assert connection.execute("select count(*) as n from patient_merge").fetchone() == {"n": 0}


@pytest.mark.parametrize(
    "other", [("MILLER^SUSAN", "19640929"), ("GARCIA^JOHN", "19640929"), (SUSAN, "19840929")]
)
def test_a_merge_of_people_who_differ_goes_to_a_person(
    connection: Connection, other: tuple[str, str]
) -> None:
    send(connection, header("A28", "1"), pid("111"))
    send(connection, header("A28", "2"), pid("222", *other))
    for name, dob in ((SUSAN, "19640929"), other):  # the message itself cannot make them agree
        body = "\r".join((header("A40", "3"), pid("111", name, dob), "MRG|222^^^NORTH^MR")).encode()
        answer = build_acknowledgment(body, process_message(connection, body)).decode()
        assert "MSA|AE|3" in answer
        assert "A person must decide" in answer
    assert row(connection, "222")["merged_into"] is None
    assert row(connection, "111")["family"] == "GARCIA"
    assert count_rejected_messages(connection) == 2
    assert ["differ" in message["problem"] for message in rejected_messages(connection, 10)] == [True, True]


def test_a_merge_that_a_user_has_undone_is_not_done_again(connection: Connection) -> None:
    for number in ("1", "2"):
        send(connection, header("A28", number), pid(number * 3))
    merge = (pid("111"), "MRG|222^^^NORTH^MR")
    send(connection, header("A40", "3"), *merge)
    unmerge(connection, patient_id(connection, "222"), "mwhite")
    assert send(connection, header("A40", "4"), *merge) == "AE"
    assert row(connection, "222")["merged_into"] is None


def test_an_older_message_of_a_visit_does_not_reopen_it(connection: Connection) -> None:
    visit = "PV1|1|I|{place}||||||||||||||||V1"
    send(
        connection,
        header("A03", "2", "20260103120000"),
        "EVN|A03|20260103120000",
        pid("111"),
        visit.format(place="7W"),
    )
    send(
        connection,
        header("A01", "1", "20260101120000"),
        "EVN|A01|20260101120000",
        pid("111"),
        visit.format(place="3W"),
    )
    stay = connection.execute("select location, admitted_at, discharged_at from encounter").fetchone()
    assert stay is not None
    assert (stay["location"], stay["admitted_at"].day, stay["discharged_at"].day) == ("7W", 1, 3)
