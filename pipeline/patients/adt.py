"""ADT messages taken into the index, each in one transaction with its record, and the answer that its sender
gets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from pipeline.errors import ChartloomError, NotFound
from pipeline.patients.bulk_load import Load, load_rows
from pipeline.patients.encounters import keep_visit
from pipeline.patients.hl7_segments import escaped
from pipeline.patients.hl7v2 import Message, read_message
from pipeline.patients.patient_merge import is_part_of, merge, patient_id, renumber
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
BY = "adt"  # who decided a merge that came by message
LONGEST = 250  # characters of a problem that an acknowledgement carries


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message: applied, ignored (its event says nothing of who a patient is, or it came
    before) or refused.
    """

    status: str
    control_id: str
    problem: str | None = None


def take(connection: Connection, body: bytes, home_facility: str = "") -> Taken:
    """Apply a message, or keep it with what is wrong with it. Raises only where the database is away: then
    nothing was taken.
    """
    try:
        message = read_message(body, home_facility)
    except ChartloomError as error:
        return refuse(connection, body, unread(body), str(error))
    try:
        with connection.transaction():
            status = "ignored" if message.act == "none" else "applied"
            if connection.execute(SQL["note_message"], fields_of(message) | {"status": status}).rowcount == 0:
                return Taken("ignored", message.control_id)
            apply(connection, message)
    except (ChartloomError, psycopg.DataError, psycopg.IntegrityError) as error:
        return refuse(connection, body, message, str(error).splitlines()[0])
    return Taken(status, message.control_id)


def unread(body: bytes) -> Message:
    """What can be said of a message that was not understood: its head, as far as there is one."""
    head = head_of(body)
    sender = "|".join((head[2], head[3])) if head[2] or head[3] else ""
    return Message(
        sender=sender, control_id=head[9], event=head[8], sha256=hashlib.sha256(body).hexdigest(), act="none"
    )


def head_of(body: bytes) -> list[str]:
    """The fields of the MSH segment, MSH-3 at 2; empty texts where there is none."""
    line = (
        body.lstrip(b"\xef\xbb\xbf\x0b\r\n\t ").split(b"\r")[0].split(b"\n")[0].decode("latin-1").split("|")
    )
    return (line if line[0] == "MSH" else []) + [""] * 12


def apply(connection: Connection, message: Message) -> None:
    """Do what the message asks. Raises Conflict, NotFound, BadInput where the index does not allow it."""
    if message.patient is None:
        return
    mrn = str(message.patient.row["mrn"])
    loser = known(connection, message.prior)
    if message.act == "renumber" and message.prior and loser is not None:
        renumber(connection, message.prior, mrn)
    load_rows(connection, [message.patient], Load(), source="hl7")
    patient = patient_id(connection, mrn)
    if message.visit is not None:
        keep_visit(connection, patient, message.visit)
    if message.prior and loser is None:  # a number nobody came with yet: it leads to this patient from now on
        connection.execute(SQL["keep_old_mrn"], {"id": patient, "mrn": message.prior})
    elif message.act == "merge" and loser is not None and not is_part_of(connection, loser, patient):
        merge(connection, loser, patient, BY)  # a feed that is sent again finds them one


def known(connection: Connection, mrn: str | None) -> int | None:
    """The patient of this MRN, if the index has one."""
    try:
        return patient_id(connection, mrn) if mrn else None
    except NotFound:
        return None


def refuse(connection: Connection, body: bytes, message: Message, problem: str) -> Taken:
    """Keep a message that could not be applied, with the reason."""
    said = fields_of(message) | {"problem": problem[:LONGEST], "body": body}
    connection.execute(SQL["keep_refused"], said)
    return Taken("refused", message.control_id, problem[:LONGEST])


def fields_of(message: Message) -> dict[str, object]:
    """What names a message in the table of messages."""
    return {
        "sender": message.sender,
        "control_id": message.control_id,
        "event": message.event,
        "sha256": message.sha256,
    }


def acknowledgement(
    body: bytes, taken: Taken, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> bytes:
    """The HL7 answer to a message: AA where it is in the index or needs nothing, AE where it was refused,
    with the problem.
    """
    head = head_of(body)
    stamp = now().strftime("%Y%m%d%H%M%S%z")
    code = "AE" if taken.status == "refused" else "AA"
    event = head[8].split("^")[1] if "^" in head[8] else ""
    kind = f"ACK^{event}^ACK" if event else "ACK"
    lines = [
        f"MSH|^~\\&|CHARTLOOM|{head[5]}|{head[2]}|{head[3]}|{stamp}||{kind}|{stamp}{taken.control_id}|P|{head[11] or '2.5'}",
        f"MSA|{code}|{taken.control_id}",
    ]
    if taken.problem:
        lines.append(f"ERR|||207^Application internal error^HL70357|E||||{escaped(taken.problem)}")
    return "".join(f"{line}\r" for line in lines).encode()
