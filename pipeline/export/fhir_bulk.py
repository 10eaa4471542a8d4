"""An export as FHIR bulk data: one NDJSON file for each resource type, the PDFs, and a manifest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from fhir.resources.R4B.encounter import Encounter
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.patient import Patient

from pipeline.delivery.delivery_item import DeliveryItem, uuid_of
from pipeline.delivery.formats.fhir import NULL_FLAVOR, document_reference, visit_identifier
from pipeline.delivery.payload import PDF_FORMAT, Payload

CLASS_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CLASS_CODES = {"I": "IMP", "B": "IMP", "O": "AMB", "R": "AMB", "E": "EMER", "P": "PRENC"}
ERROR_FILE = "OperationOutcome.ndjson"
GENDERS = {"F": "female", "M": "male", "X": "other"}


class FailedChart(Protocol):
    """A patient whose chart could not be written, and the reason."""

    @property
    def mrn(self) -> str: ...

    @property
    def reason(self) -> str: ...


class FhirBulkWriter:
    """Writes into a folder. `fetch` writes the stored object with a SHA-256 to a file; `request`: the
    requested MRN or date, for the manifest."""

    def __init__(self, folder: Path, fetch: Callable[[str, Path], None], request: str) -> None:
        self._folder = folder
        self._fetch = fetch
        self._request = request
        self._count: Counter[str] = Counter()
        self._started = datetime.now(UTC)
        (folder / "documents").mkdir()

    def write_chart(self, items: list[DeliveryItem]) -> None:
        """Write a patient, their encounters and documents; nothing if an error occurs."""
        files: list[Path] = []
        try:
            resources = self._chart_resources(items, files)
        except Exception:
            for file in files:
                file.unlink(missing_ok=True)
            raise
        for resource in resources:
            self._write_line(resource)

    def _chart_resources(self, items: list[DeliveryItem], files: list[Path]) -> list[Any]:
        """Return the resources of a chart. `files` receives the PDFs that are written."""
        resources: list[Any] = [patient_resource(items[0])]
        by_visit = {item.encounter.number: item for item in items if item.encounter}
        resources += [encounter_resource(item) for item in by_visit.values()]
        for item in items:
            name = f"documents/{item.document}.{item.edition}.pdf"
            file = self._folder / name
            files.append(file)
            self._fetch(item.pdf, file)
            payload = Payload(file.read_bytes(), "application/pdf", ".pdf", PDF_FORMAT)
            more: dict[str, Any] = {
                "subject": {"reference": f"Patient/{item.patient.id}"},
                "id": str(item.uuid),
            }
            resources.append(document_reference(item, payload, find="identifier", url=name, **more))
        return resources

    def close(self, failed: Sequence[FailedChart]) -> None:
        """Write the manifest, and an OperationOutcome for each chart that could not be written."""
        output = [
            {"type": kind, "url": f"{kind}.ndjson", "count": count} for kind, count in self._count.items()
        ]
        error = [{"type": "OperationOutcome", "url": ERROR_FILE, "count": len(failed)}] if failed else []
        if failed:
            outcomes = [outcome_resource(chart.mrn, chart.reason) for chart in failed]
            text = "".join(outcome.model_dump_json() + "\n" for outcome in outcomes)
            (self._folder / ERROR_FILE).write_text(text, encoding="utf-8")
        manifest = {
            "transactionTime": self._started.isoformat(timespec="seconds"),
            "request": self._request,
            "requiresAccessToken": False,
            "output": output,
            "error": error,
        }
        (self._folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    def _write_line(self, resource: Any) -> None:
        kind = resource.get_resource_type()
        with (self._folder / f"{kind}.ndjson").open("a", encoding="utf-8") as out:
            out.write(resource.model_dump_json() + "\n")
        self._count[kind] += 1


def outcome_resource(mrn: str, reason: str) -> OperationOutcome:
    """Return the outcome for a chart that could not be written."""
    issue = {"severity": "error", "code": "exception", "diagnostics": f"The chart of {mrn}: {reason}"}
    elements: dict[str, Any] = {"issue": [issue]}
    return OperationOutcome(**elements)


def patient_resource(item: DeliveryItem) -> Patient:
    """Return the patient as the index has them."""
    patient = item.patient
    elements: dict[str, Any] = {
        "id": str(patient.id),
        "identifier": [{"system": item.organization.mrn_system, "value": patient.mrn}],
        "name": [
            {
                "family": patient.family,
                "given": [name for name in (patient.given, patient.middle) if name] or None,
                "suffix": [patient.suffix] if patient.suffix else None,
            }
        ],
        "gender": GENDERS.get(patient.sex or "", "unknown"),
        "birthDate": patient.dob,
        "telecom": [{"system": "phone", "value": patient.phone}] if patient.phone else None,
        "address": [
            {
                "line": [patient.address], "city": patient.city, "state": patient.state,
                "postalCode": patient.zip,
            }
        ] if patient.address else None,
    }  # fmt: skip
    return Patient(**{name: value for name, value in elements.items() if value is not None})


def encounter_resource(item: DeliveryItem) -> Encounter:
    """Return the encounter that a document belongs to. Its times are written as dates, because the hospital's
    local times have no UTC offset.
    """
    encounter = item.encounter
    assert encounter is not None
    code = CLASS_CODES.get(encounter.patient_class or "")
    period = {
        name: at.date().isoformat()
        for name, at in (("start", encounter.admitted_at), ("end", encounter.discharged_at))
        if at is not None
    }
    elements: dict[str, Any] = {
        "id": str(uuid_of(f"{item.organization.oid}.1.{encounter.facility}|{encounter.number}")),
        "identifier": [visit_identifier(item)],
        "status": "finished" if encounter.discharged_at else "unknown",
        "class": {"system": CLASS_SYSTEM, "code": code} if code else {"system": NULL_FLAVOR, "code": "UNK"},
        "subject": {"reference": f"Patient/{item.patient.id}"},
        "period": period or None,
    }
    return Encounter(**{name: value for name, value in elements.items() if value is not None})
