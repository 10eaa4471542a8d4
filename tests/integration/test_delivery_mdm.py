"""MDM messages over MLLP are valid by HL7's own model; each is applied once, whatever the receiver does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from psycopg import OperationalError

from pipeline.delivery import outbox
from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.store.database import Connection
from tests.support.delivery_archive import Archive, a_pdf
from tests.support.receivers import MdmReceiver, RandomFailures


@pytest.fixture
def receiver(archive: Archive) -> Iterator[MdmReceiver]:
    created = MdmReceiver()
    with created.listening() as port:
        archive.destination("ehr", "mdm", f"127.0.0.1:{port}", application="EHR", facility="HARBOUR")
        yield created


def current_documents(receiver: MdmReceiver) -> dict[str, tuple[str, str, bytes]]:
    """Return what the receiver shows to a clinician: number to MRN, type and PDF."""
    return {
        number: (document.mrn, document.type, document.data)
        for number, document in receiver.documents.items()
        if document.status == "current"
    }


def test_every_kind_of_change_is_a_valid_message_that_the_receiver_applies(
    archive: Archive, receiver: MdmReceiver
) -> None:
    document = archive.file(pages=2)
    archive.change(document, type="letter")
    archive.change(document, pdf=archive.blobs.put(a_pdf(3, "again")))
    archive.change(document, patient=archive.tomasz)
    second, withdrawn = archive.file(archive.tomasz), archive.file()
    archive.withdraw(withdrawn)
    assert archive.deliver() == 8
    assert receiver.faults == []
    events = {
        number: [text.split("|", 9)[8][4:7] for text in receiver.messages if f"|{number}." in text]
        for number in (document, withdrawn)
    }
    assert events == {document: ["T02", "T08", "T10", "T11", "T02"], withdrawn: ["T02", "T11"]}
    assert current_documents(receiver) == {
        f"{document}.4": ("20055501", "51852-2", a_pdf(3, "again")),
        f"{second}.1": ("20055501", "18842-5", a_pdf(1, "document 2")),
    }


def test_text_with_the_delimiters_of_hl7_arrives_unchanged(archive: Archive, receiver: MdmReceiver) -> None:
    strange = archive.patient("77|7", "Zoë", "O'Brien^~\\&", None, None, "1 | Main", "Łódź", None, None, None)
    archive.file(strange, author="J. R. & Sons")
    archive.deliver()
    assert receiver.faults == []
    text = receiver.messages[0]
    pid = next(line for line in text.split("\r") if line.startswith("PID")).split("|")
    assert pid[3].startswith("77\\F\\7^^^&")
    assert pid[5] == "O'Brien\\S\\\\R\\\\E\\\\T\\^Zoë^^^^^L"
    assert "Łódź" in pid[11]


def test_a_rejected_delivery_fails_after_several_attempts_and_keeps_the_reason(
    archive: Archive, receiver: MdmReceiver
) -> None:
    receiver.failures.rates = {"reject": 1.0}
    document = archive.file()
    assert archive.deliver() == 0
    row = outbox.deliveries(archive.connection)[0]
    assert (row.state, row.problem, row.attempts) == (
        "failed",
        "refused",
        archive.settings.delivery.max_rejections,
    )
    receiver.failures.rates = {}
    outbox.retry(archive.connection, "mwhite", document=document)
    assert archive.deliver() == 1
    assert list(receiver.documents) == [f"{document}.1"]


def test_a_duplicate_response_is_not_taken_for_the_next_message(
    archive: Archive, receiver: MdmReceiver
) -> None:
    receiver.failures.rates = {"duplicate": 1.0}
    documents = [archive.file() for _ in range(4)]
    assert archive.deliver() == 4
    assert list(receiver.documents) == [f"{document}.1" for document in documents]


def test_deliveries_wait_for_an_unavailable_receiver(archive: Archive) -> None:
    import socket
    from threading import Thread

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    archive.destination("ehr", "mdm", f"127.0.0.1:{port}")
    documents = [archive.file() for _ in range(3)]
    service = archive.service()
    thread = Thread(target=service.run, kwargs={"once": True})
    thread.start()
    thread.join(0.4)
    assert (outbox.destinations(archive.connection)[0].failure or "").startswith("unreachable")
    receiver = MdmReceiver()
    with receiver.listening(port):
        thread.join(10)
    assert list(receiver.documents) == [f"{document}.1" for document in documents]


def test_a_delivery_without_any_response_fails_after_the_configured_time(
    archive: Archive, receiver: MdmReceiver
) -> None:
    receiver.failures.rates = {"disconnect": 1.0}
    limits = archive.settings.delivery.model_copy(update={"retry_for_hours": 0.2 / 3600})
    archive.settings = archive.settings.model_copy(update={"delivery": limits})
    archive.file()
    assert archive.deliver() == 0
    row = outbox.deliveries(archive.connection)[0]
    assert (row.state, row.problem) == ("failed", "timeout")


def test_a_receiver_that_misbehaves_at_random_holds_every_document_once_with_its_corrections(
    archive: Archive, receiver: MdmReceiver
) -> None:
    receiver.failures = RandomFailures(
        2, {"reject": 0.1, "lose_response": 0.1, "duplicate": 0.1, "disconnect": 0.1, "hang": 0.04}
    )
    limits = archive.settings.delivery.model_copy(update={"max_rejections": 50})
    archive.settings = archive.settings.model_copy(update={"delivery": limits})
    documents = [archive.file() for _ in range(15)]
    expected = {}
    for n, document in enumerate(documents):
        expected[f"{document}.1"] = ("20012345", "18842-5", a_pdf(1, f"document {n + 1}"))
        if n % 3 == 0:
            archive.change(document, patient=archive.tomasz)
            expected[f"{document}.2"] = ("20055501", *expected.pop(f"{document}.1")[1:])
        if n % 3 == 1:
            archive.withdraw(document)
            del expected[f"{document}.1"]
    assert archive.deliver() == 30
    assert receiver.faults == []
    assert current_documents(receiver) == expected
    assert min(receiver.failures.counts.get(failure, 0) for failure in receiver.failures.rates) > 0


def test_a_process_that_dies_after_the_acknowledgment_sends_the_same_message_again(
    archive: Archive, receiver: MdmReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [archive.file() for _ in range(5)]
    settle = outbox.record_result
    died: list[int] = []

    def dies_twice(connection: Connection, item: DeliveryItem, *args: Any, **named: Any) -> bool:
        if len(died) < 2:
            died.append(item.id)
            raise OperationalError("the end")
        return settle(connection, item, *args, **named)

    monkeypatch.setattr(outbox, "record_result", dies_twice)
    while any(row.state == "pending" for row in outbox.deliveries(archive.connection)):
        with suppress(OperationalError):
            archive.deliver()
    assert len(died) == 2
    assert list(receiver.documents) == [f"{document}.1" for document in documents]
    assert receiver.faults == []


def test_a_retry_sends_what_a_receiver_acknowledged_but_did_not_keep(
    archive: Archive, receiver: MdmReceiver
) -> None:
    receiver.failures = RandomFailures(3, {"discard": 0.5})
    documents = [archive.file() for _ in range(6)]
    archive.deliver()
    assert len(receiver.documents) < 6
    receiver.failures = RandomFailures()
    outbox.retry(archive.connection, "mwhite", destination="ehr", delivered=True)
    archive.deliver()
    assert sorted(receiver.documents) == [f"{document}.1" for document in documents]
    assert receiver.faults == []
