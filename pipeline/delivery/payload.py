"""The bytes of a delivery: the searchable PDF as filed, or an XDS-SD document around it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.delivery.formats.cda import xds_sd

PDF_FORMAT = "urn:ihe:iti:xds:2017:mimeTypeSufficient"  # IHE's code if the media type says all
XDS_SD_FORMAT = "urn:ihe:iti:xds-sd:pdf:2008"


@dataclass(frozen=True)
class Payload:
    """A document's bytes, with their media type, file name suffix and IHE format code."""

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
        """The base64 of the SHA-1, which FHIR R4 requires as an attachment's hash.

        It only detects damage; the store's keys are SHA-256."""
        return b64encode(hashlib.sha1(self.data, usedforsecurity=False).digest()).decode()


def build_payload(
    item: DeliveryItem, fetch: Callable[[str], bytes], content: Literal["pdf", "xds-sd"]
) -> Payload:
    """Return the bytes to deliver. `fetch` returns the stored object with a SHA-256.

    Raises:
        NotFound, BlobDamaged, ServiceUnavailable: from `fetch`.
    """
    pdf = fetch(item.pdf)
    if content == "pdf":
        return Payload(pdf, "application/pdf", ".pdf", PDF_FORMAT)
    return Payload(xds_sd(item, pdf), "text/xml", ".xml", XDS_SD_FORMAT)
