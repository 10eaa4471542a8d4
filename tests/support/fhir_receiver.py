"""A small FHIR server for the tests of deliveries: transactions with conditional creates and updates,
searches by identifier.

What it is sent must be FHIR by fhir.resources, its references must lead somewhere, and it misbehaves as
`Moods` say. A transaction is done whole or not at all."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fhir.resources.R4B import get_fhir_model_class

from tests.support.receivers import HANG_SECONDS, Moods

Resource = dict[str, Any]
Told = tuple[int, Resource, dict[str, str]]
"""Status, body and headers."""


class Unacceptable(Exception):
    """The request cannot be done; the status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class FhirReceiver:
    """Keeps resources by `Type/id`."""

    moods: Moods = field(default_factory=Moods)
    resources: dict[str, Resource] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and what was in the header Authorization."""
    bodies: list[Resource] = field(default_factory=list)
    tokens: set[str] | None = None
    """The tokens that are taken; None: anybody may."""
    mrn_system: str = ""
    _lock: Any = field(default_factory=threading.Lock)

    def patient(self, mrn: str) -> None:
        """Let a patient be known."""
        self.resources[f"Patient/p{mrn}"] = {
            "resourceType": "Patient",
            "id": f"p{mrn}",
            "identifier": [{"value": mrn}],
        }

    def find(self, kind: str, identifier: str) -> list[Resource]:
        """The resources of a kind with this `system|value`, or value where the system is nobody's."""
        value = identifier.partition("|")[2]
        found = []
        for resource in self.resources.values():
            names = [*resource.get("identifier", []), *filter(None, [resource.get("masterIdentifier")])]
            if resource["resourceType"] == kind and any(name["value"] == value for name in names):
                found.append(resource)
        return found

    def documents(self) -> dict[str, tuple[str, str, str, bytes | None]]:
        """DocumentReferences by OID: status, patient's MRN, LOINC, bytes."""
        shown = {}
        for resource in self.resources.values():
            if resource["resourceType"] == "DocumentReference":
                oid = resource["masterIdentifier"]["value"].removeprefix("urn:oid:")
                assert oid not in shown, f"{oid} is there twice"
                attachment = resource["content"][0]["attachment"]
                binary = self.resources.get(attachment.get("url", ""))
                data = attachment.get("data") or (binary["data"] if binary else None)
                mrn = resource["subject"]["reference"].removeprefix("Patient/p")
                code = resource["type"]["coding"][0]["code"]
                shown[oid] = (resource["status"], mrn, code, b64decode(data) if data else None)
        return shown

    def transact(self, bundle: Resource) -> Resource:
        """Do a transaction; its answer."""
        get_fhir_model_class("Bundle")(**deepcopy(bundle))
        assert bundle["type"] == "transaction"
        before = dict(self.resources)
        try:
            placed = {one["fullUrl"]: self.place(one["resource"], one["request"]) for one in bundle["entry"]}
            for key, resource, is_new in list(placed.values()):
                if is_new:
                    kept = self.lead(resource, {url: where for url, (where, _, _) in placed.items()})
                    self.resources[key] = {**kept, "id": key.partition("/")[2]}
        except Unacceptable:
            self.resources = before
            raise
        answers = [
            {"response": {"status": "201 Created" if new else "200 OK", "location": key}}
            for key, _, new in placed.values()
        ]
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def place(self, resource: Resource, request: Resource) -> tuple[str, Resource, bool]:
        """Where a resource goes, and whether it is to be kept there."""
        kind, method = resource["resourceType"], request["method"]
        if method == "PUT" and "?" not in request["url"]:
            return request["url"], resource, True
        criteria = request["url"].partition("?")[2] if method == "PUT" else request.get("ifNoneExist", "")
        there = self.find(kind, parse_qs(criteria)["identifier"][0]) if criteria else []
        if len(there) > 1:
            raise Unacceptable(412, "several match")
        if there:
            return f"{kind}/{there[0]['id']}", resource, method == "PUT"
        return f"{kind}/{len(self.resources) + 1}{id(resource) % 1000}", resource, True

    def lead(self, resource: Any, placed: dict[str, str]) -> Any:
        """The resource with references that lead somewhere. Raises Unacceptable where one does not."""
        if isinstance(resource, list):
            return [self.lead(one, placed) for one in resource]
        if not isinstance(resource, dict):
            return placed.get(resource, resource) if isinstance(resource, str) else resource
        made = {name: self.lead(value, placed) for name, value in resource.items()}
        where = made.get("reference")
        if isinstance(where, str) and "?identifier=" in where:
            kind, _, identifier = where.partition("?identifier=")
            found = self.find(kind, identifier)
            if len(found) != 1:
                raise Unacceptable(422, f"{len(found)} resources match a reference")
            made["reference"] = f"{kind}/{found[0]['id']}"
        return made

    def create(self, resource: Resource, criteria: str) -> str:
        """A plain create; where it is."""
        get_fhir_model_class(resource["resourceType"])(**deepcopy(resource))
        where = resource["subject"]["reference"]
        if where not in self.resources:
            raise Unacceptable(422, "the patient is not known")
        key, _, new = self.place(
            resource, {"method": "POST", "url": resource["resourceType"], "ifNoneExist": criteria}
        )
        if new:
            self.resources[key] = {**resource, "id": key.partition("/")[2]}
        return key

    @contextmanager
    def listening(self, port: int = 0, tls: Any = None) -> Iterator[str]:
        """Listen in a thread; the base address."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

            def do_GET(self) -> None:
                self.answered(None)

            def do_POST(self) -> None:
                self.answered(self.rfile.read(int(self.headers["Content-Length"])))

            do_PUT = do_POST  # noqa: N815

            def answered(self, body: bytes | None) -> None:
                receiver.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if receiver.tokens is not None and token not in receiver.tokens:
                    self.say(
                        401,
                        {
                            "resourceType": "OperationOutcome",
                            "issue": [{"severity": "error", "code": "login"}],
                        },
                    )
                    return
                mood = receiver.moods.next() if body else "well"
                if mood == "drop":
                    self.close_connection = True
                    return
                status, answer, headers = receiver.answer(
                    self.command, self.path, body, self.headers.get("If-None-Exist", ""), mood
                )
                if mood == "hang":
                    time.sleep(HANG_SECONDS)
                if mood in ("hang", "lost"):
                    self.close_connection = True
                    return
                self.say(status, answer, headers)

            def say(self, status: int, answer: Resource, headers: dict[str, str] | None = None) -> None:
                text = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/fhir+json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that gave up."""

        with Server(("127.0.0.1", port), Handler) as server:
            if tls:
                server.socket = tls.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
            )
            thread.start()
            try:
                yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/fhir"
            finally:
                server.shutdown()
                thread.join(5)

    def answer(
        self, method: str, path: str, body: bytes | None, criteria: str, mood: str
    ) -> tuple[int, Resource, dict[str, str]]:
        """Status, body and headers."""
        if mood == "no":
            return refusal(422, "not today")
        if mood == "busy":
            return refusal(503, "later")
        with self._lock:
            try:
                if method == "GET":
                    address = urlsplit(path)
                    found = self.find(
                        address.path.rpartition("/")[2], parse_qs(address.query)["identifier"][0]
                    )
                    return (
                        200,
                        {
                            "resourceType": "Bundle",
                            "type": "searchset",
                            "entry": [{"resource": one} for one in found],
                        },
                        {},
                    )
                assert body is not None
                resource = json.loads(body)
                kept = dict(self.resources)
                told = self.kept(method, path, resource, criteria, twice=mood == "twice")
                if mood == "swallow":
                    self.resources = kept
            except Unacceptable as error:
                return refusal(error.status, str(error))
            except (ValueError, AssertionError) as error:
                return refusal(400, str(error)[:300])
            return told

    def kept(self, method: str, path: str, resource: Resource, criteria: str, *, twice: bool) -> Told:
        """Keep what was sent; with `twice` something between us repeated the request."""
        self.bodies.append(resource)
        key = "/".join(path.rsplit("/", 2)[1:])
        if method == "PUT":
            assert key in self.resources
            get_fhir_model_class(resource["resourceType"])(**deepcopy(resource))
            self.resources[key] = resource
            return 200, resource, {}
        if resource["resourceType"] != "Bundle":
            return 201, {}, {"Location": self.create(resource, criteria)}
        told = self.transact(resource)
        return 200, self.transact(resource) if twice else told, {}


def refusal(status: int, why: str) -> tuple[int, Resource, dict[str, str]]:
    """An OperationOutcome."""
    return (
        status,
        {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": "invalid", "diagnostics": why}],
        },
        {},
    )
