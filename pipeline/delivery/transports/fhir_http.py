"""FHIR and MHD receivers over HTTP: what is sent, and what each answer means.

A delivery is done when the receiver has been asked for it and shows it, once, as it should stand (`confirm`):
some say yes and lose it. Everything that is sent again is sent under the same identifiers, with conditional
creates and updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.documentreference import DocumentReference

from pipeline import __version__
from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.delivery_result import Answer, Failed, Problem, Taken
from pipeline.delivery.formats.fhir import named, transaction
from pipeline.delivery.formats.mhd import provide_bundle, simplified_publish
from pipeline.delivery.payload import Payload, payload
from pipeline.delivery.transports.oauth import TokenRefused, client_of
from pipeline.errors import BadSettings

JSON = {
    "Content-Type": "application/fhir+json",
    "Accept": "application/fhir+json",
    "User-Agent": f"Chartloom/{__version__}",
}


class FhirSender:
    """Sends to one FHIR server. Raises BadSettings where the address is none."""

    def __init__(
        self, settings: DestinationSettings, deliveries: DeliverySettings, fetch: Callable[[str], bytes]
    ) -> None:
        if not settings.address.startswith(("http://", "https://")):
            raise BadSettings(
                f"{settings.address!r} is no address of a FHIR server.", "Write it as https://host/fhir."
            )
        self._settings = settings
        self._fetch = fetch
        timeout = httpx.Timeout(deliveries.answer_seconds, connect=deliveries.connect_seconds)
        self._client = client_of(
            settings, base_url=settings.address.rstrip("/") + "/", headers=JSON, timeout=timeout
        )

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def send(self, parcel: Parcel) -> Answer:
        """Send a delivery, and see that it is there."""
        try:
            if self._settings.kind == "mhd" and parcel.change == "cancel":
                return self._supersede(parcel)
            return self._tell(parcel)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Failed(Problem.UNREACHABLE, f"{type(error).__name__}: {error}")
        except httpx.HTTPError as error:
            return Failed(Problem.NO_ANSWER, f"{type(error).__name__}: {error}")
        except TokenRefused as error:
            return Failed(Problem.UNAUTHORIZED, str(error))

    def _tell(self, parcel: Parcel) -> Answer:
        settings = self._settings
        made = None if parcel.change == "cancel" else payload(parcel, self._fetch, settings.content)
        if settings.kind == "fhir":
            bundle = transaction(parcel, made, find=settings.patients, inline=settings.binary == "inline")
            return self._provide(parcel, bundle)
        assert made is not None, "MHD's cancellations go another way"
        if settings.transaction == "iti-105":
            return self._publish(parcel, made)
        bundle = provide_bundle(parcel, made, settings)
        if parcel.attempts:  # MHD's Binary has no name of its own: what has arrived is not sent twice
            there = self._see(parcel, reference_in(bundle))
            if not (isinstance(there, Failed) and there.problem is Problem.LOST):
                return there
        return self._provide(parcel, bundle)

    def _provide(self, parcel: Parcel, bundle: Bundle) -> Answer:
        """Send a transaction."""
        response = self._client.post("", content=bundle.model_dump_json())
        return (
            failure(response)
            or refused_in(response)
            or self._confirmed(parcel, reference_in(bundle), response)
        )

    def _publish(self, parcel: Parcel, made: Payload) -> Answer:
        """ITI-105. A plain create resolves no search, so the patient is asked for first."""
        patients = self._search("Patient", f"identifier={parcel.house.mrn_system}|{parcel.patient.mrn}")
        if isinstance(patients, Failed):
            return patients
        if len(patients) != 1:
            return Failed(Problem.REFUSED, f"The receiver knows {len(patients)} patients by that MRN.")
        document = simplified_publish(parcel, made, f"Patient/{patients[0]['id']}")
        once = {"If-None-Exist": named(parcel)}
        response = self._client.post("DocumentReference", content=document.model_dump_json(), headers=once)
        return failure(response) or self._confirmed(parcel, document, response)

    def _supersede(self, parcel: Parcel) -> Answer:
        """Put a DocumentReference back as it lies there, superseded. One that is not there need not be
        withdrawn.
        """
        found = self._search("DocumentReference", named(parcel))
        if isinstance(found, Failed):
            return found
        for one in found:
            response = self._client.put(
                f"DocumentReference/{one['id']}", json={**one, "status": "superseded"}
            )
            if failed := failure(response):
                return failed
        left = self._search("DocumentReference", named(parcel)) if self._settings.confirm and found else []
        if isinstance(left, Failed):
            return left
        if any(one.get("status") != "superseded" for one in left):
            return Failed(Problem.LOST, "It is not superseded.")
        return Taken(", ".join(f"DocumentReference/{one['id']}" for one in found) or "it was not there")

    def _confirmed(self, parcel: Parcel, sent: DocumentReference, response: httpx.Response) -> Answer:
        """The receiver's yes, and where the settings say so what it shows when it is asked."""
        return self._see(parcel, sent) if self._settings.confirm else Taken(location_in(response))

    def _see(self, parcel: Parcel, sent: DocumentReference) -> Answer:
        """Ask for an edition: it must be there once, and as it was sent."""
        found = self._search("DocumentReference", named(parcel))
        if isinstance(found, Failed):
            return found
        if len(found) > 1:
            return Failed(
                Problem.DOUBLED,
                f"It is there {len(found)} times: {', '.join(str(one.get('id')) for one in found)}.",
            )
        if not found:
            return Failed(Problem.LOST, "It is not there.")
        if differing := [
            name for name, value in marks(sent.model_dump()).items() if value != marks(found[0]).get(name)
        ]:
            return Failed(Problem.LOST, f"It is there with another {', '.join(differing)}.")
        return Taken(f"DocumentReference/{found[0].get('id')}")

    def _search(self, kind: str, criteria: str) -> list[dict[str, Any]] | Failed:
        response = self._client.get(kind, params=criteria)
        if failed := failure(response):
            return failed
        body = parsed(response)
        if body.get("resourceType") != "Bundle":
            return Failed(Problem.WRONG_ANSWER, f"The answer to a search for a {kind} is no bundle.")
        resources = [one.get("resource") or {} for one in body.get("entry") or []]
        return [one for one in resources if one.get("resourceType") == kind]


