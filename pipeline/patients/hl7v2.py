"""Read patients from HL7 v2 ADT messages: the patient's data, and the requested action."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import hl7

from pipeline.errors import InvalidInput
from pipeline.patients.encounters import EVENTS, EncounterUpdate, encounter_from_hl7
from pipeline.patients.hl7_segments import (
    component_value,
    field_value,
    find_segment,
    first_repetition,
    repetitions,
)
from pipeline.patients.patient_record import PatientAlias, PatientUpdate

UPDATE_EVENTS = frozenset(
    (
        "A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A14", "A28", "A31",
        "A38", "A45", "A50",
    )
)  # fmt: skip
MERGE_EVENTS = frozenset(("A18", "A34", "A35", "A36", "A40"))
RENUMBERING_EVENTS = frozenset(("A46", "A47", "A51"))
IDENTIFIER_KINDS = {
    "MR": "mrn",
    "SS": "ssn",
    "AN": "account",
    "MA": "medicaid",
    "MC": "insurance",
    "SN": "insurance",
}
NAME_KINDS = {"M": "maiden", "A": "alias", "N": "nickname", "P": "alias", "B": "former", "K": "former"}
MESSAGE_START = re.compile(rb"(?:^|(?<=[\r\n\x0b]))(?=(?:\xef\xbb\xbf)?MSH[^\r\n\w])")
FRAMING_BYTES = b"\xef\xbb\xbf\x0b\x1c\r\n\t "


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An ADT message. `prior` is the MRN that a merge or a change of number replaces."""

    sender: str
    control_id: str
    event: str
    sha256: str
    action: Literal["update", "merge", "renumber", "none"]
    patient: PatientUpdate | None = None
    prior: str | None = None
    encounter: EncounterUpdate | None = None


def split_messages(file: Path) -> Iterator[bytes]:
    """Yield the messages of a file, each beginning at its MSH segment, with or without MLLP frames."""
    for framed in MESSAGE_START.split(file.read_bytes()):
        if body := framed.strip(FRAMING_BYTES):
            yield body


