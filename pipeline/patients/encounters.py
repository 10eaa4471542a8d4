"""Store encounters from the PV1 segments of ADT messages, by visit number.

Values that a message omits keep their earlier state, so messages may arrive in any order. The database itself
then attaches the patient's documents (migration 0016)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipeline.patients.hl7_segments import component_value, field_value, find_segment, first_repetition
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
    | {"A02", "A06", "A07", "A08", "A12", "A14"}
)
TIME_FORMATS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncounterUpdate:
    """An encounter in a message; None: the message has no value. Times are the hospital's local time.
    `formerly`: the encounter's previous number."""

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


def store_encounter(connection: Connection, patient: int, encounter: EncounterUpdate) -> None:
    """Store an encounter. If its number changed, its documents stay with it under the new number; if both
    numbers have encounters, the previous one is canceled."""
    if encounter.formerly not in (None, encounter.number):
        former = {
            "facility": encounter.facility,
            "formerly": encounter.formerly,
            "number": encounter.number,
        }
        connection.execute(SQL["renumber_encounter"], former)
        connection.execute(SQL["end_previous_encounter"], former)
    connection.execute(SQL["upsert_encounter"], asdict(encounter) | {"patient": patient})
