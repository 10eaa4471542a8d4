"""IHE Mobile access to Health Documents: Provide Document Bundle (ITI-65) and Simplified Publish (ITI-105).

Minimal or comprehensive metadata, by the profiles of MHD 4.2. MHD has no message for a corrected type or
date: a correction is a new edition that replaces the one before. It has none for a document that is withdrawn
either: its DocumentReference is superseded, which XDS calls deprecated, by a plain FHIR update (see rest.py).
"""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.list import List

from pipeline.config import DestinationSettings
from pipeline.delivery.delivery_item import Parcel, uuid_of
from pipeline.delivery.formats.fhir import (
    URI,
    binary_of,
    coded,
    context_of,
    document_reference,
    entry,
    named,
    reference,
    type_of,
)
from pipeline.delivery.payload import Payload

PROFILES = "https://profiles.ihe.net/ITI/MHD/StructureDefinition"
LIST_TYPES = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes"
GENDERS = {"F": "female", "M": "male", "X": "other"}
SUBMISSION, BINARY = 1, 2  # arcs below an edition's OID: its submission set, its bytes
NAMES: dict[str, str] = {"minimal": "Minimal", "comprehensive": "Comprehensive"}


def provide_bundle(parcel: Parcel, made: Payload, settings: DestinationSettings) -> Bundle:
    """ITI-65: the submission set, the DocumentReference and the document, in one transaction."""
    kind = NAMES[settings.metadata]
    place, binary = f"urn:uuid:{parcel.uuid}", f"urn:uuid:{uuid_of(f'{parcel.oid}.{BINARY}')}"
    profile = f"{PROFILES}/IHE.MHD.{kind}.DocumentReference"
    more = comprehensive(parcel, settings) if settings.metadata == "comprehensive" else {}
    document = document_reference(
        parcel, made, find=settings.patients, url=binary, profile=profile, doc_status=None, **more
    )
    submission, oid = submission_set(parcel, settings, place), submission_oid(parcel)
    given: dict[str, Any] = {
        "meta": {"profile": [f"{PROFILES}/IHE.MHD.{kind}.ProvideBundle"]},
        "type": "transaction",
        "timestamp": parcel.written_at.isoformat(),
        "entry": [
            entry(
                submission,
                "POST",
                "List",
                fullUrl=f"urn:uuid:{uuid_of(oid)}",
                ifNoneExist=f"identifier={URI}|urn:oid:{oid}",
            ),
            entry(document, "POST", "DocumentReference", fullUrl=place, ifNoneExist=named(parcel)),
            entry(binary_of(made), "POST", "Binary", fullUrl=binary),
        ],
    }
    return Bundle(**given)


def simplified_publish(parcel: Parcel, made: Payload, patient: str) -> DocumentReference:
    """ITI-105: the DocumentReference with the document within it. `patient`: where the receiver has them. Its
    entryUUID is the receiver's to give."""
    subject = {"reference": patient}
    profile = f"{PROFILES}/IHE.MHD.SimplifiedPublish.DocumentReference"
    more: dict[str, Any] = {"identifier": None, "subject": subject}
    return document_reference(parcel, made, find="identifier", profile=profile, doc_status=None, **more)


def submission_set(parcel: Parcel, settings: DestinationSettings, document: str) -> List:
    """The List that says who submits what, when. `document`: the fullUrl of its one entry."""
    source = {"system": URI, "value": f"urn:oid:{parcel.house.oid}"}
    extensions: list[dict[str, Any]] = [{"url": f"{PROFILES}/ihe-sourceId", "valueIdentifier": source}]
    if settings.metadata == "comprehensive":
        extensions.append({"url": f"{PROFILES}/ihe-designationType", "valueCodeableConcept": type_of(parcel)})
    given: dict[str, Any] = {
        "meta": {"profile": [f"{PROFILES}/IHE.MHD.{NAMES[settings.metadata]}.SubmissionSet"]},
        "extension": extensions,
        "identifier": [
            {"use": "official", "system": URI, "value": f"urn:uuid:{uuid_of(submission_oid(parcel))}"},
            {"use": "usual", "system": URI, "value": f"urn:oid:{submission_oid(parcel)}"},
        ],
        "status": "current",
        "mode": "working",
        "title": parcel.title,
        "code": coded(LIST_TYPES, "submissionset"),
        "subject": reference("Patient", parcel.house.mrn_system, parcel.patient.mrn, settings.patients),
        "date": parcel.written_at.isoformat(),
        "entry": [{"item": {"reference": document}}],
    }
    return List(**given)


def submission_oid(parcel: Parcel) -> str:
    """The OID of an edition's submission set."""
    return f"{parcel.oid}.{SUBMISSION}"


def comprehensive(parcel: Parcel, settings: DestinationSettings) -> dict[str, Any]:
    """What comprehensive metadata ask for beyond the minimal: the kind of place, and author and patient,
    contained.
    """
    patient = parcel.patient
    contained: list[dict[str, Any]] = [
        {
            "resourceType": "Patient",
            "id": "patient",
            "identifier": [{"system": parcel.house.mrn_system, "value": patient.mrn}],
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
    if parcel.author:
        contained.append({"resourceType": "Practitioner", "id": "author", "name": [{"text": parcel.author}]})
        more["author"] = [{"reference": "#author"}]
    elif parcel.facility:
        contained.append({"resourceType": "Organization", "id": "author", "name": parcel.facility})
        more["author"] = [{"reference": "#author"}]
    context = {
        **(context_of(parcel) or {}),
        "facilityType": concept(settings.facility_type),
        "practiceSetting": concept(settings.practice_setting),
        "sourcePatientInfo": {"reference": "#patient"},
    }
    return {"contained": contained, "context": context, **more}


def concept(setting: str) -> dict[str, Any]:
    """A CodeableConcept written `system|code|words`."""
    system, code, words = [*setting.split("|"), "", ""][:3]
    return {"coding": [{"system": system, "code": code, "display": words or None}]}