def parse_message(body: bytes, assigning_authority: str = "") -> Message:
    """Return the contents of a message.

    Args:
        body: the message, in UTF-8 or Latin-1.
        assigning_authority: the authority whose medical record numbers are the index's MRNs; "": the first
            number of type MR is the MRN.

    Raises:
        InvalidInput: if it is not an HL7 v2 message, or lacks what its event requires.
    """
    try:
        text = body.strip(FRAMING_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        text = body.strip(FRAMING_BYTES).decode("latin-1")
    try:
        parsed = hl7.parse(text.replace("\r\n", "\r").replace("\n", "\r"))
        head = parsed.segment("MSH")
        kind, event = field_value(head, 9), field_value(head, 9, 2)
        sender, control = "|".join((field_value(head, 3), field_value(head, 4))), field_value(head, 10)
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
    action = action_for_event(event) if kind == "ADT" else "none"
    digest = hashlib.sha256(body).hexdigest()
    message = Message(
        sender=sender, control_id=control, event=f"{kind}^{event}", sha256=digest, action=action
    )
    if action == "none":
        return message
    patient = patient_from_hl7(parsed, assigning_authority)
    if not patient.row.get("mrn"):
        raise InvalidInput(
            f"The message {control} has no patient identifier (PID-3).",
            "Send the MRN in PID-3.",
            "no_identifier",
        )
    prior = prior_mrn(parsed, assigning_authority) if action in ("merge", "renumber") else None
    if action in ("merge", "renumber") and (not prior or prior == patient.row["mrn"]):
        raise InvalidInput(
            f"The message {control} does not name another prior identifier (MRG-1).",
            "Send it in MRG-1.",
            "no_prior",
        )
    return replace(
        message,
        patient=patient,
        prior=prior,
        encounter=encounter_from_hl7(parsed, event) if event in EVENTS else None,
    )


def action_for_event(event: str) -> Literal["update", "merge", "renumber", "none"]:
    """Return the action that an event requests; "none" if it does not concern the patient's identity."""
    if event in MERGE_EVENTS:
        return "merge"
    return "update" if event in UPDATE_EVENTS else "renumber" if event in RENUMBERING_EVENTS else "none"


def patient_from_hl7(message: Any, assigning_authority: str) -> PatientUpdate:
    """Return the patient in the PID segment.

    Raises:
        InvalidInput: if there is no PID segment.
    """
    pid = find_segment(message, "PID")
    if pid is None:
        raise InvalidInput(
            "The message has no PID segment.", "Send the patient in a PID segment.", "no_patient"
        )
    numbers = identifiers(pid, 3)
    mrn = local_mrn(numbers, assigning_authority)
    names = [parse_xpn(repetition) for repetition in repetitions(pid, 5)]
    current = next((values for kind, values in names if kind is None), names[0][1] if names else (None,) * 4)
    aliases = [(kind or "alias", values) for kind, values in names if values != current]
    aliases += [
        ("alias", values) for _, values in (parse_xpn(repetition) for repetition in repetitions(pid, 9))
    ]
    homes = [parse_xad(repetition) for repetition in repetitions(pid, 11)]
    phones = [number for repetition in repetitions(pid, 13) if (number := parse_xtn(repetition))]
    account = component_value(first_repetition(pid, 18), 1)
    row = {
        "mrn": mrn[2] if mrn else None,
        **dict(zip(("given", "middle", "family", "suffix"), current, strict=True)),
        "dob": to_iso_date(field_value(pid, 7)),
        "sex": {"M": "M", "F": "F", "O": "X", "A": "X"}.get(field_value(pid, 8)[:1]),
        "ssn": field_value(pid, 19) or next((value for kind, _, value in numbers if kind == "ssn"), None),
        **dict(zip(("address", "city", "state", "zip"), homes[0] if homes else (None,) * 4, strict=True)),
        "phone": phones[0] if phones else None,
        "mother_maiden": field_value(pid, 6) or None,
        "deceased": to_iso_date(field_value(pid, 29)),
        "birth_order": field_value(pid, 25) or None,
    }
    others = [PatientAlias("identifier", number) for number in numbers if number is not mrn]
    others += (
        [PatientAlias("identifier", ("account", component_value(first_repetition(pid, 18), 4), account))]
        if account
        else []
    )
    others += [PatientAlias("name", (kind, *values)) for kind, values in aliases if any(values)]
    others += [PatientAlias("address", place) for place in homes[1:]] + [
        PatientAlias("phone", (number,)) for number in phones[1:]
    ]
    return PatientUpdate(f"message {field_value(message.segment('MSH'), 10)}", row, tuple(others))


def prior_mrn(message: Any, assigning_authority: str) -> str | None:
    """Return the MRN in MRG-1, None if there is none."""
    mrg = find_segment(message, "MRG")
    mrn = local_mrn(identifiers(mrg, 1), assigning_authority) if mrg is not None else None
    return mrn[2] if mrn else None


def identifiers(segment: Any, number: int) -> list[tuple[str, str, str]]:
    """Return (kind, assigning authority, value) of each identifier of a field."""
    return [
        (IDENTIFIER_KINDS.get(component_value(repetition, 5), "other"), component_value(repetition, 4), value)
        for repetition in repetitions(segment, number)
        if (value := component_value(repetition, 1))
    ]


def local_mrn(numbers: list[tuple[str, str, str]], assigning_authority: str) -> tuple[str, str, str] | None:
    """Return the identifier that is the index's MRN: the first of type MR, otherwise the first untyped one.

    If an assigning authority is set, only its identifiers count."""
    own = [n for n in numbers if n[1] == assigning_authority] if assigning_authority else numbers
    return next((n for n in own if n[0] == "mrn"), next((n for n in own if n[0] == "other"), None))


def parse_xpn(repetition: Any) -> tuple[str | None, tuple[str | None, ...]]:
    """Return (kind, (given, middle, family, suffix)) of an XPN; the kind of the legal name is None."""
    values = tuple(component_value(repetition, n) or None for n in (2, 3, 1, 4))
    return NAME_KINDS.get(component_value(repetition, 7)), values


def parse_xad(repetition: Any) -> tuple[str | None, ...]:
    """Return (address, city, state, zip) of an XAD."""
    street = " ".join(filter(None, (component_value(repetition, 1), component_value(repetition, 2))))
    return (street or None, *(component_value(repetition, n) or None for n in (3, 4, 5)))


def parse_xtn(repetition: Any) -> str | None:
    """Return the phone number of an XTN: its text, otherwise area code and local number."""
    return (
        component_value(repetition, 1)
        or component_value(repetition, 6) + component_value(repetition, 7)
        or None
    )


def to_iso_date(stamp: str) -> str | None:
    """Return the ISO date of an HL7 time stamp, with the same precision."""
    digits = re.match(r"\d{4}(\d\d)?(\d\d)?", stamp)
    return "-".join(filter(None, (stamp[:4], digits[1], digits[2]))) if digits else None
