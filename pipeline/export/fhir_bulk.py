"""An export as FHIR bulk data: a file of resources for each type, one a line, the PDFs beside them, a
manifest that names all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fhir.resources.R4B.encounter import Encounter
from fhir.resources.R4B.patient import Patient

from pipeline.delivery.delivery_item import Parcel, uuid_of
from pipeline.delivery.formats.fhir import NULL_FLAVOR, document_reference, visit_identifier
from pipeline.delivery.payload import PDF_FORMAT, Payload

CLASSES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CLASS = {"I": "IMP", "B": "IMP", "O": "AMB", "R": "AMB", "E": "EMER", "P": "PRENC"}
GENDERS = {"F": "female", "M": "male", "X": "other"}


class Bulk:
    """Writes into a folder. `fetch` writes the object of a SHA-256 to a file; `asked`: what was asked for,
    for the manifest.
    """

    def __init__(self, place: Path, fetch: Callable[[str, Path], None], asked: str) -> None:
        self._place = place
        self._fetch = fetch
        self._asked = asked
        self._count: Counter[str] = Counter()
        self._started = datetime.now(UTC)
        (place / "documents").mkdir()

    def chart(self, parcels: list[Parcel]) -> None:
        """Write a patient, their encounters and documents."""
        self._line(patient_resource(parcels[0]))
        visits = {parcel.visit.number: parcel for parcel in parcels if parcel.visit}
        for parcel in visits.values():
            self._line(encounter_resource(parcel))
        for parcel in parcels:
            name = f"documents/{parcel.document}.{parcel.edition}.pdf"
            file = self._place / name
            self._fetch(parcel.pdf, file)
            made = Payload(file.read_bytes(), "application/pdf", ".pdf", PDF_FORMAT)
            more: dict[str, Any] = {
                "subject": {"reference": f"Patient/{parcel.patient.id}"},
                "id": str(parcel.uuid),
            }
            self._line(document_reference(parcel, made, find="identifier", url=name, **more))

    def close(self) -> None:
        """Write the manifest."""
        output = [
            {"type": kind, "url": f"{kind}.ndjson", "count": count} for kind, count in self._count.items()
        ]
        manifest = {
            "transactionTime": self._started.isoformat(timespec="seconds"),
            "request": self._asked,
            "requiresAccessToken": False,
            "output": output,
            "error": [],
        }
        (self._place / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    def _line(self, resource: Any) -> None:
        kind = resource.get_resource_type()
        with (self._place / f"{kind}.ndjson").open("a", encoding="utf-8") as out:
            out.write(resource.model_dump_json() + "\n")
        self._count[kind] += 1


def patient_resource(parcel: Parcel) -> Patient:
    """The patient as the index knows them."""
    known = parcel.patient
    given: dict[str, Any] = {
        "id": str(known.id),
        "identifier": [{"system": parcel.house.mrn_system, "value": known.mrn}],
        "name": [
            {
                "family": known.family,
                "given": [name for name in (known.given, known.middle) if name] or None,
                "suffix": [known.suffix] if known.suffix else None,
            }
        ],
        "gender": GENDERS.get(known.sex or "", "unknown"),
        "birthDate": known.dob,
        "telecom": [{"system": "phone", "value": known.phone}] if known.phone else None,
        "address": [
            {"line": [known.address], "city": known.city, "state": known.state, "postalCode": known.zip}
        ] if known.address else None,
    }  # fmt: skip
    return Patient(**{name: value for name, value in given.items() if value is not None})


def encounter_resource(parcel: Parcel) -> Encounter:
    """The visit that a document belongs to. Its times are days here: the hospital's clock has no zone."""
    visit = parcel.visit
    assert visit is not None
    code = CLASS.get(visit.kind or "")
    period = {
        name: at.date().isoformat()
        for name, at in (("start", visit.admitted_at), ("end", visit.discharged_at))
        if at is not None
    }
    given: dict[str, Any] = {
        "id": str(uuid_of(f"{parcel.house.oid}.1.{visit.facility}|{visit.number}")),
        "identifier": [visit_identifier(parcel)],
        "status": "finished" if visit.discharged_at else "unknown",
        "class": {"system": CLASSES, "code": code} if code else {"system": NULL_FLAVOR, "code": "UNK"},
        "subject": {"reference": f"Patient/{parcel.patient.id}"},
        "period": period or None,
    }
    return Encounter(**{name: value for name, value in given.items() if value is not None})
