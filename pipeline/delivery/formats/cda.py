"""XDS-SD: a CDA R2 header around a PDF, following IHE ITI TF-3 5.2 (Scanned Documents Content Module).

The body is the PDF in base64 (nonXMLBody). The header names the patient, the author of the paper, the
scanning device and time, and the custodian. Unknown values are written as nullFlavor UNK, which the content
module allows where it requires the element."""

from __future__ import annotations

from base64 import b64encode
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from pipeline import __version__
from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.delivery.formats.hl7_values import format_date, format_local_time, format_time

V3 = "urn:hl7-org:v3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XDS_SD, ORIGINAL_AUTHOR, SCANNING_DEVICE = (f"1.3.6.1.4.1.19376.1.2.20{part}" for part in ("", ".1", ".2"))
LOINC, CONFIDENTIALITY, GENDER = "2.16.840.1.113883.6.1", "2.16.840.1.113883.5.25", "2.16.840.1.113883.5.1"
DEVICES = "1.2.840.10008.2.16.4"  # DICOM's codes of devices
COUNTRY = "US"
SEXES = {"F": "F", "M": "M", "X": "UN"}
register_namespace("", V3)
register_namespace("xsi", XSI)


def xds_sd(item: DeliveryItem, pdf: bytes) -> bytes:
    """Return the document as XML in UTF-8. The same item always gives the same bytes."""
    root = Element(f"{{{V3}}}ClinicalDocument")
    add(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    add(root, "templateId", root=XDS_SD)
    add(root, "id", root=item.oid)
    if item.type.loinc:
        add(
            root,
            "code",
            code=item.type.loinc,
            codeSystem=LOINC,
            codeSystemName="LOINC",
            displayName=item.type.name,
        )
    else:
        add(add(root, "code", nullFlavor="UNK"), "originalText", item.type.name)
    add(root, "title", item.title)
    add(root, "effectiveTime", value=format_time(item.scanned_at))
    add(
        root,
        "confidentialityCode",
        code=item.type.confidentiality,
        codeSystem=CONFIDENTIALITY,
        codeSystemName="Confidentiality",
    )
    add(root, "languageCode", code="en-US")
    add(root, "setId", root=item.organization.oid, extension=str(item.document))
    add(root, "versionNumber", value=str(item.edition))
    add_record_target(root, item)
    add_original_author(root, item)
    add_scanning_device(root, item)
    add_custodian(root, item)
    add_service_event(root, item)
    if item.replaced_oid:
        related = add(root, "relatedDocument", typeCode="RPLC")
        add(add(related, "parentDocument"), "id", root=item.replaced_oid)
    if item.encounter:
        add_encounter(root, item)
    body = add(add(root, "component"), "nonXMLBody")
    add(body, "text", b64encode(pdf).decode(), mediaType="application/pdf", representation="B64")
    indent(root)
    xml: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return xml


def add_record_target(root: Element, item: DeliveryItem) -> None:
    """Add the patient."""
    patient = item.patient
    role = add(add(root, "recordTarget"), "patientRole")
    add(role, "id", root=item.organization.mrn_oid, extension=patient.mrn)
    add_address(role, patient.address, patient.city, patient.state, patient.zip)
    add_telecom(role, patient.phone)
    person = add(role, "patient")
    add_name(person, patient.given, patient.middle, patient.family, patient.suffix)
    if code := SEXES.get(patient.sex or ""):
        add(person, "administrativeGenderCode", code=code, codeSystem=GENDER)
    else:
        add(person, "administrativeGenderCode", nullFlavor="UNK")
    add_value(person, "birthTime", (patient.dob or "").replace("-", ""))
    provider = add(role, "providerOrganization")
    add_organization(provider, item.organization.oid, item.organization.name)


def add_original_author(root: Element, item: DeliveryItem) -> None:
    """Add the author of the paper, as far as it names one."""
    author = add(root, "author")
    add(author, "templateId", root=ORIGINAL_AUTHOR)
    add_value(author, "time", format_date(item.date_of_service))
    assigned = add(author, "assignedAuthor")
    add(assigned, "id", nullFlavor="UNK")
    add_address(assigned)
    add_telecom(assigned)
    if item.author:
        *given, family = item.author.split()
        add_name(add(assigned, "assignedPerson"), " ".join(given) or None, None, family, None)
    else:
        add(add(assigned, "assignedPerson"), "name", nullFlavor="UNK")
    if item.facility:
        add_organization(add(assigned, "representedOrganization"), None, item.facility)


def add_scanning_device(root: Element, item: DeliveryItem) -> None:
    """Add the scanning device and the organization that runs it."""
    author = add(root, "author")
    add(author, "templateId", root=SCANNING_DEVICE)
    add(author, "time", value=format_time(item.scanned_at))
    assigned = add(author, "assignedAuthor")
    add(assigned, "id", root=item.organization.oid)
    add_address(assigned)
    add_telecom(assigned)
    device = add(assigned, "assignedAuthoringDevice")
    add(device, "code", code="CAPTURE", codeSystem=DEVICES, displayName="Image Capture")
    add(device, "manufacturerModelName", "Chartloom")
    add(device, "softwareName", f"Chartloom {__version__}")
    add_organization(add(assigned, "representedOrganization"), item.organization.oid, item.organization.name)


def add_custodian(root: Element, item: DeliveryItem) -> None:
    """Add the custodian of the original."""
    assigned = add(add(root, "custodian"), "assignedCustodian")
    add_organization(
        add(assigned, "representedCustodianOrganization"), item.organization.oid, item.organization.name
    )


def add_service_event(root: Element, item: DeliveryItem) -> None:
    """Add the date of the service that the paper documents."""
    event = add(add(root, "documentationOf"), "serviceEvent", classCode="ACT")
    time = add(event, "effectiveTime")
    add_value(time, "low", format_date(item.date_of_service))
    add_value(time, "high", format_date(item.date_of_service))


def add_encounter(root: Element, item: DeliveryItem) -> None:
    """Add the encounter that the document belongs to."""
    assert item.encounter is not None
    encounter = add(add(root, "componentOf"), "encompassingEncounter")
    add(
        encounter,
        "id",
        root=item.organization.visit_system.removeprefix("urn:oid:"),
        extension=item.encounter.number,
    )
    time = add(encounter, "effectiveTime")
    add_value(time, "low", format_local_time(item.encounter.admitted_at))
    add_value(time, "high", format_local_time(item.encounter.discharged_at))


def add(parent: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
    """Add a child element in the namespace of HL7 V3 and return it."""
    child = SubElement(parent, f"{{{V3}}}{tag}", attributes)
    child.text = None if text is None else remove_invalid_xml_chars(text)
    return child


def add_value(parent: Element, tag: str, value: str) -> None:
    """Add a child with this value, or with nullFlavor UNK if the value is empty."""
    add(parent, tag, **({"value": value} if value else {"nullFlavor": "UNK"}))


def add_name(
    parent: Element, given: str | None, middle: str | None, family: str | None, suffix: str | None
) -> None:
    """Add a person's name."""
    element = add(parent, "name")
    for tag, part in (("given", given), ("given", middle), ("family", family), ("suffix", suffix)):
        if part:
            add(element, tag, part)


def add_address(
    parent: Element,
    street: str | None = None,
    city: str | None = None,
    state: str | None = None,
    zip: str | None = None,
) -> None:
    """Add an address; the content module requires at least the country."""
    element = add(parent, "addr")
    for tag, part in (
        ("streetAddressLine", street),
        ("city", city),
        ("state", state),
        ("postalCode", zip),
        ("country", COUNTRY),
    ):
        if part:
            add(element, tag, part)


def add_telecom(parent: Element, phone: str | None = None) -> None:
    """Add a phone number."""
    add(
        parent, "telecom", **({"value": f"tel:{phone.replace(' ', '-')}"} if phone else {"nullFlavor": "UNK"})
    )


def add_organization(element: Element, oid: str | None, title: str) -> None:
    """Add an organization's ID, name, phone and address."""
    add(element, "id", **({"root": oid} if oid else {"nullFlavor": "UNK"}))
    add(element, "name", title)
    add_telecom(element)
    add_address(element)


def remove_invalid_xml_chars(text: str) -> str:
    """Return the text without the characters that XML 1.0 cannot represent."""
    return "".join(
        c
        for c in text
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"
    )
