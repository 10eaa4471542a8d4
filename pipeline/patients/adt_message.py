"""Read HL7 v2 ADT messages: what each says of its patients, and the requested action."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import hl7

from pipeline.errors import ChartloomError, InvalidInput
from pipeline.patients.encounters import EVENTS, encounter_from_hl7, parse_time
from pipeline.patients.hl7_escapes import switches_character_set
from pipeline.patients.hl7_patient import (
    LEADING_DIGITS,
    MAX_CLOCK_ERROR,
    PatientChange,
    patient_from_hl7,
    prior_mrns,
)
from pipeline.patients.hl7_segments import field_value, find_segment
from pipeline.patients.hl7_text import FRAMING_BYTES, decode_message
from pipeline.patients.patient_record import PatientUpdate

UPDATE_EVENTS = frozenset(
    (
        "A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A14", "A17", "A28",
        "A31", "A38", "A45", "A50",
    )
)  # fmt: skip
MERGE_EVENTS = frozenset(("A18", "A30", "A34", "A36", "A39", "A40"))
RENUMBERING_EVENTS = frozenset(("A46", "A47"))
ACCOUNT_EVENTS = frozenset(("A35", "A36", "A41"))
"""Events that replace an account number (MRG-3) by another (PID-18)."""
VISIT_EVENTS = frozenset(("A45", "A50"))
UNSUPPORTED_EVENTS = frozenset(("A23", "A24", "A29", "A37", "A42", "A43", "A44", "A48", "A49", "A51"))
"""Events that change who a patient or a visit is in a way that a person must do."""
Action = Literal["update", "merge", "renumber", "account", "none"]
PRECISE_DIGITS = 12  # of a time to the minute


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPatient:
    """The MRN of a patient in a message, "" if it has none, and the prior MRNs that it replaces."""

    mrn: str
    priors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An ADT message. `sent_at` is when the event was recorded, `problems` are values that are ignored."""

    sender: str
    control_id: str
    event: str
    sha256: str
    action: Action
    sent_at: datetime | None = None
    processing_id: str = ""
    changes: tuple[PatientChange, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def patient(self) -> PatientUpdate | None:
        """The first patient; None if the message is not about one."""
        return self.changes[0].patient if self.changes else None


def parse_message(body: bytes, assigning_authority: str = "") -> Message:
    """Return the contents of a message.

    Args:
        body: the message, in the character set of MSH-18, otherwise in UTF-8 or Latin-1.
        assigning_authority: the authority whose medical record numbers are the index's MRNs; "": the first
            number of type MR is the MRN.

    Raises:
        InvalidInput: if it is not an HL7 v2 message, or lacks what its event requires.
    """
    text = decode_message(body)
    try:
        parsed = hl7.parse(text)
        head = parsed.segment("MSH")
        kind, event = field_value(head, 9), field_value(head, 9, 2)
        sender, control = "|".join((field_value(head, 3), field_value(head, 4))), field_value(head, 10)
        evn = find_segment(parsed, "EVN")
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f"Not an HL7 v2 message: {type(error).__name__}.", "Send messages that begin with MSH.", "not_hl7"
        ) from None
    if not control:
        raise InvalidInput(
            "The message has no control ID (MSH-10).",
            "Give every message its own control ID.",
            "no_control_id",
        )
    if kind == "ADT" and not event:
        event = field_value(evn, 1) if evn is not None else ""
    message = Message(
        sender=sender,
        control_id=control,
        event=f"{kind}^{event}",
        sha256=hashlib.sha256(body.strip(FRAMING_BYTES)).hexdigest(),
        action=action_for_event(event) if kind == "ADT" else "none",
        sent_at=message_time(head, evn),
        processing_id=field_value(head, 11) or "P",
    )
    if message.processing_id != "P":
        return replace(message, action="none")
    if kind == "ADT" and (event in UNSUPPORTED_EVENTS or not event):
        raise InvalidInput(
            f"The event {event or '(none)'} is not applied automatically.",
            "Make this change in Chartloom by hand.",
            "unsupported_event",
        )
    if message.action == "none":
        return message
    groups = patient_groups(text, head.separator)
    if any(switches_character_set(group, head.esc) for group in groups):
        raise InvalidInput(
            "The message changes its character set within a value, which is not supported.",
            "Send UNICODE UTF-8.",
            "character_set",
        )
    problems: list[str] = []
    changes = tuple(
        change_from_hl7(hl7.parse(group), event, message, assigning_authority, problems) for group in groups
    )
    return replace(message, changes=changes, problems=tuple(problems))


