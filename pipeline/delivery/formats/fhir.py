"""A document as FHIR R4: DocumentReference with the elements of US Core, its Binary, and the bundle that
carries them.

Made with fhir.resources, which refuses what the standard's model does not have. Every identifier is the
edition's own, so that a receiver holds it once however often it is told."""

from __future__ import annotations

from typing import Any, Literal

from fhir.resources.R4B.binary import Binary
from fhir.resources.R4B.bundle import Bundle, BundleEntry
from fhir.resources.R4B.documentreference import DocumentReference

from pipeline.delivery.delivery_item import Parcel, uuid_of
from pipeline.delivery.payload import Payload

URI = "urn:ietf:rfc:3986"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference"
CATEGORIES = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
FORMATS = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
LOINC = "http://loinc.org"

Status = Literal["current", "superseded", "entered-in-error"]
Find = Literal["search", "identifier"]
"""How a receiver finds what a reference means: by the search that stands in it, or by the identifier beside
it alone.
"""


def document_reference(
    parcel: Parcel,
    made: Payload | None,
    *,
    find: Find,
    url: str | None = None,
    status: Status = "current",
    profile: str | None = US_CORE,
    doc_status: str | None = "final",
    **more: Any,
) -> DocumentReference:
    """The DocumentReference of an edition.

    `made`: the document, None where it is only named; `url`: where it lies, None where its bytes go along.
    `more`: further elements, or others in the place of these. Raises pydantic's ValidationError for what is
    no FHIR."""
    attachment: dict[str, Any] = {
        "contentType": "application/pdf",
        "language": "en-US",
        "title": parcel.title,
        "url": url,
    }
    attachment["creation"] = parcel.scanned_at.isoformat()
    content: dict[str, Any] = {"attachment": attachment}
    if made:
        attachment |= {"contentType": made.media_type, "size": len(made.data), "hash": made.sha1}
        attachment |= {} if url else {"data": made.base64}
        content["format"] = {"system": FORMATS, "code": made.format}
    given = {
        "meta": {"profile": [profile]} if profile else None,
        "masterIdentifier": {"use": "usual", "system": URI, "value": f"urn:oid:{parcel.oid}"},
        "identifier": [{"use": "official", "system": URI, "value": f"urn:uuid:{parcel.uuid}"}],
        "status": status,
        "docStatus": "entered-in-error" if doc_status and status == "entered-in-error" else doc_status,
        "type": type_of(parcel),
        "category": [category_of(parcel)],
        "subject": reference("Patient", parcel.house.mrn_system, parcel.patient.mrn, find),
        "date": parcel.filed_at.isoformat(),
        "author": [author] if (author := author_of(parcel)) else None,
        "custodian": {
            "type": "Organization",
            "identifier": {"system": URI, "value": f"urn:oid:{parcel.house.oid}"},
            "display": parcel.house.name,
        },
        "description": parcel.title,
        "securityLabel": [coded(CONFIDENTIALITY, "N")],
        "content": [content],
        "context": context_of(parcel),
    }
    if parcel.replaced_oid:
        replaced = reference("DocumentReference", URI, f"urn:oid:{parcel.replaced_oid}", find)
        given["relatesTo"] = [{"code": "replaces", "target": replaced}]
    return DocumentReference(
        **{name: value for name, value in {**given, **more}.items() if value is not None}
    )


def type_of(parcel: Parcel) -> dict[str, Any]:
    """The type's LOINC code, or that none is known; its name in any case."""
    coding = coded(LOINC, parcel.type.loinc) if parcel.type.loinc else coded(NULL_FLAVOR, "UNK")
    return {**coding, "text": parcel.type.name}


def category_of(parcel: Parcel) -> dict[str, Any]:
    """US Core has one category; what is no clinical note is said in words."""
    return coded(CATEGORIES, "clinical-note") if parcel.type.clinical else {"text": "Administrative document"}


def author_of(parcel: Parcel) -> dict[str, Any] | None:
    """The author as the paper names them, else the facility."""
    if parcel.author:
        return {"type": "Practitioner", "display": parcel.author}
    return {"type": "Organization", "display": parcel.facility} if parcel.facility else None


def context_of(parcel: Parcel) -> dict[str, Any] | None:
    """The encounter that it belongs to and the day that it is about."""
    context: dict[str, Any] = {}
    if parcel.visit:
        context["encounter"] = [{"type": "Encounter", "identifier": visit_identifier(parcel)}]
    if parcel.date_of_service:
        day = parcel.date_of_service.isoformat()
        context["period"] = {"start": day, "end": day}
    return context or None


def visit_identifier(parcel: Parcel) -> dict[str, Any]:
    """The visit number, under our own root."""
    assert parcel.visit is not None
    return {"system": parcel.house.visit_system, "value": parcel.visit.number}


def reference(type: str, system: str, value: str, find: Find) -> dict[str, Any]:
    """A reference to something that the receiver knows by an identifier."""
    named = {"type": type, "identifier": {"system": system, "value": value}}
    return named | ({"reference": f"{type}?identifier={system}|{value}"} if find == "search" else {})


def coded(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code}]}


def entry(
    resource: Any, method: str, url: str, *, fullUrl: str, ifNoneExist: str | None = None
) -> BundleEntry:  # noqa: N803 - FHIR's
    """An entry of a transaction."""
    request = {"method": method, "url": url} | ({"ifNoneExist": ifNoneExist} if ifNoneExist else {})
    given: dict[str, Any] = {"resource": resource, "request": request, "fullUrl": fullUrl}
    return BundleEntry(**given)


def named(parcel: Parcel) -> str:
    """The search that finds an edition."""
    return f"identifier={URI}|urn:oid:{parcel.oid}"


def binary_of(made: Payload, **more: Any) -> Binary:
    """The document's bytes."""
    return Binary(contentType=made.media_type, data=made.base64.encode(), **more)


def transaction(parcel: Parcel, made: Payload | None, *, find: Find, inline: bool) -> Bundle:
    """The transaction that tells a FHIR server of a delivery.

    new      Binary put under the edition's UUID, DocumentReference created if none has its identifier
    replace  the same, and the edition before it superseded
    edit     DocumentReference put over the one with its identifier
    cancel   the same, entered in error, without its content
    """
    url = None if inline else f"Binary/{parcel.uuid}"
    place = f"urn:uuid:{parcel.uuid}"
    entries = []
    if made and url:
        entries.append(
            entry(
                binary_of(made, id=str(parcel.uuid)),
                "PUT",
                url,
                fullUrl=f"urn:uuid:{uuid_of(parcel.oid + '.2')}",
            )
        )
    if parcel.change in ("new", "replace"):
        document = document_reference(parcel, made, find=find, url=url)
        entries.append(entry(document, "POST", "DocumentReference", fullUrl=place, ifNoneExist=named(parcel)))
    else:
        status: Status = "entered-in-error" if parcel.change == "cancel" else "current"
        document = document_reference(parcel, made, find=find, url=url, status=status)
        entries.append(entry(document, "PUT", f"DocumentReference?{named(parcel)}", fullUrl=place))
    if before := parcel.before:
        old = document_reference(
            before, None, find=find, url=None if inline else f"Binary/{before.uuid}", status="superseded"
        )
        entries.append(
            entry(old, "PUT", f"DocumentReference?{named(before)}", fullUrl=f"urn:uuid:{before.uuid}")
        )
    return Bundle(type="transaction", entry=entries)
