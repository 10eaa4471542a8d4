"""Read patients from FHIR R4: a Bundle, a single Patient, or NDJSON (one resource a line, as in bulk
exports)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import InvalidInput
from pipeline.patients.patient_record import PatientAlias, PatientUpdate

SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn"
MAIDEN_NAME = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
IDENTIFIER_KINDS = {
    "MR": "mrn",
    "SS": "ssn",
    "MA": "medicaid",
    "AN": "account",
    "MB": "insurance",
    "SN": "insurance",
}
NAME_PRECEDENCE = {"official": 0, "usual": 1}
"""Precedence of several names: the lowest is the current one."""
NAME_KINDS = {"maiden": "maiden", "old": "former", "nickname": "nickname", "anonymous": None, "temp": None}

Resource = Mapping[str, Any]


def read_fhir(file: Path) -> Iterator[PatientUpdate]:
    """Yield the patients in a FHIR file; resources of other types are skipped.

    Raises:
        InvalidInput: if the file is not FHIR in JSON.
    """
    try:
        with file.open(encoding="utf-8-sig") as stream:
            yield from (
                patients_from_ndjson(stream) if is_ndjson(file) else patients_from_resource(json.load(stream))
            )
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(
            f"{file}: not FHIR in JSON: {error}.", "Export it again as a JSON bundle or as NDJSON."
        ) from None


def is_ndjson(file: Path) -> bool:
    """Return whether the first line is a complete JSON object and more lines follow."""
    with file.open(encoding="utf-8-sig") as stream:
        first, rest = stream.readline(), stream.readline().strip()
    try:
        return isinstance(json.loads(first), dict) and bool(rest or file.suffix == ".ndjson")
    except ValueError:
        return False


def patients_from_ndjson(lines: Iterator[str] | Any) -> Iterator[PatientUpdate]:
    """Yield the patients in NDJSON."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            resource = json.loads(line)
            if resource.get("resourceType") == "Patient":
                yield patient_from_fhir(resource, f"line {number}")


def patients_from_resource(resource: Resource) -> Iterator[PatientUpdate]:
    """Yield the patients in a Bundle, or the resource itself."""
    if resource.get("resourceType") == "Patient":
        yield patient_from_fhir(resource, "resource")
    elif resource.get("resourceType") == "Bundle":
        for number, entry in enumerate(resource.get("entry") or [], 1):
            inner = entry.get("resource") or {}
            if inner.get("resourceType") == "Patient":
                yield patient_from_fhir(inner, f"entry {number}")
    else:
        raise ValueError("neither a Bundle nor a Patient")


def patient_from_fhir(resource: Resource, place: str) -> PatientUpdate:
    """Return a FHIR Patient in the form of the index.

    The MRN is the identifier of type MR, otherwise the first untyped identifier, otherwise the resource's
    id."""
    numbers = [
        (IDENTIFIER_KINDS.get(identifier_type(i), "other"), i.get("system") or "", str(i["value"]))
        for i in resource.get("identifier") or []
        if i.get("value")
    ]
    numbers = [("ssn" if system == SSN_SYSTEM else kind, system, value) for kind, system, value in numbers]
    home = next((n for n in numbers if n[0] == "mrn"), next((n for n in numbers if n[0] == "other"), None))
    names = [name for name in resource.get("name") or [] if NAME_KINDS.get(name.get("use", ""), "alias")]
    current: Resource = min(
        names, key=lambda n: NAME_PRECEDENCE.get(n.get("use", ""), len(NAME_PRECEDENCE)), default={}
    )
    homes = [a for a in resource.get("address") or [] if a.get("use") != "old"]
    telecom = [(t.get("system"), t.get("value")) for t in resource.get("telecom") or [] if t.get("value")]
    phones = [value for system, value in telecom if system == "phone"]
    row = {
        "mrn": home[2] if home else resource.get("id"),
        **name_row(current),
        "dob": resource.get("birthDate"),
        "sex": {"male": "M", "female": "F", "other": "X"}.get(resource.get("gender", "")),
        "ssn": next((value for kind, _, value in numbers if kind == "ssn"), None),
        **(address_row(homes[0]) if homes else {}),
        "phone": phones[0] if phones else None,
        "email": next((value for system, value in telecom if system == "email"), None),
        "mother_maiden": extension_text(resource, MAIDEN_NAME),
        "previous_family": next((n.get("family") for n in names if n.get("use") == "maiden"), None),
        "deceased": str(resource["deceasedDateTime"])[:10] if resource.get("deceasedDateTime") else None,
        "birth_order": str(resource["multipleBirthInteger"])
        if resource.get("multipleBirthInteger")
        else None,
    }
    others = [PatientAlias("identifier", n) for n in numbers if n is not home]
    others += [
        PatientAlias("name", (NAME_KINDS.get(n.get("use", ""), "alias"), *name_row(n).values()))
        for n in names
        if n is not current
    ]
    others += [
        PatientAlias("address", tuple(address_row(a).values()))
        for a in resource.get("address") or []
        if homes and a is not homes[0]
    ]
    others += [PatientAlias("phone", (phone,)) for phone in phones[1:]]
    return PatientUpdate(place, row, tuple(others))


def identifier_type(identifier: Resource) -> str:
    """Return the code of an identifier's type, "" if it has none."""
    return next((c.get("code", "") for c in (identifier.get("type") or {}).get("coding") or []), "")


def name_row(name: Resource) -> dict[str, str | None]:
    """Return given, middle, family and suffix of a HumanName."""
    given = [part for part in name.get("given") or [] if part]
    return {
        "given": given[0] if given else None,
        "middle": " ".join(given[1:]) or None,
        "family": name.get("family"),
        "suffix": " ".join(name.get("suffix") or []) or None,
    }


def address_row(address: Resource) -> dict[str, str | None]:
    """Return address, city, state and zip of an Address."""
    street = " ".join(address.get("line") or []) or None
    return {
        "address": street,
        "city": address.get("city"),
        "state": address.get("state"),
        "zip": address.get("postalCode"),
    }


def extension_text(resource: Resource, url: str) -> str | None:
    """Return the text of an extension, None if there is none."""
    return next((e.get("valueString") for e in resource.get("extension") or [] if e.get("url") == url), None)
