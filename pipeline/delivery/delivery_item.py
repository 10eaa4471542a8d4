"""Everything that a delivery needs: the document, its patient and encounter, and the identifiers that every
receiver uses for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import NAMESPACE_OID, UUID, uuid5

from pipeline.config import DeliverySettings, document_types
from pipeline.records import DocumentType

UUID_ROOT = "2.25"  # the arc of OIDs made from a UUID (ITU-T X.667), which need no registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The sending organization. `oid` is the root of every identifier, `mrn_system` the FHIR system of
    MRNs."""

    name: str
    oid: str
    mrn_system: str

    @property
    def mrn_oid(self) -> str:
        """The assigning authority of the MRNs as an OID; the own root if the setting is not an OID."""
        return (
            self.mrn_system.removeprefix("urn:oid:") if self.mrn_system.startswith("urn:oid:") else self.oid
        )

    @property
    def visit_system(self) -> str:
        """The FHIR system of visit numbers."""
        return f"urn:oid:{self.oid}.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """The patient as the index has them now. Dates are ISO, and may lack the day or month."""

    id: int
    mrn: str
    given: str | None
    middle: str | None
    family: str | None
    suffix: str | None
    dob: str | None
    sex: str | None
    address: str | None
    city: str | None
    state: str | None
    zip: str | None
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter:
    """The encounter that the document belongs to. Times are the hospital's local time."""

    number: str
    account: str | None
    facility: str
    location: str | None
    patient_class: str | None
    """PV1-2: I, O, E ..."""
    admitted_at: datetime | None
    discharged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryItem:
    """A delivery with everything that is sent."""

    id: int
    change: Literal["new", "replace", "edit", "cancel"]
    document: int
    edition: int
    replaces: int | None
    queued_at: datetime
    attempts: int
    rejections: int
    last_attempt_at: datetime | None
    organization: Organization
    patient: Patient
    encounter: Encounter | None
    type: DocumentType
    pdf: str
    pages: int
    date_of_service: date | None
    author: str | None
    facility: str | None
    scanned_at: datetime
    filed_at: datetime
    replaced: DeliveryItem | None = None
    """The edition that this one replaces, as it was delivered."""

    @property
    def oid(self) -> str:
        """The edition's own OID, which identifies exactly these bytes."""
        return f"{self.organization.oid}.{self.document}.{self.edition}"

    @property
    def replaced_oid(self) -> str | None:
        """The OID of the edition that this one replaces."""
        return None if self.replaces is None else f"{self.organization.oid}.{self.document}.{self.replaces}"

    @property
    def uuid(self) -> UUID:
        """A UUID derived from the OID, for identifiers that must be UUIDs."""
        return uuid_of(self.oid)

    @property
    def title(self) -> str:
        """The type's name and the date of service."""
        return f"{self.type.name} of {self.date_of_service}" if self.date_of_service else self.type.name


def uuid_of(oid: str) -> UUID:
    """Return the name-based UUID of an OID (RFC 4122, version 5)."""
    return uuid5(NAMESPACE_OID, oid)


def organization_from_settings(settings: DeliverySettings, installation: UUID) -> Organization:
    """Return the sending organization; its OID is derived from the installation's UUID if none is set."""
    oid = settings.oid_root or f"{UUID_ROOT}.{installation.int}"
    mrn_system = settings.mrn_system or f"urn:oid:{oid}.2"
    return Organization(name=settings.organization_name, oid=oid, mrn_system=mrn_system)


def item_from_row(row: dict[str, Any], organization: Organization) -> DeliveryItem:
    """Return the delivery that a row of the outbox describes."""
    encounter, replaced_content = row["encounter"], row["was"]
    item = DeliveryItem(
        id=row["id"],
        change=row["change"],
        document=row["document_id"],
        edition=row["edition"],
        replaces=row["replaces"],
        queued_at=row["queued_at"],
        attempts=row["attempts"],
        rejections=row["rejections"],
        last_attempt_at=row["last_attempt_at"],
        organization=organization,
        patient=patient_from_row(row["patient"]),
        encounter=None if encounter is None else encounter_from_row(encounter),
        **content_values(row["content"]),
    )
    if replaced_content is None:
        return item
    replaced = replace(
        item, edition=row["replaces"], replaces=None, encounter=None, **content_values(replaced_content)
    )
    return replace(item, replaced=replaced)


def content_values(content: dict[str, Any]) -> dict[str, Any]:
    """Return a DeliveryItem's values from the JSON content that the outbox keeps."""
    return {
        "type": document_type(content["type"]),
        "pdf": content["pdf"],
        "pages": content["pages"],
        "date_of_service": date.fromisoformat(day) if (day := content["date_of_service"]) else None,
        "author": content["author"],
        "facility": content["facility"],
        "scanned_at": datetime.fromisoformat(content["scanned_at"]),
        "filed_at": datetime.fromisoformat(content["filed_at"]),
    }


def patient_from_row(row: dict[str, Any]) -> Patient:
    """Return the patient of a row of `patient`.

    A patient without an MRN is identified by the internal ID, because receivers require an identifier."""
    names = ("given", "middle", "family", "suffix", "dob", "sex", "address", "city", "state", "zip", "phone")
    return Patient(id=row["id"], mrn=row["mrn"] or str(row["id"]), **{name: row[name] for name in names})


def encounter_from_row(row: dict[str, Any]) -> Encounter:
    """Return the encounter of a row of `encounter`, as JSON."""
    return Encounter(
        number=row["number"],
        account=row["account"],
        facility=row["facility"],
        location=row["location"],
        patient_class=row["class"],
        admitted_at=parse_time(row["admitted_at"]),
        discharged_at=parse_time(row["discharged_at"]),
    )


def parse_time(text: str | None) -> datetime | None:
    """Return a time from its JSON form."""
    return None if text is None else datetime.fromisoformat(text)


def document_type(key: str) -> DocumentType:
    """Return the catalog's entry, or a placeholder for a type that was since removed from the catalog."""
    removed = DocumentType(
        key=key,
        name=key.replace("_", " "),
        loinc=None,
        department="",
        clinical=False,
        required_fields=(),
        retention="",
    )
    return document_types().get(key, removed)
