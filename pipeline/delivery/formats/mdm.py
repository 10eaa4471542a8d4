"""HL7 v2.5.1 medical document management: MDM^T02 (new), T10 (replacement), T08 (edit), T11 (cancel), the PDF
within.

A message is made of a delivery's row alone, so that a second try sends the same bytes under the same control
id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import hl7

from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.formats.hl7_time import day, local, stamp
from pipeline.delivery.payload import Payload

Components: TypeAlias = Sequence["str | Sequence[str]"]
"""The components of a field, the subcomponents of one where it is a sequence itself."""
NAMESPACE = 20  # characters of a namespace, by the standard; the OID beside it says all
EVENTS = {"new": "T02", "replace": "T10", "edit": "T08", "cancel": "T11"}
STRUCTURES = {"T02": "MDM_T02", "T10": "MDM_T02", "T08": "MDM_T02", "T11": "MDM_T01"}
TYPES = {
    "autopsy_report": "AR", "diagnostic_study": "CD", "consultation": "CN", "radiology_report": "DI", "discharge_summary": "DS",
    "emergency_department_note": "ED", "history_and_physical": "HP", "operative_report": "OP", "psychiatric_evaluation": "PC",
    "procedure_note": "PN", "progress_note": "PR", "pathology_report": "SP", "transfer_summary": "TS",
}  # fmt: skip
"""Table 0270; every other type goes by its key."""
SEXES = {"F": "F", "M": "M", "X": "O"}
DOCUMENTED, USUAL, ACTIVE = (
    "DO",
    "U",
    "AC",
)  # tables 0271, 0272, 0275; that it is signed is for the paper to say, not for us
AVAILABLE, DELETED = "AV", "CA"  # table 0273
ESCAPES = str.maketrans(
    {"\\": "\\E\\", "|": "\\F\\", "~": "\\R\\", "^": "\\S\\", "&": "\\T\\", "\r": " ", "\n": " "}
)


def mdm(
    parcel: Parcel, made: Payload | None, *, authority: str = "", application: str = "", facility: str = ""
) -> hl7.Message:
    """The message of a delivery. `made`: the document, None where it is cancelled. `authority`: that of our
    MRNs (PID-3), `application`, `facility`: the receiver's names (MSH-5, MSH-6)."""
    event = EVENTS[parcel.change]
    message = hl7.Message("\r")
    sender = field((parcel.house.name[:NAMESPACE], parcel.house.oid, "ISO"))
    head = [
        "MSH",
        "|",
        "^~\\&",
        "CHARTLOOM",
        sender,
        text(application),
        text(facility),
        stamp(parcel.written_at),
        "",
    ]
    head += [f"MDM^{event}^{STRUCTURES[event]}", control_id(parcel), "P", "2.5.1", *[""] * 5, "UNICODE UTF-8"]
    message.append(message.create_segment([message.create_field([value]) for value in head]))
    add(message, "EVN", {1: event, 2: stamp(parcel.written_at)})
    add(message, "PID", patient(parcel, authority))
    add(message, "PV1", visit(parcel))
    add(message, "TXA", document(parcel, made))
    if made:
        add(message, "OBX", content(parcel, made))
    return message


def control_id(parcel: Parcel) -> str:
    """MSH-10: the delivery's own, the same at every try."""
    return f"CL{parcel.id}"


def patient(parcel: Parcel, authority: str) -> dict[int, str | Components]:
    """PID: the patient as the index knows them now."""
    known = parcel.patient
    name = (known.family or "", known.given or "", known.middle or "", known.suffix or "", "", "", "L")
    home = (known.address or "", "", known.city or "", known.state or "", known.zip or "", "USA", "H")
    return {
        1: "1",
        3: (known.mrn, "", "", (authority, parcel.house.mrn_oid, "ISO"), "MR"),
        5: name,
        7: (known.dob or "").replace("-", ""),
        8: SEXES.get(known.sex or "", "U"),
        11: home if known.address else "",
        13: known.phone or "",
        18: parcel.visit.account or "" if parcel.visit else "",
    }


def visit(parcel: Parcel) -> dict[int, str | Components]:
    """PV1: the encounter that the document belongs to; class U where it belongs to none."""
    known = parcel.visit
    if known is None:
        return {1: "1", 2: "U"}
    return {
        1: "1",
        2: known.kind or "U",
        3: known.location or "",
        19: known.number,
        44: local(known.admitted_at),
        45: local(known.discharged_at),
    }


def document(parcel: Parcel, made: Payload | None) -> dict[int, str | Components]:
    """TXA: what the document is, and under which number."""
    number = f"{parcel.document}.{parcel.edition}"
    return {
        1: "1",
        2: TYPES.get(parcel.type.key, parcel.type.key[:30]),
        3: "AP",
        4: day(parcel.date_of_service),
        6: stamp(parcel.scanned_at),
        8: stamp(parcel.written_at) if parcel.change == "edit" else "",
        9: person(parcel.author),
        12: unique(parcel, parcel.edition),
        13: unique(parcel, parcel.replaces) if parcel.replaces is not None else "",
        16: f"{number}{made.suffix}" if made else "",
        17: DOCUMENTED,
        18: USUAL,
        19: DELETED if parcel.change == "cancel" else AVAILABLE,
        20: ACTIVE,
        21: "Removed from this chart" if parcel.change == "cancel" else "",
    }


def unique(parcel: Parcel, edition: int) -> Components:
    """A unique document number: ours, under our OID."""
    return (f"{parcel.document}.{edition}", "CHARTLOOM", parcel.house.oid, "ISO")


def content(parcel: Parcel, made: Payload) -> dict[int, str | Components]:
    """OBX: the document as encapsulated data."""
    kind, subtype = made.media_type.split("/")
    code = (
        (parcel.type.loinc, parcel.type.name, "LN")
        if parcel.type.loinc
        else (parcel.type.key, parcel.type.name, "L")
    )
    return {1: "1", 2: "ED", 3: code, 5: ("", kind, subtype, "Base64", made.base64), 11: "F"}


def person(name: str | None) -> Components:
    """A person's name in an XCN: who they are is known by name alone."""
    *given, family = (name or "").split() or [""]
    return ("", family, " ".join(given)) if name else ("",)


def add(message: hl7.Message, name: str, fields: Mapping[int, str | Components]) -> None:
    """Append a segment; trailing components and fields that are empty are left out."""
    values = [field(fields.get(number, "")) for number in range(1, max(fields) + 1)]
    while values and not values[-1]:
        values.pop()
    message.append(message.create_segment([message.create_field([value]) for value in (name, *values)]))


def field(value: str | Components) -> str:
    """A field's text, escaped."""
    if isinstance(value, str):
        return text(value)
    parts = [text(part) if isinstance(part, str) else "&".join(map(text, part)).rstrip("&") for part in value]
    return "^".join(parts).rstrip("^")


def text(value: str) -> str:
    """A text with HL7's own signs escaped."""
    return value.translate(ESCAPES)
