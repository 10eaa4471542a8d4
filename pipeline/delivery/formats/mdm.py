"""HL7 v2.5.1 medical document management: MDM^T02 (new), T10 (replacement), T08 (edit) and T11 (cancel), with
the PDF inside.

A message is built only from the delivery's row, so that a retry sends the same bytes with the same control
ID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import hl7

from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.delivery.formats.hl7_values import escape, format_date, format_local_time, format_time
from pipeline.delivery.payload import Payload

Components: TypeAlias = Sequence["str | Sequence[str]"]
"""The components of a field; a sequence among them holds the subcomponents of one."""
MAX_NAMESPACE_CHARS = 20  # of a namespace ID in the standard; the OID next to it identifies the organization
MAX_TYPE_CHARS = 30  # of TXA-2 in the standard
EVENTS = {"new": "T02", "replace": "T10", "edit": "T08", "cancel": "T11"}
STRUCTURES = {"T02": "MDM_T02", "T10": "MDM_T02", "T08": "MDM_T02", "T11": "MDM_T01"}
TYPES = {
    "autopsy_report": "AR", "diagnostic_study": "CD", "consultation": "CN", "radiology_report": "DI",
    "discharge_summary": "DS", "emergency_department_note": "ED", "history_and_physical": "HP",
    "operative_report": "OP", "psychiatric_evaluation": "PC", "procedure_note": "PN", "progress_note": "PR",
    "pathology_report": "SP", "transfer_summary": "TS",
}  # fmt: skip
"""HL7 table 0270; every other type is sent as its key."""
SEXES = {"F": "F", "M": "M", "X": "O"}
DOCUMENTED, USUAL, ACTIVE = "DO", "U", "AC"  # tables 0271, 0272, 0275; only the paper can show a signature
AVAILABLE, DELETED = "AV", "CA"  # table 0273


def mdm(
    item: DeliveryItem,
    payload: Payload | None,
    *,
    authority: str = "",
    application: str = "",
    facility: str = "",
) -> hl7.Message:
    """Return the message of a delivery.

    Args:
        payload: the document; None if it is canceled.
        authority: the assigning authority of the MRNs (PID-3).
        application: the receiving application (MSH-5).
        facility: the receiving facility (MSH-6).
    """
    event = EVENTS[item.change]
    message = hl7.Message("\r")
    sender = format_field((item.organization.name[:MAX_NAMESPACE_CHARS], item.organization.oid, "ISO"))
    head = [
        "MSH",
        "|",
        "^~\\&",
        "CHARTLOOM",
        sender,
        escape(application),
        escape(facility),
        format_time(item.queued_at),
        "",
    ]
    head += [f"MDM^{event}^{STRUCTURES[event]}", control_id(item), "P", "2.5.1", *[""] * 5, "UNICODE UTF-8"]
    message.append(message.create_segment([message.create_field([value]) for value in head]))
    add_segment(message, "EVN", {1: event, 2: format_time(item.queued_at)})
    add_segment(message, "PID", pid_fields(item, authority))
    add_segment(message, "PV1", pv1_fields(item))
    add_segment(message, "TXA", txa_fields(item, payload))
    if payload:
        add_segment(message, "OBX", obx_fields(item, payload))
    return message


def control_id(item: DeliveryItem) -> str:
    """Return MSH-10: the delivery's own ID, the same at every attempt."""
    return f"CL{item.id}"


def pid_fields(item: DeliveryItem, authority: str) -> dict[int, str | Components]:
    """Return the fields of PID: the patient as the index has them now."""
    patient = item.patient
    name = (
        patient.family or "",
        patient.given or "",
        patient.middle or "",
        patient.suffix or "",
        "",
        "",
        "L",
    )
    address = (
        patient.address or "", "", patient.city or "", patient.state or "", patient.zip or "", "USA", "H"
    )  # fmt: skip
    return {
        1: "1",
        3: (patient.mrn, "", "", (authority, item.organization.mrn_oid, "ISO"), "MR"),
        5: name,
        7: (patient.dob or "").replace("-", ""),
        8: SEXES.get(patient.sex or "", "U"),
        11: address if patient.address else "",
        13: patient.phone or "",
        18: item.encounter.account or "" if item.encounter else "",
    }


def pv1_fields(item: DeliveryItem) -> dict[int, str | Components]:
    """Return the fields of PV1: the document's encounter, or class U if it belongs to none."""
    encounter = item.encounter
    if encounter is None:
        return {1: "1", 2: "U"}
    return {
        1: "1",
        2: encounter.patient_class or "U",
        3: encounter.location or "",
        19: encounter.number,
        44: format_local_time(encounter.admitted_at),
        45: format_local_time(encounter.discharged_at),
    }


def txa_fields(item: DeliveryItem, payload: Payload | None) -> dict[int, str | Components]:
    """Return the fields of TXA: the document's type, dates, author and number."""
    number = f"{item.document}.{item.edition}"
    return {
        1: "1",
        2: TYPES.get(item.type.key, item.type.key[:MAX_TYPE_CHARS]),
        3: "AP",
        4: format_date(item.date_of_service),
        6: format_time(item.scanned_at),
        8: format_time(item.queued_at) if item.change == "edit" else "",
        9: person_name(item.author),
        12: document_number(item, item.edition),
        13: document_number(item, item.replaces) if item.replaces is not None else "",
        16: f"{number}{payload.suffix}" if payload else "",
        17: DOCUMENTED,
        18: USUAL,
        19: DELETED if item.change == "cancel" else AVAILABLE,
        20: ACTIVE,
        21: "Removed from this chart" if item.change == "cancel" else "",
    }


def document_number(item: DeliveryItem, edition: int) -> Components:
    """Return the unique document number of an edition, under the organization's OID."""
    return (f"{item.document}.{edition}", "CHARTLOOM", item.organization.oid, "ISO")


def obx_fields(item: DeliveryItem, payload: Payload) -> dict[int, str | Components]:
    """Return the fields of OBX: the document as encapsulated data."""
    kind, subtype = payload.media_type.split("/")
    code = (
        (item.type.loinc, item.type.name, "LN") if item.type.loinc else (item.type.key, item.type.name, "L")
    )
    return {1: "1", 2: "ED", 3: code, 5: ("", kind, subtype, "Base64", payload.base64), 11: "F"}


def person_name(name: str | None) -> Components:
    """Return the components of an XCN for a person of whom only the name is known."""
    *given, family = (name or "").split() or [""]
    return ("", family, " ".join(given)) if name else ("",)


def add_segment(message: hl7.Message, name: str, fields: Mapping[int, str | Components]) -> None:
    """Append a segment; empty components and fields at its end are left out."""
    values = [format_field(fields.get(number, "")) for number in range(1, max(fields) + 1)]
    while values and not values[-1]:
        values.pop()
    message.append(message.create_segment([message.create_field([value]) for value in (name, *values)]))


def format_field(value: str | Components) -> str:
    """Return a field's text, escaped."""
    if isinstance(value, str):
        return escape(value)
    parts = [
        escape(part) if isinstance(part, str) else "&".join(map(escape, part)).rstrip("&") for part in value
    ]
    return "^".join(parts).rstrip("^")
