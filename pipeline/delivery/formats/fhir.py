"""A document as FHIR R4: a DocumentReference with the elements of US Core, its Binary, and the transaction
bundle.

They are built with fhir.resources, which rejects what the standard's model does not have. All identifiers are
derived from the edition, so that a receiver stores it once, however often it is sent."""

from __future__ import annotations

from typing import Any, Literal

from fhir.resources.R4B.binary import Binary
from fhir.resources.R4B.bundle import Bundle, BundleEntry
from fhir.resources.R4B.documentreference import DocumentReference

from pipeline.delivery.delivery_item import DeliveryItem, uuid_of
from pipeline.delivery.payload import Payload

URI = "urn:ietf:rfc:3986"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference"
CATEGORIES = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
FORMATS = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
LOINC = "http://loinc.org"

Status = Literal["current", "superseded", "entered-in-error"]
ReferenceStyle = Literal["search", "identifier"]
"""How a receiver resolves a reference: by the conditional search in `reference`, or only by `identifier`."""


def document_reference(
    item: DeliveryItem,
    payload: Payload | None,
    *,
    find: ReferenceStyle,
    url: str | None = None,
    status: Status = "current",
    profile: str | None = US_CORE,
    doc_status: str | None = "final",
    **more: Any,
) -> DocumentReference:
    """Return the DocumentReference of an edition.

    Args:
        payload: the document; None for a reference without content.
        find: how the receiver resolves references.
        url: where the document is stored; None to embed it.
        status: the status of the DocumentReference.
        profile: the profile it claims; None: none.
        doc_status: the status of the document itself.
        more: further elements, or replacements of those built here; None removes one.

    Raises:
        pydantic.ValidationError: if the result is not valid FHIR.
    """
    attachment: dict[str, Any] = {
        "contentType": "application/pdf",
        "language": "en-US",
        "title": item.title,
        "url": url,
    }
    attachment["creation"] = item.scanned_at.isoformat()
    content: dict[str, Any] = {"attachment": attachment}
    if payload:
        attachment |= {"contentType": payload.media_type, "size": len(payload.data), "hash": payload.sha1}
        attachment |= {} if url else {"data": payload.base64}
        content["format"] = {"system": FORMATS, "code": payload.format}
    elements = {
        "meta": {"profile": [profile]} if profile else None,
        "masterIdentifier": {"use": "usual", "system": URI, "value": f"urn:oid:{item.oid}"},
        "identifier": [{"use": "official", "system": URI, "value": f"urn:uuid:{item.uuid}"}],
        "status": status,
        "docStatus": "entered-in-error" if doc_status and status == "entered-in-error" else doc_status,
        "type": type_concept(item),
        "category": [category_concept(item)],
        "subject": reference("Patient", item.organization.mrn_system, item.patient.mrn, find),
        "date": item.filed_at.isoformat(),
        "author": [author] if (author := author_reference(item)) else None,
        "custodian": {
            "type": "Organization",
            "identifier": {"system": URI, "value": f"urn:oid:{item.organization.oid}"},
            "display": item.organization.name,
        },
        "description": item.title,
        "securityLabel": [concept(CONFIDENTIALITY, item.type.confidentiality)],
        "content": [content],
        "context": document_context(item),
    }
    if item.replaced_oid:
        replaced = reference("DocumentReference", URI, f"urn:oid:{item.replaced_oid}", find)
        elements["relatesTo"] = [{"code": "replaces", "target": replaced}]
    return DocumentReference(
        **{name: value for name, value in {**elements, **more}.items() if value is not None}
    )


def type_concept(item: DeliveryItem) -> dict[str, Any]:
    """Return the type's LOINC code, or "unknown" if it has none, with the type's name as text."""
    coding = concept(LOINC, item.type.loinc) if item.type.loinc else concept(NULL_FLAVOR, "UNK")
    return {**coding, "text": item.type.name}


def category_concept(item: DeliveryItem) -> dict[str, Any]:
    """Return the document's category. US Core defines only "clinical note"; other documents get a text."""
    return concept(CATEGORIES, "clinical-note") if item.type.clinical else {"text": "Administrative document"}


