"""IHE Mobile access to Health Documents: Provide Document Bundle (ITI-65) and Simplified Publish (ITI-105).

Metadata are minimal or comprehensive, following the profiles of MHD 4.2. MHD has no message for a corrected
type or date: a correction is a new edition that replaces the previous one. It has no message for a withdrawn
document either: its DocumentReference is marked as superseded, which XDS calls deprecated, with a plain FHIR
update (see fhir_http.py).
"""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.list import List

from pipeline.config import DestinationSettings
from pipeline.delivery.delivery_item import DeliveryItem, uuid_of
from pipeline.delivery.formats.fhir import (
    URI,
    binary_resource,
    concept,
    document_context,
    document_reference,
    entry,
    identifier_search,
    reference,
    type_concept,
)
from pipeline.delivery.payload import Payload

PROFILES = "https://profiles.ihe.net/ITI/MHD/StructureDefinition"
LIST_TYPES = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes"
GENDERS = {"F": "female", "M": "male", "X": "other"}
SUBMISSION_ARC, BINARY_ARC = 1, 2  # below an edition's OID: its submission set, its bytes
PROFILE_NAMES: dict[str, str] = {"minimal": "Minimal", "comprehensive": "Comprehensive"}


def provide_bundle(item: DeliveryItem, payload: Payload, settings: DestinationSettings) -> Bundle:
    """Return ITI-65: the submission set, the DocumentReference and the document, in one transaction."""
    kind = PROFILE_NAMES[settings.metadata]
    document_url = f"urn:uuid:{item.uuid}"
    binary_url = f"urn:uuid:{uuid_of(f'{item.oid}.{BINARY_ARC}')}"
    profile = f"{PROFILES}/IHE.MHD.{kind}.DocumentReference"
    more = comprehensive_elements(item, settings) if settings.metadata == "comprehensive" else {}
    document = document_reference(
        item, payload, find=settings.patients, url=binary_url, profile=profile, doc_status=None, **more
    )
    submission, oid = submission_set(item, settings, document_url), submission_oid(item)
    elements: dict[str, Any] = {
        "meta": {"profile": [f"{PROFILES}/IHE.MHD.{kind}.ProvideBundle"]},
        "type": "transaction",
        "timestamp": item.queued_at.isoformat(),
        "entry": [
            entry(
                submission,
                "POST",
                "List",
                full_url=f"urn:uuid:{uuid_of(oid)}",
                if_none_exist=f"identifier={URI}|urn:oid:{oid}",
            ),
            entry(
                document,
                "POST",
                "DocumentReference",
                full_url=document_url,
                if_none_exist=identifier_search(item),
            ),
            entry(binary_resource(payload), "POST", "Binary", full_url=binary_url),
        ],
    }
    return Bundle(**elements)


def simplified_publish(item: DeliveryItem, payload: Payload, patient: str) -> DocumentReference:
    """Return ITI-105: the DocumentReference with the document embedded.

    The receiver assigns its entryUUID. `patient`: the patient's reference at the receiver."""
    subject = {"reference": patient}
    profile = f"{PROFILES}/IHE.MHD.SimplifiedPublish.DocumentReference"
    more: dict[str, Any] = {"identifier": None, "subject": subject}
    return document_reference(item, payload, find="identifier", profile=profile, doc_status=None, **more)


def submission_set(item: DeliveryItem, settings: DestinationSettings, document: str) -> List:
    """Return the submission set as a List. `document`: the fullUrl of its only entry."""
    source = {"system": URI, "value": f"urn:oid:{item.organization.oid}"}
    extensions: list[dict[str, Any]] = [{"url": f"{PROFILES}/ihe-sourceId", "valueIdentifier": source}]
    if settings.metadata == "comprehensive":
        extensions.append(
            {"url": f"{PROFILES}/ihe-designationType", "valueCodeableConcept": type_concept(item)}
        )
    elements: dict[str, Any] = {
        "meta": {"profile": [f"{PROFILES}/IHE.MHD.{PROFILE_NAMES[settings.metadata]}.SubmissionSet"]},
        "extension": extensions,
        "identifier": [
            {"use": "official", "system": URI, "value": f"urn:uuid:{uuid_of(submission_oid(item))}"},
            {"use": "usual", "system": URI, "value": f"urn:oid:{submission_oid(item)}"},
        ],
        "status": "current",
        "mode": "working",
        "title": item.title,
        "code": concept(LIST_TYPES, "submissionset"),
        "subject": reference("Patient", item.organization.mrn_system, item.patient.mrn, settings.patients),
        "date": item.queued_at.isoformat(),
        "entry": [{"item": {"reference": document}}],
    }
    return List(**elements)


def submission_oid(item: DeliveryItem) -> str:
    """Return the OID of an edition's submission set."""
    return f"{item.oid}.{SUBMISSION_ARC}"


def comprehensive_elements(item: DeliveryItem, settings: DestinationSettings) -> dict[str, Any]:
    """Return the elements that comprehensive metadata require beyond the minimal ones: the facility type, the
    practice setting, and the author and patient as contained resources.
    """
    patient = item.patient
    contained: list[dict[str, Any]] = [
        {
            "resourceType": "Patient",
            "id": "patient",
            "identifier": [{"system": item.organization.mrn_system, "value": patient.mrn}],
            "name": [
                {
                    "family": patient.family,
                    "given": [name for name in (patient.given, patient.middle) if name],
                }
            ],
            "gender": GENDERS.get(patient.sex or "", "unknown"),
            "birthDate": patient.dob,
        }
    ]
    more: dict[str, Any] = {}
    if item.author:
        contained.append({"resourceType": "Practitioner", "id": "author", "name": [{"text": item.author}]})
        more["author"] = [{"reference": "#author"}]
    elif item.facility:
        contained.append({"resourceType": "Organization", "id": "author", "name": item.facility})
        more["author"] = [{"reference": "#author"}]
    context = {
        **(document_context(item) or {}),
        "facilityType": concept_from_setting(settings.facility_type),
        "practiceSetting": concept_from_setting(settings.practice_setting),
        "sourcePatientInfo": {"reference": "#patient"},
    }
    return {"contained": contained, "context": context, **more}


def concept_from_setting(setting: str) -> dict[str, Any]:
    """Return a CodeableConcept from a setting in the form `system|code|display`."""
    system, code, display = [*setting.split("|"), "", ""][:3]
    return {"coding": [{"system": system, "code": code, "display": display or None}]}
