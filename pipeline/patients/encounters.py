"""Encounters from ADT messages: what PV1 says of a visit or stay, kept by its visit number.

What a message leaves out stays as it was told before, so messages may come in any order. The database itself
then attaches the patient's documents (migration 0016)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipeline.patients.hl7_segments import component, first, part, segment_of
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
BEGIN = frozenset(("A01", "A04", "A05"))
END = frozenset(("A03",))
CANCEL = frozenset(("A11", "A38"))  # the admission, the pre-admission: there was no such visit
REOPEN = frozenset(("A13",))  # the discharge was a mistake
RENUMBER = frozenset(
    ("A45", "A50")
)  # the visit is another patient's, or has another number: MRG-5 is the one it had
EVENTS = BEGIN | END | CANCEL | REOPEN | RENUMBER | {"A02", "A06", "A07", "A08", "A12", "A14"}
FORMATS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An encounter as a message tells of it; None is not said. Times are the hospital's own clock.
    `formerly`: its old number.
    """

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


def visit_of(message: Any, event: str) -> Visit | None:
    """The visit of PV1; None where the message names none, by visit number or account."""
    pv1, pid = segment_of(message, "PV1"), segment_of(message, "PID")
    if pv1 is None or pid is None:
        return None
    account = part(pid, 18) or None
    number = part(pv1, 19) or account
    if not number:
        return None
    happened = happened_at(message)
    return Visit(
        number=number,
        facility=component(first(pv1, 19), 4) or part(pv1, 39) or part(message.segment("MSH"), 4),
        account=account,
        kind=part(pv1, 2) or None,
        location="-".join(filter(None, (part(pv1, 3, n) for n in (1, 2, 3)))) or None,
        admitted_at=moment(part(pv1, 44)) or (happened if event in BEGIN else None),
        discharged_at=moment(part(pv1, 45)) or (happened if event in END else None),
        begun=event in BEGIN,
        cancelled=event in CANCEL,
        reopened=event in REOPEN,
        formerly=former_number(message) if event in RENUMBER else None,
    )


def former_number(message: Any) -> str | None:
    """The visit number of MRG-5, that the visit had before."""
    mrg = segment_of(message, "MRG")
    return (part(mrg, 5) or None) if mrg is not None else None


def happened_at(message: Any) -> datetime | None:
    """When the event occurred (EVN-6), else when it was recorded (EVN-2)."""
    evn = segment_of(message, "EVN")
    return (moment(part(evn, 6)) or moment(part(evn, 2))) if evn is not None else None


def moment(stamp: str) -> datetime | None:
    """The time of an HL7 time stamp on the clock that wrote it; None where it is none."""
    digits = stamp.partition(".")[0].partition("+")[0].partition("-")[0]
    try:
        return datetime.strptime(digits, FORMATS[len(digits)])
    except (KeyError, ValueError):
        return None


def keep_visit(connection: Connection, patient: int, visit: Visit) -> None:
    """Write what a message says of an encounter. One that had another number keeps its documents under the
    new one; where both numbers are known, the former is no visit any more."""
    if visit.formerly not in (None, visit.number):
        former = {"facility": visit.facility, "formerly": visit.formerly, "number": visit.number}
        connection.execute(SQL["renumber_visit"], former)
        connection.execute(SQL["end_former_visit"], former)
    connection.execute(SQL["keep_visit"], asdict(visit) | {"patient": patient})
