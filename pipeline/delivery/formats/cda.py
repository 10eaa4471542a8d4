"""XDS-SD: a CDA R2 header around a PDF, as IHE ITI TF-3 5.2 (Scanned Documents Content Module) asks for it.

The body is the PDF in base64 (nonXMLBody); the header says whose it is, who wrote the paper, what scanned it
and when, and who keeps it. What nobody knows is written as nullFlavor UNK, which the content module allows
where it requires the element itself."""

from __future__ import annotations

from base64 import b64encode
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from pipeline import __version__
from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.formats.hl7_time import day, local, stamp

V3 = "urn:hl7-org:v3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XDS_SD, ORIGINAL_AUTHOR, SCANNING_DEVICE = (f"1.3.6.1.4.1.19376.1.2.20{part}" for part in ("", ".1", ".2"))
LOINC, CONFIDENTIALITY, GENDER = "2.16.840.1.113883.6.1", "2.16.840.1.113883.5.25", "2.16.840.1.113883.5.1"
DEVICES = "1.2.840.10008.2.16.4"  # DICOM's codes of devices
COUNTRY = "US"
SEXES = {"F": "F", "M": "M", "X": "UN"}
register_namespace("", V3)
register_namespace("xsi", XSI)


def xds_sd(parcel: Parcel, pdf: bytes) -> bytes:
    """The document as XML in UTF-8. Deterministic: the same parcel gives the same bytes."""
    root = Element(f"{{{V3}}}ClinicalDocument")
    add(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    add(root, "templateId", root=XDS_SD)
    add(root, "id", root=parcel.oid)
    if parcel.type.loinc:
        add(
            root,
            "code",
            code=parcel.type.loinc,
            codeSystem=LOINC,
            codeSystemName="LOINC",
            displayName=parcel.type.name,
        )
    else:
        add(add(root, "code", nullFlavor="UNK"), "originalText", parcel.type.name)
    add(root, "title", parcel.title)
    add(root, "effectiveTime", value=stamp(parcel.scanned_at))
    add(root, "confidentialityCode", code="N", codeSystem=CONFIDENTIALITY, codeSystemName="Confidentiality")
    add(root, "languageCode", code="en-US")
    add(root, "setId", root=parcel.house.oid, extension=str(parcel.document))
    add(root, "versionNumber", value=str(parcel.edition))
    record_target(root, parcel)
    original_author(root, parcel)
    scanning_device(root, parcel)
    custodian(root, parcel)
    service_event(root, parcel)
    if parcel.replaced_oid:
        related = add(root, "relatedDocument", typeCode="RPLC")
        add(add(related, "parentDocument"), "id", root=parcel.replaced_oid)
    if parcel.visit:
        encompassing_encounter(root, parcel)
    body = add(add(root, "component"), "nonXMLBody")
    add(body, "text", b64encode(pdf).decode(), mediaType="application/pdf", representation="B64")
    indent(root)
    made: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def record_target(root: Element, parcel: Parcel) -> None:
    """Whose document it is."""
    patient = parcel.patient
    role = add(add(root, "recordTarget"), "patientRole")
    add(role, "id", root=parcel.house.mrn_oid, extension=patient.mrn)
    address(role, patient.address, patient.city, patient.state, patient.zip)
    telecom(role, patient.phone)
    person = add(role, "patient")
    name(person, patient.given, patient.middle, patient.family, patient.suffix)
    if code := SEXES.get(patient.sex or ""):
        add(person, "administrativeGenderCode", code=code, codeSystem=GENDER)
    else:
        add(person, "administrativeGenderCode", nullFlavor="UNK")
    known(person, "birthTime", (patient.dob or "").replace("-", ""))
    provider = add(role, "providerOrganization")
    organization(provider, parcel.house.oid, parcel.house.name)


def original_author(root: Element, parcel: Parcel) -> None:
    """Who wrote the paper, as far as it says."""
    author = add(root, "author")
    add(author, "templateId", root=ORIGINAL_AUTHOR)
    known(author, "time", day(parcel.date_of_service))
    assigned = add(author, "assignedAuthor")
    add(assigned, "id", nullFlavor="UNK")
    address(assigned)
    telecom(assigned)
    if parcel.author:
        *given, family = parcel.author.split()
        name(add(assigned, "assignedPerson"), " ".join(given) or None, None, family, None)
    else:
        add(add(assigned, "assignedPerson"), "name", nullFlavor="UNK")
    if parcel.facility:
        organization(add(assigned, "representedOrganization"), None, parcel.facility)


def scanning_device(root: Element, parcel: Parcel) -> None:
    """What turned the paper into this file, and who runs it."""
    author = add(root, "author")
    add(author, "templateId", root=SCANNING_DEVICE)
    add(author, "time", value=stamp(parcel.scanned_at))
    assigned = add(author, "assignedAuthor")
    add(assigned, "id", root=parcel.house.oid)
    address(assigned)
    telecom(assigned)
    device = add(assigned, "assignedAuthoringDevice")
    add(device, "code", code="CAPTURE", codeSystem=DEVICES, displayName="Image Capture")
    add(device, "manufacturerModelName", "Chartloom")
    add(device, "softwareName", f"Chartloom {__version__}")
    organization(add(assigned, "representedOrganization"), parcel.house.oid, parcel.house.name)


def custodian(root: Element, parcel: Parcel) -> None:
    """Who keeps the original."""
    assigned = add(add(root, "custodian"), "assignedCustodian")
    organization(add(assigned, "representedCustodianOrganization"), parcel.house.oid, parcel.house.name)


def service_event(root: Element, parcel: Parcel) -> None:
    """When that which the paper tells of took place."""
    event = add(add(root, "documentationOf"), "serviceEvent", classCode="ACT")
    time = add(event, "effectiveTime")
    known(time, "low", day(parcel.date_of_service))
    known(time, "high", day(parcel.date_of_service))


def encompassing_encounter(root: Element, parcel: Parcel) -> None:
    """The visit that the document belongs to."""
    assert parcel.visit is not None
    encounter = add(add(root, "componentOf"), "encompassingEncounter")
    add(
        encounter,
        "id",
        root=parcel.house.visit_system.removeprefix("urn:oid:"),
        extension=parcel.visit.number,
    )
    time = add(encounter, "effectiveTime")
    known(time, "low", local(parcel.visit.admitted_at))
    known(time, "high", local(parcel.visit.discharged_at))


def add(parent: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
    """A child in the namespace of HL7 V3."""
    child = SubElement(parent, f"{{{V3}}}{tag}", attributes)
    child.text = None if text is None else clean(text)
    return child


def known(parent: Element, tag: str, value: str) -> None:
    """A child with this value, or one that says that nobody knows it."""
    add(parent, tag, **({"value": value} if value else {"nullFlavor": "UNK"}))


def name(
    parent: Element, given: str | None, middle: str | None, family: str | None, suffix: str | None
) -> None:
    """A person's name."""
    made = add(parent, "name")
    for tag, part in (("given", given), ("given", middle), ("family", family), ("suffix", suffix)):
        if part:
            add(made, tag, part)


def address(
    parent: Element,
    street: str | None = None,
    city: str | None = None,
    state: str | None = None,
    zip: str | None = None,
) -> None:
    """An address; the content module asks for the country at least."""
    made = add(parent, "addr")
    for tag, part in (
        ("streetAddressLine", street),
        ("city", city),
        ("state", state),
        ("postalCode", zip),
        ("country", COUNTRY),
    ):
        if part:
            add(made, tag, part)


def telecom(parent: Element, phone: str | None = None) -> None:
    """A phone number."""
    add(
        parent, "telecom", **({"value": f"tel:{phone.replace(' ', '-')}"} if phone else {"nullFlavor": "UNK"})
    )


def organization(element: Element, oid: str | None, title: str) -> None:
    """What is said of an organization."""
    add(element, "id", **({"root": oid} if oid else {"nullFlavor": "UNK"}))
    add(element, "name", title)
    telecom(element)
    address(element)


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold."""
    return "".join(
        c
        for c in text
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"
    )
