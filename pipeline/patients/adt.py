"""Apply ADT messages to the patient index, each in one transaction with its log entry, and build the
acknowledgment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from pipeline.delivery.formats.hl7_values import escape, format_time
from pipeline.errors import ChartloomError, NotFound
from pipeline.patients.bulk_load import LoadResult, store_patients
from pipeline.patients.encounters import store_encounter
from pipeline.patients.hl7v2 import Message, parse_message
from pipeline.patients.patient_merge import is_merged_into, merge, patient_id, renumber
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
ACTOR = "adt"  # recorded for merges that a message requests
MAX_PROBLEM_CHARS = 250  # of a problem in an acknowledgment


@dataclass(frozen=True, slots=True)
class MessageResult:
    """The result of a message.

    `status` is applied, ignored (the event does not concern the patient's identity, or the message came
    before) or rejected."""

    status: str
    control_id: str
    problem: str | None = None


def process_message(connection: Connection, body: bytes, assigning_authority: str = "") -> MessageResult:
    """Apply a message, or store it with the reason why it cannot be applied.

    Args:
        body: the message as received.
        assigning_authority: see `parse_message`.

    Raises:
        ServiceUnavailable, psycopg.OperationalError: if the database is unavailable. Nothing is stored then.
    """
    try:
        message = parse_message(body, assigning_authority)
    except ChartloomError as error:
        return store_rejected(connection, body, unparsed_message(body), str(error))
    try:
        with connection.transaction():
            status = "ignored" if message.action == "none" else "applied"
            if (
                connection.execute(SQL["record_message"], message_key(message) | {"status": status}).rowcount
                == 0
            ):
                return MessageResult("ignored", message.control_id)
            apply_message(connection, message)
    except (ChartloomError, psycopg.DataError, psycopg.IntegrityError) as error:
        return store_rejected(connection, body, message, str(error).splitlines()[0])
    return MessageResult(status, message.control_id)


def unparsed_message(body: bytes) -> Message:
    """Return a message that could not be parsed, with what can be read of its header."""
    head = header_fields(body)
    sender = "|".join((head[2], head[3])) if head[2] or head[3] else ""
    return Message(
        sender=sender,
        control_id=head[9],
        event=head[8],
        sha256=hashlib.sha256(body).hexdigest(),
        action="none",
    )


def header_fields(body: bytes) -> list[str]:
    """Return the fields of the MSH segment, with MSH-3 at index 2; missing ones are empty."""
    line = (
        body.lstrip(b"\xef\xbb\xbf\x0b\r\n\t ").split(b"\r")[0].split(b"\n")[0].decode("latin-1").split("|")
    )
    return (line if line[0] == "MSH" else []) + [""] * 12


def apply_message(connection: Connection, message: Message) -> None:
    """Apply a message to the index.

    Raises:
        Conflict, NotFound, InvalidInput: if the index does not allow it.
    """
    if message.patient is None:
        return
    mrn = str(message.patient.row["mrn"])
    prior = find_patient(connection, message.prior)
    if message.action == "renumber" and message.prior and prior is not None:
        renumber(connection, message.prior, mrn)
    store_patients(connection, [message.patient], LoadResult(), source="hl7")
    patient = patient_id(connection, mrn)
    if message.encounter is not None:
        store_encounter(connection, patient, message.encounter)
    if message.prior and prior is None:  # an unused number, which identifies this patient from now on
        connection.execute(SQL["add_former_mrn"], {"id": patient, "mrn": message.prior})
    elif message.action == "merge" and prior is not None and not is_merged_into(connection, prior, patient):
        merge(connection, prior, patient, ACTOR)  # the messages may be sent again


def find_patient(connection: Connection, mrn: str | None) -> int | None:
    """Return the patient with this MRN, None if the index has none."""
    try:
        return patient_id(connection, mrn) if mrn else None
    except NotFound:
        return None


def store_rejected(connection: Connection, body: bytes, message: Message, problem: str) -> MessageResult:
    """Store a message that could not be applied, with the reason."""
    params = message_key(message) | {"problem": problem[:MAX_PROBLEM_CHARS], "body": body}
    connection.execute(SQL["keep_rejected_body"], params)
    return MessageResult("rejected", message.control_id, problem[:MAX_PROBLEM_CHARS])


def message_key(message: Message) -> dict[str, object]:
    """Return the columns that identify a message in the log."""
    return {
        "sender": message.sender,
        "control_id": message.control_id,
        "event": message.event,
        "sha256": message.sha256,
    }


def build_acknowledgment(
    body: bytes, result: MessageResult, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> bytes:
    """Return the acknowledgment of a message: AA if it was applied or ignored, AE with the problem if it was
    rejected.
    """
    head = header_fields(body)
    time = format_time(now())
    code = "AE" if result.status == "rejected" else "AA"
    event = head[8].split("^")[1] if "^" in head[8] else ""
    kind = f"ACK^{event}^ACK" if event else "ACK"
    lines = [
        f"MSH|^~\\&|CHARTLOOM|{head[5]}|{head[2]}|{head[3]}|{time}||{kind}|{time}{result.control_id}|P|"
        f"{head[11] or '2.5'}",
        f"MSA|{code}|{result.control_id}",
    ]
    if result.problem:
        lines.append(f"ERR|||207^Application internal error^HL70357|E||||{escape(result.problem)}")
    return "".join(f"{line}\r" for line in lines).encode()
