"""A small FHIR server for the tests of deliveries: transactions with conditional creates and updates, and
searches by identifier.

What it receives must be valid FHIR by fhir.resources, and its references must be resolvable. It fails in the
ways of `RandomFailures`. A transaction is applied completely or not at all.
"""

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

from tests.support.receivers import HANG_SECONDS, RandomFailures

Resource = dict[str, Any]
Response = tuple[int, Resource, dict[str, str]]
"""Status, body and headers."""


class RequestRejected(Exception):
    """The request cannot be processed: the HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class FhirReceiver:
    """Keeps resources by `Type/id`."""

    failures: RandomFailures = field(default_factory=RandomFailures)
    resources: dict[str, Resource] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, and value of the Authorization header."""
    bodies: list[Resource] = field(default_factory=list)
    tokens: set[str] | None = None
    """The accepted tokens; None: no token is needed."""
    mrn_system: str = ""
    _lock: Any = field(default_factory=threading.Lock)

    def patient(self, mrn: str) -> None:
        """Add a patient."""
        self.resources[f"Patient/p{mrn}"] = {
            "resourceType": "Patient",
            "id": f"p{mrn}",
            "identifier": [{"value": mrn}],
        }

    def find(self, kind: str, identifier: str) -> list[Resource]:
        """Return the resources of a type with this identifier (`system|value`). The system is ignored."""
        value = identifier.partition("|")[2]
        found = []
        for resource in self.resources.values():
            names = [*resource.get("identifier", []), *filter(None, [resource.get("masterIdentifier")])]
            if resource["resourceType"] == kind and any(name["value"] == value for name in names):
                found.append(resource)
        return found

    def documents(self) -> dict[str, tuple[str, str, str, bytes | None]]:
        """DocumentReferences by OID: status, patient's MRN, LOINC, bytes."""
        documents = {}
        for resource in self.resources.values():
            if resource["resourceType"] == "DocumentReference":
                oid = resource["masterIdentifier"]["value"].removeprefix("urn:oid:")
                assert oid not in documents, f"{oid} is there twice"
                attachment = resource["content"][0]["attachment"]
                binary = self.resources.get(attachment.get("url", ""))
                data = attachment.get("data") or (binary["data"] if binary else None)
                mrn = resource["subject"]["reference"].removeprefix("Patient/p")
                code = resource["type"]["coding"][0]["code"]
                documents[oid] = (resource["status"], mrn, code, b64decode(data) if data else None)
        return documents

    def transact(self, bundle: Resource) -> Resource:
        """Apply a transaction and return the response."""
        get_fhir_model_class("Bundle")(**deepcopy(bundle))
        assert bundle["type"] == "transaction"
        before = dict(self.resources)
        try:
            placed = {one["fullUrl"]: self.place(one["resource"], one["request"]) for one in bundle["entry"]}
            for key, resource, is_new in list(placed.values()):
                if is_new:
                    kept = self.resolve_references(
                        resource, {url: where for url, (where, _, _) in placed.items()}
                    )
                    self.resources[key] = {**kept, "id": key.partition("/")[2]}
        except RequestRejected:
            self.resources = before
            raise
        answers = [
            {"response": {"status": "201 Created" if new else "200 OK", "location": key}}
            for key, _, new in placed.values()
        ]
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def place(self, resource: Resource, request: Resource) -> tuple[str, Resource, bool]:
        """Return the key of a resource, the resource, and whether it has to be stored."""
        kind, method = resource["resourceType"], request["method"]
        if method == "PUT" and "?" not in request["url"]:
            return request["url"], resource, True
        criteria = request["url"].partition("?")[2] if method == "PUT" else request.get("ifNoneExist", "")
        existing = self.find(kind, parse_qs(criteria)["identifier"][0]) if criteria else []
        if len(existing) > 1:
            raise RequestRejected(412, "several match")
        if existing:
            return f"{kind}/{existing[0]['id']}", resource, method == "PUT"
        return f"{kind}/{len(self.resources) + 1}{id(resource) % 1000}", resource, True

    def resolve_references(self, resource: Any, placed: dict[str, str]) -> Any:
        """Return the resource with resolved references. Raises RequestRejected if one cannot be resolved."""
        if isinstance(resource, list):
            return [self.resolve_references(one, placed) for one in resource]
        if not isinstance(resource, dict):
            return placed.get(resource, resource) if isinstance(resource, str) else resource
        resolved = {name: self.resolve_references(value, placed) for name, value in resource.items()}
        reference = resolved.get("reference")
        if isinstance(reference, str) and "?identifier=" in reference:
            kind, _, identifier = reference.partition("?identifier=")
            found = self.find(kind, identifier)
            if len(found) != 1:
                raise RequestRejected(422, f"{len(found)} resources match a reference")
            resolved["reference"] = f"{kind}/{found[0]['id']}"
        return resolved

    def create(self, resource: Resource, criteria: str) -> str:
        """Create a resource without a transaction and return its key."""
        get_fhir_model_class(resource["resourceType"])(**deepcopy(resource))
        subject = resource["subject"]["reference"]
        if subject not in self.resources:
            raise RequestRejected(422, "the patient is not known")
        key, _, new = self.place(
            resource, {"method": "POST", "url": resource["resourceType"], "ifNoneExist": criteria}
        )
        if new:
            self.resources[key] = {**resource, "id": key.partition("/")[2]}
        return key

    @contextmanager
    def listening(self, port: int = 0, tls: Any = None) -> Iterator[str]:
        """Listen in a thread and yield the base address."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

            def do_GET(self) -> None:
                self.respond(None)

            def do_POST(self) -> None:
                self.respond(self.rfile.read(int(self.headers["Content-Length"])))

            do_PUT = do_POST  # noqa: N815

            def respond(self, body: bytes | None) -> None:
                receiver.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if receiver.tokens is not None and token not in receiver.tokens:
                    self.send_json(
                        401,
                        {
                            "resourceType": "OperationOutcome",
                            "issue": [{"severity": "error", "code": "login"}],
                        },
                    )
                    return
                failure = receiver.failures.next() if body else "none"
                if failure == "disconnect":
                    self.close_connection = True
                    return
                status, answer, headers = receiver.answer(
                    self.command, self.path, body, self.headers.get("If-None-Exist", ""), failure
                )
                if failure == "hang":
                    time.sleep(HANG_SECONDS)
                if failure in ("hang", "lose_response"):
                    self.close_connection = True
                    return
                self.send_json(status, answer, headers)

            def send_json(self, status: int, answer: Resource, headers: dict[str, str] | None = None) -> None:
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
                """Ignore clients that have closed the connection."""

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
        self, method: str, path: str, body: bytes | None, criteria: str, failure: str
    ) -> tuple[int, Resource, dict[str, str]]:
        """Return the status, body and headers of the response."""
        if failure == "reject":
            return refusal(422, "not today")
        if failure == "busy":
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
                before = dict(self.resources)
                response = self.store(method, path, resource, criteria, twice=failure == "duplicate")
                if failure == "discard":
                    self.resources = before
            except RequestRejected as error:
                return refusal(error.status, str(error))
            except (ValueError, AssertionError) as error:
                return refusal(400, str(error)[:300])
            return response

    def store(self, method: str, path: str, resource: Resource, criteria: str, *, twice: bool) -> Response:
        """Store what was sent. With `twice`, a proxy between sender and receiver has repeated the request."""
        self.bodies.append(resource)
        key = "/".join(path.rsplit("/", 2)[1:])
        if method == "PUT":
            assert key in self.resources
            get_fhir_model_class(resource["resourceType"])(**deepcopy(resource))
            self.resources[key] = resource
            return 200, resource, {}
        if resource["resourceType"] != "Bundle":
            return 201, {}, {"Location": self.create(resource, criteria)}
        response = self.transact(resource)
        return 200, self.transact(resource) if twice else response, {}


def refusal(status: int, reason: str) -> tuple[int, Resource, dict[str, str]]:
    """Return an OperationOutcome."""
    return (
        status,
        {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": "invalid", "diagnostics": reason}],
        },
        {},
    )