def reference_in(bundle: Bundle) -> DocumentReference:
    """The DocumentReference that a transaction is about."""
    found = [one.resource for one in bundle.entry or [] if isinstance(one.resource, DocumentReference)]
    return found[0]


def marks(document: dict[str, Any]) -> dict[str, Any]:
    """What a receiver keeps of a DocumentReference as it is, and tells one state of it from another."""
    coding = (document.get("type") or {}).get("coding") or [{}]
    context = document.get("context") or {}
    attachment = (document.get("content") or [{}])[0].get("attachment") or {}
    return {
        "status": document.get("status"),
        "type": coding[0].get("code"),
        "day": str((context.get("period") or {}).get("start", "")),
        "visit": [(one.get("identifier") or {}).get("value") for one in context.get("encounter") or []],
        "author": [one.get("display") for one in document.get("author") or []],
        "size": attachment.get("size"),
    }


def failure(response: httpx.Response) -> Failed | None:
    """What a status means; None where it is a yes."""
    status, why = response.status_code, f"{response.status_code} {outcome(response)}".strip()
    if status in (401, 403):
        return Failed(Problem.UNAUTHORIZED, why)
    if status in (408, 429, 502, 503):
        return Failed(Problem.BUSY, why)
    if status == 412:  # a conditional request that fits several
        return Failed(Problem.DOUBLED, why)
    if 400 <= status < 500 or status == 501:
        return Failed(Problem.REFUSED, why)
    if status >= 500:  # it may have failed after the document was kept
        return Failed(Problem.NO_ANSWER, why)
    return None if 200 <= status < 300 else Failed(Problem.WRONG_ANSWER, why)


def outcome(response: httpx.Response) -> str:
    """What an OperationOutcome says, else nothing: other bodies may hold anything."""
    body = parsed(response)
    issues = body.get("issue") if body.get("resourceType") == "OperationOutcome" else None
    said = [
        issue.get("diagnostics") or (issue.get("details") or {}).get("text") or issue.get("code")
        for issue in issues or []
    ]
    return "; ".join(str(words) for words in said if words)


def refused_in(response: httpx.Response) -> Failed | None:
    """What the answer to a transaction refuses, or that it is no such answer."""
    body = parsed(response)
    if body.get("resourceType") != "Bundle" or not str(body.get("type")).endswith("-response"):
        return Failed(Problem.WRONG_ANSWER, "The answer to a transaction is no transaction-response.")
    statuses = [str((one.get("response") or {}).get("status")) for one in body.get("entry") or []]
    bad = [status for status in statuses if not status.startswith("2")]
    return Failed(Problem.REFUSED, f"Entries were answered {', '.join(bad)}.") if bad else None


def location_in(response: httpx.Response) -> str:
    """Where the receiver says the DocumentReference is."""
    answers = [one.get("response") or {} for one in parsed(response).get("entry") or []]
    places = [response.headers.get("location", ""), *(str(one.get("location", "")) for one in answers)]
    return next((place for place in places if "DocumentReference/" in place), "")


def parsed(response: httpx.Response) -> dict[str, Any]:
    """The body as a JSON object; an empty one where it is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
