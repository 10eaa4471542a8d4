"""Whatever a receiver does has a name in the outbox, and at the end the receiver has each document once, in
its present state.
"""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

import pytest

from pipeline.delivery import outbox
from pipeline.delivery.delivery_service import DeliveryService
from pipeline.store.database import connect
from tests.support.delivery_archive import Archive
from tests.support.fhir_receiver import FhirReceiver
from tests.support.receivers import MdmReceiver, RandomFailures
from tests.support.scan_records import until

Receiver = MdmReceiver | FhirReceiver


def receiver_of(kind: str) -> Receiver:
    """Return a receiver that knows the two patients."""
    if kind == "mdm":
        return MdmReceiver()
    receiver = FhirReceiver()
    receiver.patient("20012345")
    receiver.patient("20055501")
    return receiver


def current_documents(receiver: Receiver) -> dict[str, str]:
    """Return the documents that the receiver shows to a clinician: edition to MRN."""
    if isinstance(receiver, MdmReceiver):
        return {
            number: document.mrn
            for number, document in receiver.documents.items()
            if document.status == "current"
        }
    documents = {".".join(oid.split(".")[-2:]): one for oid, one in receiver.documents().items()}
    return {number: one[1] for number, one in documents.items() if one[0] == "current"}


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


def address(kind: str, port: int) -> str:
    return f"127.0.0.1:{port}" if kind == "mdm" else f"http://127.0.0.1:{port}/fhir"


BEHAVIOR = {
    "mdm": {"reject": "refused", "lose_response": "timeout", "disconnect": "timeout", "hang": "timeout"},
    "fhir": {
        **{"reject": "refused", "lose_response": "timeout", "disconnect": "timeout", "hang": "timeout"},
        **{"discard": "not_found_after_ack", "busy": "throttled"},
    },
}


@pytest.mark.parametrize(
    ("kind", "failure", "name"), [(k, *pair) for k, failures in BEHAVIOR.items() for pair in failures.items()]
)
def test_each_failure_has_a_name_and_after_a_retry_the_receiver_has_the_document_once(
    archive: Archive, port: int, kind: str, failure: str, name: str
) -> None:
    receiver = receiver_of(kind)
    receiver.failures = RandomFailures(rates={failure: 1.0})
    with receiver.listening(port):
        archive.destination("ehr", kind, address(kind, port))
        unhurried = archive.settings
        soon = {"retry_for_hours": 1e-9} | ({"response_timeout_seconds": 0.2} if failure == "hang" else {})
        archive.settings = unhurried.model_copy(
            update={"delivery": unhurried.delivery.model_copy(update=soon)}
        )
        document = archive.file()
        assert archive.deliver() == 0
        row = outbox.deliveries(archive.connection)[0]
        assert (row.state, row.problem) == ("failed", name)
        receiver.failures, archive.settings = RandomFailures(), unhurried
        outbox.retry(archive.connection, "mwhite", document=document)
        assert archive.deliver() == 1
    assert current_documents(receiver) == {f"{document}.1": "20012345"}


def test_when_a_delivery_loop_ends_the_next_process_can_start_at_once(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.destination("archive", "folder", str(tmp_path))
    connection_kept_open = connect(archive.dsn)
    monkeypatch.setattr(
        connection_kept_open, "close", lambda: None
    )  # it stays open, as a closed connection does in Postgres for a moment
    limits, fetch = archive.settings.delivery, archive.blobs.get
    archive.file()
    assert DeliveryService(limits, lambda: connection_kept_open, fetch).run(once=True) == 1
    archive.file()
    assert archive.deliver() == 1
    monkeypatch.undo()
    connection_kept_open.close()


@pytest.mark.parametrize("kind", ["mdm", "fhir"])
def test_a_receiver_that_was_unavailable_for_a_day_gets_everything_once(
    archive: Archive, port: int, kind: str
) -> None:
    archive.destination("ehr", kind, address(kind, port))
    first = archive.file()
    thread = Thread(target=archive.service().run, kwargs={"once": True})
    thread.start()
    until(lambda: (outbox.destinations(archive.connection)[0].failure or "").startswith("unreachable"))
    archive.connection.execute(
        "update delivery set (queued_at, last_attempt_at)"
        " = (queued_at - '1 day'::interval, last_attempt_at - '1 day'::interval)"
    )
    archive.connection.execute("update destination set failing_since = failing_since - interval '1 day'")
    moved, second = archive.file(), archive.file()
    archive.change(moved, patient=archive.tomasz)
    assert {row.state for row in outbox.deliveries(archive.connection)} == {"pending"}
    receiver = receiver_of(kind)
    with receiver.listening(port):
        thread.join(20)
    assert current_documents(receiver) == {
        f"{first}.1": "20012345",
        f"{second}.1": "20012345",
        f"{moved}.2": "20055501",
    }
    assert {row.state for row in outbox.deliveries(archive.connection)} == {"delivered"}
