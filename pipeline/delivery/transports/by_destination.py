"""A sender for each kind of receiver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.delivery_result import Answer


class Sender(Protocol):
    """Tells a receiver one thing at a time. Used by one thread."""

    def send(self, parcel: Parcel) -> Answer:
        """Send and wait for the answer. Whatever the receiver does is an answer; raises only what is wrong on
        our side.
        """

    def close(self) -> None:
        """Let go of connections."""


def sender_of(
    settings: DestinationSettings, deliveries: DeliverySettings, fetch: Callable[[str], bytes]
) -> Sender:
    """The sender for a destination. `fetch` gives the object of a SHA-256. Raises BadSettings."""
    if settings.kind == "folder":
        from pipeline.delivery.transports.folder_drop import FolderSender

        return FolderSender(settings, fetch)
    if settings.kind == "mdm":
        from pipeline.delivery.transports.mllp_client import MdmSender

        return MdmSender(settings, deliveries, fetch)
    from pipeline.delivery.transports.fhir_http import FhirSender

    return FhirSender(settings, deliveries, fetch)
