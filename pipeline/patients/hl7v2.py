"""Patients from HL7 v2 ADT messages: what a message says of a patient, and what it asks to be done."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import hl7

from pipeline.errors import BadInput
from pipeline.patients.encounters import EVENTS, Visit, visit_of
from pipeline.patients.hl7_segments import component, first, part, repetitions, segment_of
from pipeline.patients.patient_record import Incoming, Other

UPDATES = frozenset(
    (
        "A01",
        "A02",
        "A03",
        "A04",
        "A05",
        "A06",
        "A07",
        "A08",
        "A11",
        "A12",
        "A13",
        "A14",
        "A28",
        "A31",
        "A38",
        "A45",
        "A50",
    )
)
MERGES = frozenset(("A18", "A34", "A35", "A36", "A40"))
RENUMBERS = frozenset(("A46", "A47", "A51"))
KINDS = {"MR": "mrn", "SS": "ssn", "AN": "account", "MA": "medicaid", "MC": "insurance", "SN": "insurance"}
NAME_KINDS = {"M": "maiden", "A": "alias", "N": "nickname", "P": "alias", "B": "former", "K": "former"}
START = re.compile(rb"(?:^|(?<=[\r\n\x0b]))(?=(?:\xef\xbb\xbf)?MSH[^\r\n\w])")
WRAPPING = b"\xef\xbb\xbf\x0b\x1c\r\n\t "


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An ADT message. `patient` is whom it is about, `visit` the encounter that it tells of; `prior` is the
    MRN that a merge or a change of number does away with."""

    sender: str
    control_id: str
    event: str
    sha256: str
    act: Literal["update", "merge", "renumber", "none"]
    patient: Incoming | None = None
    prior: str | None = None
    visit: Visit | None = None


def messages_in(file: Path) -> Iterator[bytes]:
    """The messages of a file: one after the other, each from its MSH segment, in or out of MLLP frames."""
    for piece in START.split(file.read_bytes()):
        if body := piece.strip(WRAPPING):
            yield body


def read_message(body: bytes, home_facility: str = "") -> Message:
    """What a message says. Raises BadInput where it is no HL7 v2 message, or an ADT message that lacks what
    its event needs.

    `home_facility`: the assigning authority whose medical record numbers are the index's own; "": the first
    MR number is."""
    try:
        text = body.strip(WRAPPING).decode("utf-8")
    except UnicodeDecodeError:
        text = body.strip(WRAPPING).decode("latin-1")
    try:
        parsed = hl7.parse(text.replace("\r\n", "\r").replace("\n", "\r"))
        head = parsed.segment("MSH")
        kind, event = part(head, 9), part(head, 9, 2)
        sender, control = "|".join((part(head, 3), part(head, 4))), part(head, 10)
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AttributeError) as error:
        raise BadInput(
            f"Not an HL7 v2 message: {type(error).__name__}.", "Send messages that begin with MSH.", "not_hl7"
        ) from None
    if not control:
        raise BadInput(
            "The message has no control id (MSH-10).", "Give every message its own.", "no_control_id"
        )
    act = act_of(event) if kind == "ADT" else "none"
    digest = hashlib.sha256(body).hexdigest()
    message = Message(sender=sender, control_id=control, event=f"{kind}^{event}", sha256=digest, act=act)
    if act == "none":
        return message
    patient = patient_of(parsed, home_facility)
    if not patient.row.get("mrn"):
        raise BadInput(
            f"The message {control} has no patient identifier (PID-3).",
            "Send the MRN in PID-3.",
            "no_identifier",
        )
    prior = prior_of(parsed, home_facility) if act in ("merge", "renumber") else None
    if act in ("merge", "renumber") and (not prior or prior == patient.row["mrn"]):
        raise BadInput(
            f"The message {control} does not name another prior identifier (MRG-1).",
            "Send it in MRG-1.",
            "no_prior",
        )
    return replace(
        message, patient=patient, prior=prior, visit=visit_of(parsed, event) if event in EVENTS else None
    )


def act_of(event: str) -> Literal["update", "merge", "renumber", "none"]:
    """What an event asks for; those that say nothing of who the patient is ask for nothing."""
    if event in MERGES:
        return "merge"
    return "update" if event in UPDATES else "renumber" if event in RENUMBERS else "none"


