"""Read patients from FHIR R4: a Bundle, a single Patient, or NDJSON (one resource a line, as in bulk
exports)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.errors import InvalidInput
from pipeline.matching.printed_names import parse_name
from pipeline.patients.bulk_load import LoadResult
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


def read_fhir(file: Path, result: LoadResult | None = None) -> Iterator[PatientUpdate]:
    """Yield the patients in a FHIR file; resources of other types are skipped.

    Records that are not active (`active` is false) are not yielded. If such a record was replaced by another
    patient of the file, its MRN becomes a former number of that patient.

    Args:
        result: receives the place and reason of each record that cannot be read or is not active.

    Raises:
        InvalidInput: if the file is not FHIR in JSON.
    """
    result = LoadResult() if result is None else result
    replaced: dict[
        str, list[PatientUpdate]
    ] = {}  # inactive records, by the ID of the patient who replaced them
    for place, resource in read_resources(file, LoadResult()):
        patient = parse_resource(resource, place, LoadResult())
        other = replacing_id(resource) if resource.get("active") is False else None
        if patient is not None and other is not None:
            replaced.setdefault(other, []).append(patient)
    for place, resource in read_resources(file, result):
        patient = parse_resource(resource, place, result)
        if patient is None:
            continue
        if resource.get("active") is not False:
            former = [
                PatientAlias("identifier", ("mrn", "former", other.row["mrn"]))
                for other in replaced.pop(str(resource.get("id")), [])
                if other.row["mrn"] not in (None, patient.row["mrn"])
            ]
            yield replace(patient, aliases=(*patient.aliases, *former))
        elif replacing_id(resource) is None:
            result.rejected.append((place, "the record is not active"))
    for record in chain.from_iterable(replaced.values()):
        result.rejected.append(
            (record.place, "not active, and the patient who replaced it is not in the file")
        )


def read_resources(file: Path, result: LoadResult) -> Iterator[tuple[str, Resource]]:
    """Yield (place, resource) of the patients in a file.

    Args:
        result: receives the lines of NDJSON that are not JSON.

    Raises:
        InvalidInput: if the file is not FHIR in JSON.
    """
    try:
        with file.open(encoding="utf-8-sig") as stream:
            yield from (
                resources_from_ndjson(stream, result)
                if is_ndjson(file)
                else resources_from_json(json.load(stream))
            )
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(
            f"{file}: not FHIR in JSON: {error}.", "Export it again as a JSON bundle or as NDJSON."
        ) from None


def parse_resource(resource: Resource, place: str, result: LoadResult) -> PatientUpdate | None:
    """Return a patient; None if the resource is not a valid Patient, which `result` then reports."""
    try:
        return patient_from_fhir(resource, place)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        result.rejected.append((place, f"not a FHIR Patient: {type(error).__name__}"))
        return None


def replacing_id(resource: Resource) -> str | None:
    """Return the ID of the patient who replaced this one (`link` of type replaced-by), None if none did."""
    for link in resource.get("link") or []:
        if link.get("type") == "replaced-by":
            reference = str((link.get("other") or {}).get("reference") or "")
            return reference.removeprefix("urn:uuid:").rpartition("/")[2] or None
    return None


def is_ndjson(file: Path) -> bool:
    """Return whether the file is named .ndjson, or a complete JSON object is on one of its first two lines
    and there is more than one.
    """
    if file.suffix == ".ndjson":
        return True
    with file.open(encoding="utf-8-sig") as stream:
        lines = stream.readline(), stream.readline()

    def is_object(line: str) -> bool:
        try:
            return isinstance(json.loads(line), dict)
        except ValueError:
            return False

    return bool(lines[1].strip()) and any(is_object(line) for line in lines)


def resources_from_ndjson(lines: Iterable[str], result: LoadResult) -> Iterator[tuple[str, Resource]]:
    """Yield (place, resource) of the patients in NDJSON. A line that is not JSON is reported and skipped."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                resource = json.loads(line)
            except ValueError:
                resource = None
            if not isinstance(resource, dict):
                result.rejected.append((f"line {number}", "not a JSON object"))
            elif resource.get("resourceType") == "Patient":
                yield f"line {number}", resource