def author_reference(item: DeliveryItem) -> dict[str, Any] | None:
    """Return the author as named on the paper, otherwise the facility."""
    if item.author:
        return {"type": "Practitioner", "display": item.author}
    return {"type": "Organization", "display": item.facility} if item.facility else None


def document_context(item: DeliveryItem) -> dict[str, Any] | None:
    """Return the document's encounter and date of service; None if neither is known."""
    context: dict[str, Any] = {}
    if item.encounter:
        context["encounter"] = [{"type": "Encounter", "identifier": visit_identifier(item)}]
    if item.date_of_service:
        day = item.date_of_service.isoformat()
        context["period"] = {"start": day, "end": day}
    return context or None


def visit_identifier(item: DeliveryItem) -> dict[str, Any]:
    """Return the visit number as an identifier, under the organization's OID."""
    assert item.encounter is not None
    return {"system": item.organization.visit_system, "value": item.encounter.number}


def reference(type: str, system: str, value: str, find: ReferenceStyle) -> dict[str, Any]:
    """Return a reference to a resource that the receiver knows by an identifier."""
    by_identifier = {"type": type, "identifier": {"system": system, "value": value}}
    return by_identifier | ({"reference": f"{type}?identifier={system}|{value}"} if find == "search" else {})


def concept(system: str, code: str) -> dict[str, Any]:
    """Return a CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code}]}


def entry(
    resource: Any, method: str, url: str, *, full_url: str, if_none_exist: str | None = None
) -> BundleEntry:
    """Return an entry of a transaction."""
    request = {"method": method, "url": url} | ({"ifNoneExist": if_none_exist} if if_none_exist else {})
    elements: dict[str, Any] = {"resource": resource, "request": request, "fullUrl": full_url}
    return BundleEntry(**elements)


def identifier_search(item: DeliveryItem) -> str:
    """Return the search criteria that find an edition by its identifier."""
    return f"identifier={URI}|urn:oid:{item.oid}"


def binary_resource(payload: Payload, **more: Any) -> Binary:
    """Return the document's bytes as a Binary."""
    return Binary(contentType=payload.media_type, data=payload.base64.encode(), **more)


def transaction(item: DeliveryItem, payload: Payload | None, *, find: ReferenceStyle, inline: bool) -> Bundle:
    """Return the transaction that delivers a document to a FHIR server.

    new      PUT the Binary under the edition's UUID; create the DocumentReference if none has its identifier
    replace  the same, and mark the replaced edition as superseded
    edit     update the DocumentReference with the edition's identifier
    cancel   the same, with the status entered-in-error and without content
    """
    url = None if inline else f"Binary/{item.uuid}"
    full_url = f"urn:uuid:{item.uuid}"
    entries = []
    if payload and url:
        entries.append(
            entry(
                binary_resource(payload, id=str(item.uuid)),
                "PUT",
                url,
                full_url=f"urn:uuid:{uuid_of(item.oid + '.2')}",
            )
        )
    if item.change in ("new", "replace"):
        document = document_reference(item, payload, find=find, url=url)
        entries.append(
            entry(
                document,
                "POST",
                "DocumentReference",
                full_url=full_url,
                if_none_exist=identifier_search(item),
            )
        )
    else:
        status: Status = "entered-in-error" if item.change == "cancel" else "current"
        document = document_reference(item, payload, find=find, url=url, status=status)
        entries.append(
            entry(document, "PUT", f"DocumentReference?{identifier_search(item)}", full_url=full_url)
        )
    if replaced := item.replaced:
        old = document_reference(
            replaced, None, find=find, url=None if inline else f"Binary/{replaced.uuid}", status="superseded"
        )
        entries.append(
            entry(
                old,
                "PUT",
                f"DocumentReference?{identifier_search(replaced)}",
                full_url=f"urn:uuid:{replaced.uuid}",
            )
        )
    return Bundle(type="transaction", entry=entries)
