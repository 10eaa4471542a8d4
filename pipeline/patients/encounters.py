"""Store encounters from the PV1 segments of ADT messages, by visit number.

Values that a message omits keep their earlier state, and an older message never replaces a value of a newer
one, so messages may arrive in any order. The database itself then attaches the patient's documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.patients.hl7_segments import (
    component_value,
    field_value,
    find_segment,
    first_repetition,
    is_deleted,
)
from pipeline.patients.reported_values import newest_values
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
ADMISSION_EVENTS = frozenset(("A01", "A04", "A05"))
DISCHARGE_EVENTS = frozenset(("A03",))
CANCELLATION_EVENTS = frozenset(("A11", "A38"))  # the admission, the pre-admission: there was no such visit
DISCHARGE_CANCELLATION_EVENTS = frozenset(("A13",))  # the discharge was a mistake
RENUMBERING_EVENTS = frozenset(
    ("A45", "A50")
)  # the visit is another patient's, or has another number: MRG-5 is the one it had
EVENTS = (
    ADMISSION_EVENTS
    | DISCHARGE_EVENTS
    | CANCELLATION_EVENTS
    | DISCHARGE_CANCELLATION_EVENTS
    | RENUMBERING_EVENTS
    | {"A02", "A06", "A07", "A08", "A12", "A14", "A17"}
)
DELETABLE_FIELDS = {"class": 2, "location": 3, "admitted_at": 44, "discharged_at": 45}
ENCOUNTER_COLUMNS = (
    "patient_id", "account", "class", "location", "admitted_at", "discharged_at", "cancelled_at",
)  # fmt: skip
TIME_FORMATS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncounterUpdate:
    """An encounter in a message; None: the message has no value. Times are the hospital's local time.
    `formerly`: the encounter's previous number. `deleted`: the columns whose values the message deletes."""

    number: str
    facility: str
    account: str | None
    kind: str | None
    location: str | None
    admitted_at: datetime | None
    discharged_at: datetime | None
    begun: bool
    cancelled: bool
    reopened: bool
    formerly: str | None = None
    deleted: frozenset[str] = frozenset()


def encounter_from_hl7(message: Any, event: str) -> EncounterUpdate | None:
    """Return the encounter in PV1; None if the message has neither a visit number nor an account number."""
    pv1, pid = find_segment(message, "PV1"), find_segment(message, "PID")
    if pv1 is None or pid is None:
        return None
    account = field_value(pid, 18) or None
    number = field_value(pv1, 19) or account
    if not number:
        return None
    event_at = event_time(message)
    return EncounterUpdate(
        number=number,
        facility=component_value(first_repetition(pv1, 19), 4)
        or field_value(pv1, 39)
        or field_value(message.segment("MSH"), 4),
        account=account,
        kind=field_value(pv1, 2) or None,
        location="-".join(filter(None, (field_value(pv1, 3, n) for n in (1, 2, 3)))) or None,
        admitted_at=parse_time(field_value(pv1, 44)) or (event_at if event in ADMISSION_EVENTS else None),
        discharged_at=parse_time(field_value(pv1, 45)) or (event_at if event in DISCHARGE_EVENTS else None),
        begun=event in ADMISSION_EVENTS,
        cancelled=event in CANCELLATION_EVENTS,
        reopened=event in DISCHARGE_CANCELLATION_EVENTS,
        formerly=former_number(message) if event in RENUMBERING_EVENTS else None,
        deleted=frozenset(column for column, field in DELETABLE_FIELDS.items() if is_deleted(pv1, field)),
    )


def former_number(message: Any) -> str | None:
    """Return MRG-5, the encounter's previous visit number."""
    mrg = find_segment(message, "MRG")
    return (field_value(mrg, 5) or None) if mrg is not None else None


def event_time(message: Any) -> datetime | None:
    """Return when the event occurred (EVN-6), otherwise when it was recorded (EVN-2)."""
    evn = find_segment(message, "EVN")
    return (parse_time(field_value(evn, 6)) or parse_time(field_value(evn, 2))) if evn is not None else None


def parse_time(stamp: str) -> datetime | None:
    """Return the local time of an HL7 time stamp; None if it cannot be parsed."""
    digits = stamp.partition(".")[0].partition("+")[0].partition("-")[0]
    try:
        return datetime.strptime(digits, TIME_FORMATS[len(digits)])
    except (KeyError, ValueError):
        return None


def store_encounter(connection: Connection, patient: int, encounter: EncounterUpdate, stamp: str) -> None:
    """Store an encounter. If its number changed, its documents stay with it under the new number; if both
    numbers have encounters, the previous one is canceled.

    Args:
        patient: the patient's ID.
        stamp: the message's time stamp: a value that a later message reported is kept.
    """
    key = {"facility": encounter.facility, "number": encounter.number}
    connection.execute(SQL["lock_visit"], key)
    if encounter.formerly not in (None, encounter.number):
        former = key | {"formerly": encounter.formerly}
        connection.execute(SQL["renumber_encounter"], former)
        connection.execute(SQL["end_previous_encounter"], former)
    row = connection.execute(SQL["reported_encounter"], key).fetchone()
    values = newest_values(encounter_values(encounter, patient), row["field_times"] if row else {}, stamp)
    times = {"times": Jsonb(dict.fromkeys(values, stamp))}
    if row is None:
        connection.execute(SQL["insert_encounter"], dict.fromkeys(ENCOUNTER_COLUMNS) | values | key | times)
    elif values:
        current = {column: row[column] for column in ENCOUNTER_COLUMNS}
        if values.get("cancelled_at") and current["cancelled_at"]:
            values["cancelled_at"] = current["cancelled_at"]
        connection.execute(SQL["update_encounter"], current | values | {"id": row["id"]} | times)


def encounter_values(encounter: EncounterUpdate, patient: int) -> dict[str, object]:
    """Return the values that a message reports, by column; None deletes a value."""
    values: dict[str, object] = {
        "account": encounter.account,
        "class": encounter.kind,
        "location": encounter.location,
        "admitted_at": encounter.admitted_at,
        "discharged_at": encounter.discharged_at,
    }
    reported = {column: value for column, value in values.items() if value is not None}
    reported |= dict.fromkeys(encounter.deleted - reported.keys()) | {"patient_id": patient}
    if encounter.reopened:
        reported["discharged_at"] = None
    if encounter.cancelled or encounter.begun:
        reported["cancelled_at"] = datetime.now(UTC) if encounter.cancelled else None
    return reported
