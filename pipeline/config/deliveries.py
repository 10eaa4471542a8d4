"""The tables [delivery] and [delivery.destinations.NAME]."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from pipeline.config.values import Count, PositiveSeconds, Section


class DestinationSettings(Section):
    """A system that filed documents are delivered to; see docs/how-to/deliver.md. Secrets belong in the
    environment.
    """

    kind: Literal["fhir", "mhd", "mdm", "folder"]
    """The form of delivery."""
    address: str = Field(min_length=1)
    """fhir and mhd: the base address; mdm: host:port; folder: a path."""
    content: Literal["pdf", "xds-sd"] = "pdf"
    """The content of a document: the PDF, or a CDA document (XDS-SD) that contains it."""
    types: tuple[str, ...] = ()
    """Deliver only documents of these types. Default: all."""
    departments: tuple[str, ...] = ()
    """Deliver only documents of these departments. Default: all."""
    classes: tuple[str, ...] = ()
    """Deliver only documents of encounters of these patient classes (PV1-2). Default: all."""
    parallel: int = Field(default=1, ge=1, le=32)
    """Deliveries at the same time."""
    confirm: bool = True
    """fhir and mhd: read the document back after it was accepted."""
    binary: Literal["put", "inline"] = "put"
    """fhir: send the PDF as a Binary of its own, or within the DocumentReference."""
    patients: Literal["search", "identifier"] = "search"
    """fhir and mhd: refer to a patient by the server's own id, or by MRN."""
    transaction: Literal["iti-65", "iti-105"] = "iti-65"
    """mhd: Provide Document Bundle, or Simplified Publish."""
    metadata: Literal["minimal", "comprehensive"] = "minimal"
    """mhd: the profile of the metadata."""
    facility_type: str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode|HOSP|Hospital"
    """mhd: the code of the facility, system|code|display."""
    practice_setting: str = "http://snomed.info/sct|394658006|Clinical specialty"
    """mhd: the code of the practice setting, system|code|display."""
    application: str = ""
    """mdm: the receiving application, MSH-5."""
    facility: str = ""
    """mdm: the receiving facility, MSH-6."""
    token: SecretStr | None = None
    """fhir and mhd: a bearer token that does not change."""
    token_url: str | None = None
    """fhir and mhd: the OAuth 2.0 token endpoint."""
    client_id: str | None = None
    """fhir and mhd: the OAuth 2.0 client ID."""
    client_secret: SecretStr | None = None
    """fhir and mhd: the OAuth 2.0 client secret."""
    client_key: Path | None = None
    """fhir and mhd: the private key, PEM, of a client that authenticates with a signed JWT
    (private_key_jwt).
    """
    scope: str = ""
    """fhir and mhd: the OAuth 2.0 scopes to ask for, separated by spaces."""
    tls: bool = False
    """mdm: MLLP over TLS. For the other kinds the address decides."""
    ca: Path | None = None
    """The authorities that may have signed the receiver's certificate, PEM. Default: those of the system."""
    certificate: Path | None = None
    """Chartloom's own certificate for mutual TLS, PEM."""
    key: Path | None = None
    """The key of that certificate, PEM."""


class DeliverySettings(Section):
    organization_name: str = Field(min_length=1)
    oid_root: str = ""
    """The root of the identifiers that Chartloom makes, an OID without urn:oid:. Default: an OID made from
    the installation's UUID.
    """
    mrn_system: str
    mrn_authority: str
    poll_seconds: PositiveSeconds
    connect_timeout_seconds: PositiveSeconds
    response_timeout_seconds: PositiveSeconds
    initial_backoff_seconds: PositiveSeconds
    max_backoff_seconds: PositiveSeconds
    retry_for_hours: float = Field(ge=0)
    max_rejections: Count
    destinations: dict[str, DestinationSettings] = Field(default_factory=dict)
    """The systems that documents are delivered to, by name: [delivery.destinations.NAME]; see
    docs/how-to/deliver.md.
    """

    @field_validator("oid_root")
    @classmethod
    def _is_an_oid(cls, root: str) -> str:
        if root and not re.fullmatch(r"[0-2](\.(0|[1-9]\d*))+", root):
            raise ValueError("write an OID without urn:oid:, such as 2.16.840.1.113883.3.9999")
        return root
