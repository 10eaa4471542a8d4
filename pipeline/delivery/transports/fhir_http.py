"""FHIR and MHD receivers over HTTP: the requests, and the meaning of each response.

A delivery is accepted when a search at the receiver returns the document, once and as it was sent (setting
`confirm`): some receivers acknowledge a document and lose it. Retries use the same identifiers, with
conditional creates and updates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.documentreference import DocumentReference

from pipeline import __version__
from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.delivery.delivery_result import Accepted, DeliveryProblem, DeliveryResult, Failure
from pipeline.delivery.formats.fhir import identifier_search, transaction
from pipeline.delivery.formats.mhd import provide_bundle, simplified_publish
from pipeline.delivery.payload import Payload, build_payload
from pipeline.delivery.transports.oauth import TokenRefused, http_client
from pipeline.errors import ConfigurationError

JSON = {
    "Content-Type": "application/fhir+json",
    "Accept": "application/fhir+json",
    "User-Agent": f"Chartloom/{__version__}",
}


class FhirTransport:
    """Sends to one FHIR server.

    Raises:
        ConfigurationError: if the address is not an HTTP URL, or certificates or keys cannot be used.
    """

    def __init__(
        self, settings: DestinationSettings, deliveries: DeliverySettings, fetch: Callable[[str], bytes]
    ) -> None:
        if not settings.address.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"{settings.address!r} is not the address of a FHIR server.", "Write it as https://host/fhir."
            )
        self._settings = settings
        self._fetch = fetch
        timeout = httpx.Timeout(
            deliveries.response_timeout_seconds, connect=deliveries.connect_timeout_seconds
        )
        self._client = http_client(
            settings, base_url=settings.address.rstrip("/") + "/", headers=JSON, timeout=timeout
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, item: DeliveryItem) -> DeliveryResult:
        """Send a delivery and, if the settings say so, confirm that the receiver has it."""
        try:
            if self._settings.kind == "mhd" and item.change == "cancel":
                return self._supersede(item)
            return self._send(item)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Failure(DeliveryProblem.UNREACHABLE, f"{type(error).__name__}: {error}")
        except httpx.HTTPError as error:
            return Failure(DeliveryProblem.TIMEOUT, f"{type(error).__name__}: {error}")
        except TokenRefused as error:
            return Failure(DeliveryProblem.UNAUTHORIZED, str(error))

    def _send(self, item: DeliveryItem) -> DeliveryResult:
        settings = self._settings
        payload = None if item.change == "cancel" else build_payload(item, self._fetch, settings.content)
        if settings.kind == "fhir":
            bundle = transaction(item, payload, find=settings.patients, inline=settings.binary == "inline")
            return self._provide(item, bundle)
        assert payload is not None, "cancellations to MHD receivers are handled by _supersede"
        if settings.transaction == "iti-105":
            return self._publish(item, payload)
        bundle = provide_bundle(item, payload, settings)
        if (
            item.attempts
        ):  # MHD's Binary has no identifier, so a document that has arrived must not be sent again
            previous = self._find_sent(item, document_in(bundle))
            if not (
                isinstance(previous, Failure) and previous.problem is DeliveryProblem.NOT_FOUND_AFTER_ACK
            ):
                return previous
        replaced = self._search_replaced(item)
        return replaced if isinstance(replaced, Failure) else self._provide(item, bundle, replaced)

    def _search_replaced(self, item: DeliveryItem) -> list[dict[str, Any]] | Failure:
        """Return the receiver's DocumentReferences of the replaced edition, none if nothing is replaced."""
        if item.replaced is None:
            return []
        return self._search("DocumentReference", identifier_search(item.replaced))

    def _provide(
        self, item: DeliveryItem, bundle: Bundle, replaced: Sequence[dict[str, Any]] = ()
    ) -> DeliveryResult:
        """Send a transaction, which also marks the replaced DocumentReferences as superseded."""
        body = json.loads(bundle.model_dump_json())
        body["entry"] += [
            {
                "fullUrl": f"{self._client.base_url}DocumentReference/{resource['id']}",
                "resource": {**resource, "status": "superseded"},
                "request": {"method": "PUT", "url": f"DocumentReference/{resource['id']}"},
            }
            for resource in replaced
        ]
        response = self._client.post("", json=body)
        return (
            failure_from_status(response)
            or failure_from_entries(response)
            or self._confirm(item, document_in(bundle), response)
        )

    def _publish(self, item: DeliveryItem, payload: Payload) -> DeliveryResult:
        """Send ITI-105. A plain create does not resolve searches, so the patient is looked up first."""
        patients = self._search("Patient", f"identifier={item.organization.mrn_system}|{item.patient.mrn}")
        if isinstance(patients, Failure):
            return patients
        if len(patients) != 1:
            return Failure(
                DeliveryProblem.REFUSED, f"The receiver has {len(patients)} patients with this MRN."
            )
        document = simplified_publish(item, payload, f"Patient/{patients[0]['id']}")
        once = {"If-None-Exist": identifier_search(item)}
        response = self._client.post("DocumentReference", content=document.model_dump_json(), headers=once)
        if failure := failure_from_status(response):
            return failure
        if item.replaced is not None:  # ITI-105 has no transaction
            superseded = self._supersede(item.replaced)
            if isinstance(superseded, Failure):
                return superseded
        return self._confirm(item, document, response)

    def _supersede(self, item: DeliveryItem) -> DeliveryResult:
        """Mark the receiver's DocumentReference as superseded. Succeed if the receiver does not have it."""
        found = self._search("DocumentReference", identifier_search(item))
        if isinstance(found, Failure):
            return found
        for resource in found:
            response = self._client.put(
                f"DocumentReference/{resource['id']}", json={**resource, "status": "superseded"}
            )
            if failure := failure_from_status(response):
                return failure
        updated = (
            self._search("DocumentReference", identifier_search(item))
            if self._settings.confirm and found
            else []
        )
        if isinstance(updated, Failure):
            return updated
        if any(resource.get("status") != "superseded" for resource in updated):
            return Failure(DeliveryProblem.NOT_FOUND_AFTER_ACK, "The document is not superseded.")
        return Accepted(
            ", ".join(f"DocumentReference/{resource['id']}" for resource in found)
            or "the receiver did not have it"
        )

    def _confirm(
        self, item: DeliveryItem, sent: DocumentReference, response: httpx.Response
    ) -> DeliveryResult:
        """Return the result after a successful response: with `confirm`, by looking the document up."""
        return self._find_sent(item, sent) if self._settings.confirm else Accepted(location_in(response))

    def _find_sent(self, item: DeliveryItem, sent: DocumentReference) -> DeliveryResult:
        """Look an edition up: the receiver must have it once, and as it was sent."""
        found = self._search("DocumentReference", identifier_search(item))
        if isinstance(found, Failure):
            return found
        if len(found) > 1:
            return Failure(
                DeliveryProblem.DUPLICATE_AT_RECEIVER,
                f"The receiver has it {len(found)} times: {', '.join(str(r.get('id')) for r in found)}.",
            )
        if not found:
            return Failure(DeliveryProblem.NOT_FOUND_AFTER_ACK, "The receiver does not have it.")
        expected, actual = comparable_values(sent.model_dump()), comparable_values(found[0])
        if different := [name for name, value in expected.items() if value != actual.get(name)]:
            return Failure(
                DeliveryProblem.NOT_FOUND_AFTER_ACK,
                f"The receiver has it with another {', '.join(different)}.",
            )
        return Accepted(f"DocumentReference/{found[0].get('id')}")

    def _search(self, kind: str, criteria: str) -> list[dict[str, Any]] | Failure:
        response = self._client.get(kind, params=criteria)
        if failure := failure_from_status(response):
            return failure
        body = json_object(response)
        if body.get("resourceType") != "Bundle":
            return Failure(
                DeliveryProblem.INVALID_RESPONSE, f"The response to a search for {kind} is not a bundle."
            )
        resources = [entry.get("resource") or {} for entry in body.get("entry") or []]
        return [resource for resource in resources if resource.get("resourceType") == kind]