def patient_of(message: Any, home_facility: str) -> Incoming:
    """The patient of the PID segment."""
    pid = segment_of(message, "PID")
    if pid is None:
        raise BadInput("The message has no PID segment.", "Send one.", "no_patient")
    numbers = identifiers(pid, 3)
    home = home_number(numbers, home_facility)
    names = [name(repetition) for repetition in repetitions(pid, 5)]
    current = next((values for kind, values in names if kind is None), names[0][1] if names else (None,) * 4)
    aliases = [(kind or "alias", values) for kind, values in names if values != current]
    aliases += [("alias", values) for _, values in (name(repetition) for repetition in repetitions(pid, 9))]
    homes = [place(repetition) for repetition in repetitions(pid, 11)]
    phones = [number for repetition in repetitions(pid, 13) if (number := phone(repetition))]
    account = component(first(pid, 18), 1)
    row = {
        "mrn": home[2] if home else None,
        **dict(zip(("given", "middle", "family", "suffix"), current, strict=True)),
        "dob": day(part(pid, 7)),
        "sex": {"M": "M", "F": "F", "O": "X", "A": "X"}.get(part(pid, 8)[:1]),
        "ssn": part(pid, 19) or next((value for kind, _, value in numbers if kind == "ssn"), None),
        **dict(zip(("address", "city", "state", "zip"), homes[0] if homes else (None,) * 4, strict=True)),
        "phone": phones[0] if phones else None,
        "mother_maiden": part(pid, 6) or None,
        "deceased": day(part(pid, 29)),
        "birth_order": part(pid, 25) or None,
    }
    others = [Other("identifier", number) for number in numbers if number is not home]
    others += [Other("identifier", ("account", component(first(pid, 18), 4), account))] if account else []
    others += [Other("name", (kind, *values)) for kind, values in aliases if any(values)]
    others += [Other("address", place) for place in homes[1:]] + [
        Other("phone", (number,)) for number in phones[1:]
    ]
    return Incoming(f"message {part(message.segment('MSH'), 10)}", row, tuple(others))


def prior_of(message: Any, home_facility: str) -> str | None:
    """The MRN of MRG-1."""
    mrg = segment_of(message, "MRG")
    home = home_number(identifiers(mrg, 1), home_facility) if mrg is not None else None
    return home[2] if home else None


def identifiers(segment: Any, number: int) -> list[tuple[str, str, str]]:
    """(kind, facility, value) of each identifier of a field."""
    return [
        (KINDS.get(component(repetition, 5), "other"), component(repetition, 4), value)
        for repetition in repetitions(segment, number)
        if (value := component(repetition, 1))
    ]


def home_number(numbers: list[tuple[str, str, str]], facility: str) -> tuple[str, str, str] | None:
    """The identifier that is the index's own MRN: of the home facility where one is set, else the first MR,
    else the first.
    """
    own = [number for number in numbers if number[1] == facility] if facility else numbers
    return next((n for n in own if n[0] == "mrn"), next((n for n in own if n[0] == "other"), None))


def name(repetition: Any) -> tuple[str | None, tuple[str | None, ...]]:
    """(kind of name or None for the legal one, (given, middle, family, suffix)) of an XPN."""
    values = tuple(component(repetition, n) or None for n in (2, 3, 1, 4))
    return NAME_KINDS.get(component(repetition, 7)), values


def place(repetition: Any) -> tuple[str | None, ...]:
    """(address, city, state, zip) of an XAD."""
    street = " ".join(filter(None, (component(repetition, 1), component(repetition, 2))))
    return (street or None, *(component(repetition, n) or None for n in (3, 4, 5)))


def phone(repetition: Any) -> str | None:
    """The number of an XTN: as text, or from its area code and local number."""
    return component(repetition, 1) or component(repetition, 6) + component(repetition, 7) or None


def day(stamp: str) -> str | None:
    """The ISO date of an HL7 time stamp, as precise as it is."""
    digits = re.match(r"\d{4}(\d\d)?(\d\d)?", stamp)
    return "-".join(filter(None, (stamp[:4], digits[1], digits[2]))) if digits else None