def resources_from_json(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """Yield (place, resource) of the patients in a Bundle, or the resource itself."""
    if resource.get("resourceType") == "Patient":
        yield "resource", resource
    elif resource.get("resourceType") == "Bundle":
        for number, entry in enumerate(resource.get("entry") or [], 1):
            inner = entry.get("resource") or {}
            if inner.get("resourceType") == "Patient":
                yield f"entry {number}", {**inner, "id": inner.get("id") or entry_id(entry)}
    else:
        raise ValueError("neither a Bundle nor a Patient")


def entry_id(entry: Resource) -> str | None:
    """Return the last part of an entry's fullUrl, by which other entries refer to it; None if it has none."""
    return str(entry.get("fullUrl") or "").removeprefix("urn:uuid:").rpartition("/")[2] or None


def is_current(element: Resource) -> bool:
    """Return whether a name, number, address or phone is in use today, by its `use` and `period`."""
    period, today = element.get("period") or {}, date.today().isoformat()
    start, end = str(period.get("start") or "")[:10], str(period.get("end") or "")[:10]
    expired = bool(end) and end < today[: len(end)]
    return element.get("use") != "old" and not expired and start <= today[: len(start)]


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
    identifiers = [i for i in resource.get("identifier") or [] if i.get("value")]
    former_numbers = [n for n, i in zip(numbers, identifiers, strict=True) if not is_current(i)]
    in_use = [n for n in numbers if n not in former_numbers] or numbers
    home = next((n for n in in_use if n[0] == "mrn"), next((n for n in in_use if n[0] == "other"), None))
    names = [name for name in resource.get("name") or [] if NAME_KINDS.get(name.get("use", ""), "alias")]
    current: Resource = min(
        [name for name in names if is_current(name)] or names,
        key=lambda n: NAME_PRECEDENCE.get(n.get("use", ""), len(NAME_PRECEDENCE)),
        default={},
    )
    homes = [a for a in resource.get("address") or [] if is_current(a)]
    contacts = sorted(
        (t for t in resource.get("telecom") or [] if t.get("value")), key=is_current, reverse=True
    )
    telecom = [(t.get("system"), t.get("value")) for t in contacts]
    phones = [value for system, value in telecom if system == "phone"]
    phone_in_use = any(t.get("system") == "phone" and is_current(t) for t in contacts)
    row = {
        "mrn": home[2] if home else resource.get("id"),
        **name_row(current),
        "dob": resource.get("birthDate"),
        "sex": {"male": "M", "female": "F", "other": "X"}.get(resource.get("gender", "")),
        "ssn": next((value for kind, _, value in numbers if kind == "ssn"), None),
        **(address_row(homes[0]) if homes else {}),
        "phone": phones[0] if phone_in_use else None,
        "email": next((value for system, value in telecom if system == "email"), None),
        "mother_maiden": extension_text(resource, MAIDEN_NAME),
        "previous_family": next((n.get("family") for n in names if n.get("use") == "maiden"), None),
        "deceased": death_date(resource),
        "birth_order": str(resource["multipleBirthInteger"])
        if resource.get("multipleBirthInteger")
        else None,
    }
    others = [PatientAlias("identifier", n) for n in numbers if n is not home]
    others += [
        PatientAlias("name", (alias_kind(n), *name_row(n).values())) for n in names if n is not current
    ]
    others += [
        PatientAlias("address", tuple(address_row(a).values()))
        for a in resource.get("address") or []
        if not homes or a is not homes[0]
    ]
    others += [PatientAlias("phone", (phone,)) for phone in phones[int(phone_in_use) :]]
    return PatientUpdate(place, row, tuple(others))


def identifier_type(identifier: Resource) -> str:
    """Return the code of an identifier's type, "" if it has none."""
    return next((c.get("code", "") for c in (identifier.get("type") or {}).get("coding") or []), "")


def alias_kind(name: Resource) -> str | None:
    """Return the kind of a name that is not the current one."""
    return "former" if not is_current(name) else NAME_KINDS.get(name.get("use", ""), "alias")


def death_date(resource: Resource) -> str | None:
    """Return the date of death; None if the patient is not known to be dead.

    If only the fact is known (`deceasedBoolean`), it is the day on which the source last changed the record,
    or else today: the patient was dead by then."""
    if resource.get("deceasedDateTime"):
        return str(resource["deceasedDateTime"])[:10]
    if resource.get("deceasedBoolean") is not True:
        return None
    changed = str((resource.get("meta") or {}).get("lastUpdated") or "")[:10]
    return changed or date.today().isoformat()


def name_row(name: Resource) -> dict[str, str | None]:
    """Return given, middle, family and suffix of a HumanName, from its text if it has no parts."""
    if not name.get("given") and not name.get("family") and name.get("text"):
        return {part: value or None for part, value in parse_name(str(name["text"])).items()}
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
