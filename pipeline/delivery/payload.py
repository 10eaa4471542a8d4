"""The bytes that are delivered: the searchable PDF as it is filed, or an XDS-SD document around it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.formats.cda import xds_sd

PDF_FORMAT = "urn:ihe:iti:xds:2017:mimeTypeSufficient"  # IHE's code for a document whose media type says all
XDS_SD_FORMAT = "urn:ihe:iti:xds-sd:pdf:2008"


@dataclass(frozen=True)
class Payload:
    """A document's bytes and what they are."""

    data: bytes
    media_type: str
    suffix: str
    format: str

    @cached_property
    def base64(self) -> str:
        """The bytes as base64 text."""
        return b64encode(self.data).decode()

    @property
    def sha1(self) -> str:
        """The base64 of the SHA-1, as FHIR R4 wants an attachment's hash. It tells damage; the store's names
        are SHA-256.
        """
        return b64encode(hashlib.sha1(self.data, usedforsecurity=False).digest()).decode()


def payload(parcel: Parcel, fetch: Callable[[str], bytes], content: Literal["pdf", "xds-sd"]) -> Payload:
    """What to deliver of a parcel. `fetch` gives the object of a SHA-256. Raises NotFound, BlobDamaged,
    ServiceAway.
    """
    pdf = fetch(parcel.pdf)
    if content == "pdf":
        return Payload(pdf, "application/pdf", ".pdf", PDF_FORMAT)
    return Payload(xds_sd(parcel, pdf), "text/xml", ".xml", XDS_SD_FORMAT)
