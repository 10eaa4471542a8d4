"""Apply ADT messages to the patient index, each in one transaction with its log entry."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import hl7
import psycopg
from psycopg.types.json import Jsonb

from pipeline.errors import ChartloomError, Conflict, InvalidInput
from pipeline.matching.comparison_levels import compare_fields
from pipeline.patients.adt_acknowledgment import (
    DATA_TYPE_ERROR,
    DUPLICATE_KEY,
    ERROR_CODES,
    INTERNAL_ERROR,
    UNSUPPORTED_PROCESSING_ID,
    MessageResult,
)
from pipeline.patients.adt_audit import Sender, audit_message
from pipeline.patients.adt_message import Message, named_patients, parse_message
from pipeline.patients.bulk_load import store_aliases
from pipeline.patients.candidates import person_from_row
from pipeline.patients.encounters import store_encounter
from pipeline.patients.hl7_limits import TOO_LARGE, Hl7Limits
from pipeline.patients.hl7_patient import PatientChange
from pipeline.patients.hl7_text import FRAMING_BYTES, header_fields, split_batch
from pipeline.patients.patient_merge import merge, renumber
from pipeline.patients.patient_record import COLUMNS, PatientAlias, PatientUpdate
from pipeline.patients.rejected_messages import keep_rejected
from pipeline.patients.reported_values import newest_values, time_stamp
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
ACTOR = "adt"  # recorded for merges that a message requests
DECISIVE_FIELDS = {"family name": "family", "given name": "given"}
DIFFERENT_NAME_LEVELS = ("different", "middle")
MAX_KEPT_BYTES = 65_536  # of a message that is too large to be parsed
MAX_PROBLEM_CHARS = 250  # of a problem in an acknowledgment


def process_message(
    connection: Connection,
    body: bytes,
    assigning_authority: str = "",
    *,
    sender: Sender | None = None,
    limits: Hl7Limits | None = None,
) -> MessageResult:
    """Apply a message, or store it with the reason why it cannot be applied.

    Several messages in one frame, and the messages of a batch, are applied one after the other. Their common
    result is that of the first, unless one of them is rejected.

    Args:
        body: the message as received.
        assigning_authority: see `parse_message`.
        sender: who sent it, for the audit; None: it did not come from a listener.
        limits: its largest size; None: it is not limited.

    Raises:
        ServiceUnavailable, psycopg.OperationalError: if the database is unavailable. Nothing more is stored
            then.
    """

    def process(one: bytes) -> MessageResult:
        return process_one(connection, one, assigning_authority, sender, limits)

    try:
        if limits is not None:
            limits.check_frame(body)
    except InvalidInput as error:
        return store_rejected(connection, body, unparsed_message(body), error, assigning_authority, sender)
    bodies = split_batch(body)
    if len(bodies) == 1 and not is_batch(body):
        return process(body)
    results = [process(one) for one in bodies or [body]]
    rejected = [result for result in results if result.status == "rejected"]
    if not rejected:
        return results[0]
    first = rejected[0]
    problem = f"{len(rejected)} of {len(results)} messages rejected; {first.control_id}: {first.problem}"
    return replace(first, control_id=results[0].control_id, problem=problem[:MAX_PROBLEM_CHARS])


def process_one(
    connection: Connection,
    body: bytes,
    assigning_authority: str,
    sender: Sender | None = None,
    limits: Hl7Limits | None = None,
) -> MessageResult:
    """Apply a single message: see `process_message`."""
    try:
        if limits is not None:
            limits.check_message(body)
        message = parse_message(body, assigning_authority)
    except ChartloomError as error:
        return store_rejected(connection, body, unparsed_message(body), error, assigning_authority, sender)
    except (ValueError, LookupError, AttributeError, hl7.HL7Exception) as error:
        invalid = InvalidInput(f"Not an HL7 v2 message: {type(error).__name__}.", "", "not_hl7")
        return store_rejected(connection, body, unparsed_message(body), invalid, assigning_authority, sender)
    problem, error_code = " ".join(message.problems) or None, DATA_TYPE_ERROR
    if message.processing_id != "P":
        problem = f"The processing ID (MSH-11) is {message.processing_id}; only P is applied."
        error_code = UNSUPPORTED_PROCESSING_ID
    status = "ignored" if message.action == "none" else "applied"
    result = MessageResult(
        status, message.control_id, problem and problem[:MAX_PROBLEM_CHARS], error_code if problem else ""
    )
    params = message_key(message) | {"status": status, "problem": result.problem}
    try:
        with connection.transaction():
            if connection.execute(SQL["record_message"], params).rowcount == 0:
                return replace(result, status="ignored")
            apply_message(connection, message, assigning_authority)
            audit_message(connection, message, sender)
    except (ChartloomError, psycopg.DataError, psycopg.IntegrityError) as error:
        return store_rejected(connection, body, message, error, assigning_authority, sender)
    return result


def is_batch(body: bytes) -> bool:
    """Return whether a frame begins with the header of a batch or of a file of batches."""
    return body.lstrip(FRAMING_BYTES)[:3] in (b"FHS", b"BHS")


def unparsed_message(body: bytes) -> Message:
    """Return a message that could not be parsed, with what can be read of its header."""
    head = header_fields(body)
    sender = "|".join((head[2], head[3])) if head[2] or head[3] else ""
    return Message(
        sender=sender,
        control_id=head[9],
        event=head[8],
        sha256=hashlib.sha256(body.strip(FRAMING_BYTES)).hexdigest(),
        action="none",
    )


def apply_message(connection: Connection, message: Message, assigning_authority: str = "") -> None:
    """Apply everything that a message says to the index.

    Raises:
        Conflict, NotFound, InvalidInput: if the index does not allow it.
    """
    mrns = {str(change.patient.row["mrn"]) for change in message.changes}
    mrns |= {mrn for change in message.changes for _, mrn in change.priors}
    for mrn in sorted(mrns):  # in the same order in every transaction
        connection.execute(SQL["lock_mrn"], {"mrn": mrn})
    stamp = time_stamp(message.sent_at or datetime.now(UTC))
    for change in message.changes:
        apply_change(connection, message.action, change, stamp, check_authority=not assigning_authority)


def apply_change(
    connection: Connection, action: str, change: PatientChange, stamp: str, *, check_authority: bool
) -> None:
    """Apply what a message says of one patient.

    Args:
        action: the message's action.
        stamp: the message's time stamp.
        check_authority: whether a number of another assigning authority is refused, because no home facility
            is set.
    """

    def find(mrn: str, authority: str) -> dict[str, Any] | None:
        row: dict[str, Any] | None = connection.execute(SQL["reported_patient"], {"mrn": mrn}).fetchone()
        if row and check_authority and authority and row["authority"] not in ("", authority):
            raise Conflict(
                f"The number {mrn} of {authority} is also a number of {row['authority']}.",
                "Set matching.assigning_authority to the authority of the index's MRNs.",
            )
        return row

    mrn = str(change.patient.row["mrn"])
    patient = find(mrn, change.authority)
    priors = {prior: find(prior, authority) for authority, prior in change.priors if prior != mrn}
    if action in ("merge", "renumber"):
        for existing in filter(None, priors.values()):
            if not is_merged(existing, patient):
                check_same_person(existing, patient)
    if action == "renumber":
        patient = renumber_patient(connection, mrn, patient, priors)
    if patient is not None and patient["mrn"] != mrn:
        check_same_person(patient, change.patient.row)  # the number was another patient's before
    current = store_reported(connection, patient, change, stamp)
    if change.encounter is not None:
        store_encounter(connection, current["id"], change.encounter, stamp)
    for number, prior in priors.items():
        if prior is None:  # an unused number, which identifies this patient from now on
            connection.execute(SQL["add_former_mrn"], {"id": current["id"], "mrn": number})
        elif action == "merge":
            merge_prior(connection, prior, current)
        elif action == "account" and prior["id"] != current["id"]:
            raise Conflict(
                f"The accounts belong to the two patients {number} and {mrn}.", "Move the account by hand."
            )
    if change.former_account and change.account:
        params = {"patient": current["id"], "former": change.former_account, "account": change.account}
        connection.execute(SQL["change_account"], params)
        former = PatientAlias("identifier", ("account", "", change.former_account))
        store_aliases(connection, [PatientUpdate("", {"mrn": current["mrn"]}, (former,))])


def renumber_patient(
    connection: Connection,
    mrn: str,
    patient: dict[str, Any] | None,
    priors: Mapping[str, dict[str, Any] | None],
) -> dict[str, Any] | None:
    """Give the patient with a prior number the number `mrn`, and return that patient; None if none of the
    numbers is in the index.

    Raises:
        Conflict: if another patient has the number.
    """
    for number, prior in priors.items():
        if prior is None or (patient and patient["id"] == prior["id"]):
            continue
        if patient is not None:
            raise Conflict(
                f"The MRN {mrn} belongs to another patient than {number}.",
                "Merge the two patients (A40), or correct the number.",
            )
        renumber(connection, str(prior["mrn"]), mrn)
        patient = connection.execute(SQL["reported_patient"], {"mrn": mrn}).fetchone()
    return patient


def store_reported(
    connection: Connection, patient: dict[str, Any] | None, change: PatientChange, stamp: str
) -> dict[str, Any]:
    """Store what a message reports of a patient, except what a later message has reported.

    Args:
        patient: the row of the index; None: the patient is added.

    Returns:
        The patient's row.
    """
    reported = {column: value for column, value in change.patient.row.items() if value and column != "mrn"}
    reported_or_deleted = reported | dict.fromkeys(change.deleted - reported.keys())
    values = newest_values(reported_or_deleted, patient["field_times"] if patient else {}, stamp)
    if patient is None:
        row = dict.fromkeys(COLUMNS) | values | {"mrn": change.patient.row["mrn"]}
        added = connection.execute(SQL["insert_reported"], row).fetchone()
        assert added is not None
        current = row | added | {"names": None, "numbers": None, "merged": None, "merged_into": None}
    else:
        current = patient | values
        if current != patient:
            connection.execute(SQL["update_reported"], current)
    times = Jsonb(dict.fromkeys(values, stamp))
    params = {"id": current["id"], "authority": change.authority, "times": times}
    connection.execute(SQL["record_report"], params)
    aliases = PatientUpdate(change.patient.place, {"mrn": current["mrn"]}, change.patient.aliases)
    store_aliases(connection, [aliases])
    return current


def is_merged(prior: Mapping[str, Any], patient: Mapping[str, Any] | None) -> bool:
    """Return whether a prior patient has been merged into the patient, or both into the same one: the message
    may be sent again, or a person may have done what it asks.
    """
    if patient is None:
        return False
    living = {patient["id"], patient["merged_into"]} - {None}
    return prior["id"] == patient["id"] or prior["merged_into"] in living


def check_same_person(prior: Mapping[str, Any], other: Mapping[str, Any] | None) -> None:
    """Refuse to join two records whose names or birth dates disagree: a person must decide that.

    Raises:
        Conflict: if they disagree.
    """
    if other is None:
        return
    no_aliases = {"names": None, "numbers": None, "merged": None, "previous_family": None}
    people = [person_from_row(no_aliases | dict(row)) for row in (prior, other)]
    levels = dict(compare_fields(*people))
    differing = [
        name for name, field in DECISIVE_FIELDS.items() if levels.get(field) in DIFFERENT_NAME_LEVELS
    ]
    born = [str(row.get("dob") or "") for row in (prior, other)]
    if not (born[0].startswith(born[1]) or born[1].startswith(born[0])):
        differing.append("birth date")
    if differing:
        raise Conflict(
            f"The {' and '.join(differing)} of the two patients differ{'' if len(differing) > 1 else 's'}.",
            "A person must decide: chartloom patients merge, or the chart in the web application.",
        )


def merge_prior(connection: Connection, prior: dict[str, Any], survivor: dict[str, Any]) -> None:
    """Merge a prior patient into the survivor, unless that is done.

    Raises:
        Conflict: if they seem to be two people, a user has undone this merge, or either patient was merged
            into another.
    """
    pair = {"loser": prior["id"], "survivor": survivor["id"]}
    rows = connection.execute(SQL["lock_patients"], {"ids": list(pair.values())})
    merged_into = {row["id"]: row["merged_into"] for row in rows}
    if is_merged(*(patient | {"merged_into": merged_into[patient["id"]]} for patient in (prior, survivor))):
        return
    check_same_person(prior, survivor)
    undone = connection.execute(SQL["undone_merge"], pair).fetchone()
    if undone is not None:
        raise Conflict(f"{undone['undone_by']} has undone this merge.", "A person must decide.")
    merge(connection, prior["id"], survivor["id"], ACTOR)


def store_rejected(
    connection: Connection,
    body: bytes,
    message: Message,
    error: Exception,
    assigning_authority: str,
    sender: Sender | None = None,
) -> MessageResult:
    """Keep a message that could not be applied, with the reason, for a person. A message that a person has
    settled is ignored.
    """
    problem = (str(error).splitlines() or [type(error).__name__])[0][:MAX_PROBLEM_CHARS]
    is_too_large = isinstance(error, ChartloomError) and error.code == TOO_LARGE
    named = [] if is_too_large else named_patients(body, assigning_authority)
    kept = body[:MAX_KEPT_BYTES] if is_too_large else body
    with connection.transaction():
        if not keep_rejected(connection, message, kept, problem, named):
            return MessageResult("ignored", message.control_id, error_code="")
        audit_message(connection, message, sender, refused=getattr(error, "code", "") or "value")
    if isinstance(error, ChartloomError):
        code = ERROR_CODES.get(error.code, INTERNAL_ERROR)
    else:
        code = DATA_TYPE_ERROR if isinstance(error, psycopg.DataError) else DUPLICATE_KEY
    return MessageResult("rejected", message.control_id, problem, code)


def message_key(message: Message) -> dict[str, object]:
    """Return the columns that identify a message in the log."""
    return {
        "sender": message.sender,
        "control_id": message.control_id,
        "event": message.event,
        "sha256": message.sha256,
    }
