"""The interface of all transports, and the choice of one for a destination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.delivery.delivery_result import DeliveryResult


class Transport(Protocol):
    """Sends one delivery at a time to a receiver. Used by one thread at a time."""

    def send(self, item: DeliveryItem) -> DeliveryResult:
        """Send a delivery and wait for the response.

        Everything that the receiver does is returned as a result; only local errors are raised."""

    def close(self) -> None:
        """Close all connections."""


def create_transport(
    settings: DestinationSettings, deliveries: DeliverySettings, fetch: Callable[[str], bytes]
) -> Transport:
    """Return the transport for a destination. `fetch` returns the stored object with a SHA-256.

    Raises:
        ConfigurationError: if the destination's address, certificates or keys cannot be used.
    """
    if settings.kind == "folder":
        from pipeline.delivery.transports.folder_drop import FolderTransport

        return FolderTransport(settings, fetch)
    if settings.kind == "mdm":
        from pipeline.delivery.transports.mllp_client import MllpTransport

        return MllpTransport(settings, deliveries, fetch)
    from pipeline.delivery.transports.fhir_http import FhirTransport

    return FhirTransport(settings, deliveries, fetch)