def named_patients(body: bytes, assigning_authority: str) -> list[NamedPatient]:
    """Return the record numbers that a message names, as far as they can be read, for a person who looks at a
    message that was not applied.
    """
    try:
        text = decode_message(body)
        separator = hl7.parse(text).segment("MSH").separator
        groups = [hl7.parse(group) for group in patient_groups(text, separator)]
        return [_named_patient(group, assigning_authority) for group in groups]
    except (ChartloomError, hl7.HL7Exception, ValueError, LookupError, AttributeError):
        return []


def _named_patient(group: Any, assigning_authority: str) -> NamedPatient:
    mrn = patient_from_hl7(group, assigning_authority, []).patient.row["mrn"]
    mrg = find_segment(group, "MRG")
    priors = prior_mrns(mrg, assigning_authority) if mrg is not None else ()
    return NamedPatient(mrn=mrn or "", priors=tuple(prior for _, prior in priors))


def patient_groups(text: str, separator: str) -> list[str]:
    """Return one message for each patient: the segments of its group and the header.

    A group begins at PID. A further MRG or PV1 segment in it is about the same patient."""
    names = [(line.split(separator, 1)[0], line) for line in text.split("\r")]
    head = [line for name, line in names if name in ("MSH", "EVN")]
    groups: list[dict[str, str]] = []
    for name, line in names:
        if name == "PID":
            groups.append({name: line})
        elif name in ("MRG", "PV1") and groups:
            if name in groups[-1]:
                groups.append({"PID": groups[-1]["PID"]})
            groups[-1][name] = line
    return ["\r".join((*head, *group.values())) for group in groups] or ["\r".join(head)]


def change_from_hl7(
    group: Any, event: str, message: Message, assigning_authority: str, problems: list[str]
) -> PatientChange:
    """Return what a group of segments says of its patient.

    Args:
        problems: receives a description of each value that is ignored.

    Raises:
        InvalidInput: if the group lacks what its event requires.
    """
    control, action = message.control_id, message.action
    change = patient_from_hl7(group, assigning_authority, problems)
    mrn = change.patient.row["mrn"]
    if not mrn:
        raise InvalidInput(
            f"The message {control} has no patient identifier (PID-3).",
            "Send the MRN in PID-3.",
            "no_identifier",
        )
    mrg = find_segment(group, "MRG")
    if mrg is not None and action != "update":
        change = replace(change, priors=prior_mrns(mrg, assigning_authority))
    if action in ("merge", "renumber") and not any(prior != mrn for _, prior in change.priors):
        raise InvalidInput(
            f"The message {control} does not name another prior identifier (MRG-1).",
            "Send it in MRG-1.",
            "no_prior",
        )
    if event in ACCOUNT_EVENTS:
        former = field_value(mrg, 3) if mrg is not None else ""
        change = replace(change, former_account=former or None)
        if action == "account" and not (former and change.account):
            raise InvalidInput(
                f"The message {control} does not name both account numbers.",
                "Send them in PID-18 and MRG-3.",
                "no_prior",
            )
    if event in EVENTS:
        change = replace(change, encounter=encounter_from_hl7(group, event))
    if event in VISIT_EVENTS and (
        change.encounter is None or (event == "A50" and not change.encounter.formerly)
    ):
        raise InvalidInput(
            f"The message {control} does not name the visit.",
            "Send its number in PV1-19 and the previous one in MRG-5.",
            "no_visit",
        )
    return change


def action_for_event(event: str) -> Action:
    """Return the action that an event requests; "none" if it does not concern the patient's identity."""
    if event in MERGE_EVENTS:
        return "merge"
    if event in ACCOUNT_EVENTS:
        return "account"
    return "update" if event in UPDATE_EVENTS else "renumber" if event in RENUMBERING_EVENTS else "none"


def message_time(head: Any, evn: Any | None) -> datetime | None:
    """Return when the event was recorded (EVN-2), or when the message was sent (MSH-7) if that is more
    precise; None if the message has neither. A time without a UTC offset is local time.
    """
    stamps = [field_value(evn, 2) if evn is not None else "", field_value(head, 7)]
    times = [(len(LEADING_DIGITS.findall(stamp)[0]), stamp) for stamp in stamps]
    stamp = max(times, key=lambda time: min(time[0], PRECISE_DIGITS))[1]
    at = parse_time(stamp)
    if at is None:
        return None
    if offset := re.search(r"[+-]\d{4}$", stamp):
        at = at.replace(tzinfo=datetime.strptime(offset[0], "%z").tzinfo)
    if fraction := re.search(r"\.(\d{1,6})", stamp):
        at = at.replace(microsecond=int(fraction[1].ljust(6, "0")))
    now = datetime.now(UTC)
    at = at.astimezone(UTC)
    return at if at <= now + MAX_CLOCK_ERROR else now
