"""What is to be delivered, whole: the document, its patient and its visit, and the names by which every
receiver will know it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import NAMESPACE_OID, UUID, uuid5

from pipeline.config import DeliverySettings, document_types
from pipeline.records import DocumentType

UUID_ROOT = (
    "2.25"  # the arc of OIDs that are made from a UUID (ITU-T X.667): anybody may, and nobody need be asked
)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Who delivers. `oid` is the root of every identifier, `mrn_system` the FHIR system of the MRNs."""

    name: str
    oid: str
    mrn_system: str

    @property
    def mrn_oid(self) -> str:
        """The assigning authority of the MRNs as an OID, our own root where the setting is no OID."""
        return (
            self.mrn_system.removeprefix("urn:oid:") if self.mrn_system.startswith("urn:oid:") else self.oid
        )

    @property
    def visit_system(self) -> str:
        """The FHIR system of visit numbers."""
        return f"urn:oid:{self.oid}.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """The patient as the index knows them now. Dates are ISO, as precise as they are known."""

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
class Visit:
    """The encounter that the document belongs to. Times are the hospital's own clock."""

    number: str
    account: str | None
    facility: str
    location: str | None
    kind: str | None
    """PV1-2: I, O, E ..."""
    admitted_at: datetime | None
    discharged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery ready to be sent."""

    id: int
    change: Literal["new", "replace", "edit", "cancel"]
    document: int
    edition: int
    replaces: int | None
    written_at: datetime
    attempts: int
    refusals: int
    tried_at: datetime | None
    house: House
    patient: Patient
    visit: Visit | None
    type: DocumentType
    pdf: str
    pages: int
    date_of_service: date | None
    author: str | None
    facility: str | None
    scanned_at: datetime
    filed_at: datetime
    before: Parcel | None = None
    """The edition that this one takes the place of, as it was told."""

    @property
    def oid(self) -> str:
        """The edition's own OID: the name of exactly these bytes, everywhere."""
        return f"{self.house.oid}.{self.document}.{self.edition}"

    @property
    def replaced_oid(self) -> str | None:
        """The OID of the edition that this one takes the place of."""
        return None if self.replaces is None else f"{self.house.oid}.{self.document}.{self.replaces}"

    @property
    def uuid(self) -> UUID:
        """A UUID made from the OID, for names that must be one."""
        return uuid_of(self.oid)

    @property
    def title(self) -> str:
        """The type's name and the day it is about."""
        return f"{self.type.name} of {self.date_of_service}" if self.date_of_service else self.type.name


def uuid_of(oid: str) -> UUID:
    """The UUID that stands for an OID."""
    return uuid5(NAMESPACE_OID, oid)


def house_of(settings: DeliverySettings, installation: UUID) -> House:
    """Who delivers, by the settings or by the installation's own UUID."""
    oid = settings.oid or f"{UUID_ROOT}.{installation.int}"
    return House(name=settings.house, oid=oid, mrn_system=settings.mrn_system or f"urn:oid:{oid}.2")


def parcel_of(row: dict[str, Any], house: House) -> Parcel:
    """The parcel of a row of the outbox."""
    encounter, was = row["encounter"], row["was"]
    made = Parcel(
        **{
            name: row[name]
            for name in (
                "id",
                "change",
                "edition",
                "replaces",
                "written_at",
                "attempts",
                "refusals",
                "tried_at",
            )
        },
        document=row["document_id"],
        house=house,
        patient=patient_of(row["patient"]),
        visit=None if encounter is None else visit_of(encounter),
        **held(row["content"]),
    )
    if was is None:
        return made
    return replace(
        made, before=replace(made, edition=row["replaces"], replaces=None, visit=None, **held(was))
    )


def held(content: dict[str, Any]) -> dict[str, Any]:
    """What a receiver is to hold, as the outbox keeps it."""
    return {
        "type": type_of(content["type"]),
        "pdf": content["pdf"],
        "pages": content["pages"],
        "date_of_service": date.fromisoformat(day) if (day := content["date_of_service"]) else None,
        "author": content["author"],
        "facility": content["facility"],
        "scanned_at": datetime.fromisoformat(content["scanned_at"]),
        "filed_at": datetime.fromisoformat(content["filed_at"]),
    }


def patient_of(row: dict[str, Any]) -> Patient:
    """The patient of a row. One without an MRN goes by our own number: a receiver must be told some."""
    names = ("given", "middle", "family", "suffix", "dob", "sex", "address", "city", "state", "zip", "phone")
    return Patient(id=row["id"], mrn=row["mrn"] or str(row["id"]), **{name: row[name] for name in names})


def visit_of(row: dict[str, Any]) -> Visit:
    """The visit of a row of `encounter`."""
    told = {name: row[name] for name in ("number", "account", "facility", "location")}
    return Visit(
        kind=row["class"],
        admitted_at=moment(row["admitted_at"]),
        discharged_at=moment(row["discharged_at"]),
        **told,
    )


def moment(text: str | None) -> datetime | None:
    """A time as JSON has it."""
    return None if text is None else datetime.fromisoformat(text)


def type_of(key: str) -> DocumentType:
    """The catalogue's entry, or one made for a type that has left the catalogue since."""
    gone = DocumentType(
        key=key,
        name=key.replace("_", " "),
        loinc=None,
        department="",
        clinical=False,
        required_fields=(),
        retention="",
    )
    return document_types().get(key, gone)