def document_in(bundle: Bundle) -> DocumentReference:
    """Return the DocumentReference that a transaction delivers."""
    return next(
        entry.resource for entry in bundle.entry or [] if isinstance(entry.resource, DocumentReference)
    )


def comparable_values(document: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a DocumentReference that receivers keep unchanged and that differ between its
    states.
    """
    coding = (document.get("type") or {}).get("coding") or [{}]
    context = document.get("context") or {}
    attachment = (document.get("content") or [{}])[0].get("attachment") or {}
    return {
        "status": document.get("status"),
        "type": coding[0].get("code"),
        "day": str((context.get("period") or {}).get("start", "")),
        "visit": [(visit.get("identifier") or {}).get("value") for visit in context.get("encounter") or []],
        "author": [author.get("display") for author in document.get("author") or []],
        "size": attachment.get("size"),
    }


def failure_from_status(response: httpx.Response) -> Failure | None:
    """Return the failure that the HTTP status means; None for success."""
    status, why = response.status_code, f"{response.status_code} {outcome_text(response)}".strip()
    if status in (401, 403):
        return Failure(DeliveryProblem.UNAUTHORIZED, why)
    if status in (408, 429, 502, 503):
        return Failure(DeliveryProblem.THROTTLED, why)
    if status == 412:  # a conditional request that matches several resources
        return Failure(DeliveryProblem.DUPLICATE_AT_RECEIVER, why)
    if 400 <= status < 500 or status == 501:
        return Failure(DeliveryProblem.REFUSED, why)
    if status >= 500:  # the server may have failed after it stored the document
        return Failure(DeliveryProblem.TIMEOUT, why)
    return None if 200 <= status < 300 else Failure(DeliveryProblem.INVALID_RESPONSE, why)


def outcome_text(response: httpx.Response) -> str:
    """Return the text of an OperationOutcome, "" for other bodies, which may contain anything."""
    body = json_object(response)
    issues = body.get("issue") if body.get("resourceType") == "OperationOutcome" else None
    texts = [
        issue.get("diagnostics") or (issue.get("details") or {}).get("text") or issue.get("code")
        for issue in issues or []
    ]
    return "; ".join(str(text) for text in texts if text)


def failure_from_entries(response: httpx.Response) -> Failure | None:
    """Return a failure if an entry of a transaction's response is refused, or if the body is not one."""
    body = json_object(response)
    if body.get("resourceType") != "Bundle" or not str(body.get("type")).endswith("-response"):
        return Failure(
            DeliveryProblem.INVALID_RESPONSE, "The response to a transaction is not a transaction-response."
        )
    statuses = [str((entry.get("response") or {}).get("status")) for entry in body.get("entry") or []]
    refused = [status for status in statuses if not status.startswith("2")]
    return (
        Failure(DeliveryProblem.REFUSED, f"Entries have the status {', '.join(refused)}.")
        if refused
        else None
    )


def location_in(response: httpx.Response) -> str:
    """Return the location that the receiver reports for the DocumentReference, "" if it reports none."""
    entries = [entry.get("response") or {} for entry in json_object(response).get("entry") or []]
    locations = [response.headers.get("location", ""), *(str(entry.get("location", "")) for entry in entries)]
    return next((location for location in locations if "DocumentReference/" in location), "")


def json_object(response: httpx.Response) -> dict[str, Any]:
    """Return the body as a JSON object, an empty one if it is not an object."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
