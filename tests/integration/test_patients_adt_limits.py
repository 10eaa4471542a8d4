"""What a sender of HL7 messages can do to the listener: each attack is bounded, and who changed a patient's
identity is on record.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.values import parse_network
from pipeline.patients.mllp_frames import FRAME_END, FRAME_START
from pipeline.patients.mllp_listener import MllpListener
from pipeline.store.database import Connection
from tests.support.adt_listener import listening, send
from tests.support.certificates import certificate

FUZZED = int(os.environ.get("MLLP_FUZZ_INPUTS", "200"))
HEAD = "MSH|^~\\&|ADT|NORTH|CL|HIM|20260101||ADT^{event}|{control}|P|2.5\r"
PERSON = "PID|1||{mrn}^^^NORTH^MR||GARCIA^SUSAN||19640929|F\r"


def message(event: str, control: str, mrn: str, *more: str) -> bytes:
    lines = HEAD.format(event=event, control=control), PERSON.format(mrn=mrn), *more
    return "".join(lines).encode()


def is_disconnected(sender: socket.socket) -> bool:
    """Return whether the listener closes this connection without an answer."""
    try:
        return sender.recv(1) == b""
    except ConnectionError:
        return True


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def wait_for_connections(listener: MllpListener, count: int) -> None:
    until = time.monotonic() + 20
    while listener.connections != count and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize(
    "large",
    [
        "OBX|" + "~" * 60_000 + "\r",
        "OBX|" + "&" * 60_000 + "\r",
        "ZZZ|1\r" * 6_000,
        "PID|1||7^^^NORTH^MR||GARCIA^SUSAN" + "|x" * 1_200 + "\r",
        "NK1|1|" + "GARCIA^SUSAN~" * 30_000 + "\r",
    ],
    ids=["repetitions", "subcomponents", "segments", "fields of a second patient", "names"],
)
def test_a_message_with_too_many_values_is_rejected_before_it_is_parsed(dsn: str, large: str) -> None:
    changes = {"max_segments": 5_000, "max_values": 1_000 if "|x" in large else 50_000}
    with listening(dsn, **changes) as listener:
        codes = send(listener.port, message("A28", "1", "111", large), message("A28", "2", "222"))
    assert codes == ["AE", "AA"]


def test_four_megabytes_of_separators_neither_take_the_time_nor_the_memory_of_parsing_them(dsn: str) -> None:
    large = message("A28", "1", "111", "OBX|" + "~" * 4_000_000 + "\r")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with listening(dsn, max_message_bytes=5_000_000) as listener:
        started = time.process_time()
        assert send(listener.port, large) == ["AE"]
        assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_many_patients_do_not_multiply_a_large_header(dsn: str) -> None:
    body = message("A28", "1", "111", "EVN|" + "|x" * 2_000 + "\r", *[PERSON.format(mrn="222")] * 300)
    with listening(dsn) as listener:
        assert send(listener.port, body) == ["AE"]


def test_a_name_of_100_000_letters_is_not_stored(connection: Connection, dsn: str) -> None:
    body = message("A28", "1", "111").replace(b"GARCIA", b"G" * 100_000)
    with listening(dsn) as listener:
        assert send(listener.port, body) == ["AE"]
    assert connection.execute("select count(*) as n from patient").fetchone() == {"n": 0}
    kept = connection.execute("select problem, length(body) as size from adt_message").fetchone()
    assert kept is not None
    assert kept["problem"].startswith("The message has a value of 100,000 bytes; the limit is 2,000.")
    assert kept["size"] <= 65_536


def test_a_sender_of_a_frame_without_an_end_is_disconnected(dsn: str) -> None:
    with listening(dsn, max_message_bytes=20_000) as listener, connect(listener.port) as sender:
        sender.sendall(FRAME_START + b"x" * 30_000)
        assert is_disconnected(sender)
        assert send(listener.port, message("A28", "1", "111")) == ["AA"]


def test_a_sender_that_never_completes_its_message_is_disconnected(dsn: str) -> None:
    with listening(dsn, message_timeout_seconds=0.3) as listener, connect(listener.port) as sender:
        started = time.monotonic()
        sender.settimeout(0.02)
        disconnected = False
        while not disconnected and time.monotonic() - started < 10:
            try:
                sender.sendall(b"x")  # a byte at a time does not extend the time
                disconnected = is_disconnected(sender)
            except TimeoutError:
                continue
            except ConnectionError:
                disconnected = True
        assert time.monotonic() - started < 5
        assert disconnected


def test_an_idle_sender_is_disconnected(dsn: str) -> None:
    with listening(dsn, idle_timeout_seconds=0.2) as listener, connect(listener.port) as sender:
        assert is_disconnected(sender)


def test_a_sender_that_does_not_take_its_acknowledgments_is_disconnected(dsn: str) -> None:
    body = FRAME_START + message("A09", "1", "111") + FRAME_END
    with listening(dsn, message_timeout_seconds=0.5) as listener, socket.socket() as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sender.settimeout(20)
        sender.connect(("127.0.0.1", listener.port))
        with contextlib.suppress(ConnectionError):
            sender.sendall(body * 5_000)
        wait_for_connections(listener, 0)
        assert listener.connections == 0


def test_hundreds_of_idle_connections_are_refused_and_need_no_threads(dsn: str) -> None:
    with listening(dsn, max_connections=10, max_connections_per_sender=8) as listener:
        threads = threading.active_count()
        senders = [connect(listener.port) for _ in range(300)]
        try:
            assert all(is_disconnected(sender) for sender in senders[8:])
            assert listener.connections == 8
            assert threading.active_count() <= threads + 1
        finally:
            for sender in senders:
                sender.close()
        wait_for_connections(listener, 0)
        assert send(listener.port, message("A28", "1", "111")) == ["AA"]


def test_a_sender_of_another_network_is_disconnected_before_it_is_heard(dsn: str) -> None:
    with (
        listening(dsn, allowed_networks=(parse_network("10.20.0.0/16"),)) as listener,
        connect(listener.port) as sender,
    ):
        assert is_disconnected(sender)
    with listening(dsn, allowed_networks=(parse_network("127.0.0.1"),)) as listener:
        assert send(listener.port, message("A28", "1", "111")) == ["AA"]


def test_a_sender_that_is_silent_during_the_tls_handshake_is_disconnected(dsn: str, tmp_path: Path) -> None:
    own, key = certificate(tmp_path, "hospital")
    with (
        listening(dsn, tls_certificate=own, tls_key=key, tls_handshake_timeout_seconds=0.3) as listener,
        connect(listener.port) as sender,
    ):
        assert is_disconnected(sender)


def test_a_message_that_is_being_processed_is_acknowledged_when_the_listener_stops(
    connection: Connection, dsn: str
) -> None:
    with listening(dsn) as listener, connect(listener.port) as sender:
        with connection.transaction():
            connection.execute("lock table patient in exclusive mode")
            sender.sendall(FRAME_START + message("A28", "1", "111") + FRAME_END)
            while not listener._busy:
                time.sleep(0.01)
            listener.shutdown()
            time.sleep(0.1)
        assert b"MSA|AA|1" in sender.recv(65_536)


def audited(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.execute("""
        select a.action, p.mrn, a.address, a.detail->>'sender' as sender, a.detail->>'event' as event,
            a.detail->>'certificate' as certificate, a.detail->>'refused' as refused
        from audit a left join patient p on p.id = a.patient_id order by a.id, p.mrn""")
    return [tuple(row.values()) for row in rows]


def test_a_merge_is_audited_for_both_patients_with_its_sender(connection: Connection, dsn: str) -> None:
    merge = message("A40", "3", "111", "MRG|222^^^NORTH^MR\r")
    with listening(dsn) as listener:
        codes = send(listener.port, message("A28", "1", "111"), message("A28", "2", "222"), merge, merge)
    assert codes == ["AA"] * 4
    sent = ("127.0.0.1", "ADT|NORTH", "ADT^A40", None, None)
    assert audited(connection) == [("merge", "111", *sent), ("merge", "222", *sent)]  # once, not for a repeat


def test_a_refused_change_of_identity_is_audited_with_its_sender(connection: Connection, dsn: str) -> None:
    merge = message("A40", "3", "111", "MRG|222^^^NORTH^MR\r")
    other = message("A28", "2", "222").replace(b"GARCIA^SUSAN", b"OKAFOR^MARTHA")
    with listening(dsn) as listener:
        codes = send(listener.port, message("A28", "1", "111"), other, merge, message("A24", "4", "111"))
    assert codes == ["AA", "AA", "AE", "AE"]
    assert [row[0] for row in audited(connection)] == ["merge", "merge", "change_identity"]
    assert {row[-1] for row in audited(connection)} == {"true"}


def test_the_audit_names_the_certificate_of_the_sender(
    connection: Connection, dsn: str, tmp_path: Path
) -> None:
    own, key = certificate(tmp_path, "hospital")
    engine = certificate(tmp_path, "engine")
    context = ssl.create_default_context(cafile=str(own))
    context.load_cert_chain(*engine)
    body = message("A47", "1", "999", "MRG|111^^^NORTH^MR\r")
    with (
        listening(dsn, tls_certificate=own, tls_key=key, tls_client_ca=engine[0]) as listener,
        connect(listener.port) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sender,
    ):
        sender.sendall(FRAME_START + body + FRAME_END)
        assert b"MSA|AA|1" in sender.recv(65_536)
    ((action, mrn, *_, certificate_name, refused),) = audited(connection)
    assert (action, mrn, certificate_name, refused) == ("renumber", "999", "commonName=engine", None)


PARTS = st.sampled_from(
    [FRAME_START, FRAME_END, b"\x1c", b"\r", b"\0", b"|", b"^", b"~", b"\\", b"&", b"\\X41\\", b"MSH|^~\\&|"]
    + [message(event, "1", "111", "MRG|222^^^NORTH^MR\r") for event in ("A28", "A40", "A47", "A45", "A24")]
    + [b"BHS|^~\\&|\r", b"BTS|2\r", b"PID|1||", b"MRG|", b"\xff\xfeM\0S\0H\0", b"\xef\xbb\xbf"]
)
STREAMS = st.lists(PARTS | st.binary(max_size=40), max_size=12).map(b"".join)


@pytest.mark.timeout(0 if FUZZED > 1_000 else 300)
def test_every_connection_is_answered_or_dropped_whatever_it_sends(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """MLLP_FUZZ_INPUTS sets the number of inputs."""
    with listening(dsn, message_timeout_seconds=0.3, idle_timeout_seconds=0.3) as listener:

        @settings(max_examples=FUZZED, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(STREAMS)
        def sends(stream: bytes) -> None:
            with connect(listener.port) as sender:
                sender.sendall(stream + FRAME_END)
                sender.shutdown(socket.SHUT_WR)
                while True:  # the listener ends the connection within its limit
                    try:
                        if not sender.recv(65_536):
                            return
                    except ConnectionError:
                        return

        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sends()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000  # kilobytes
        assert send(listener.port, message("A28", "last", "777")) == ["AA"]
    assert "adt.failed" not in caplog.text
