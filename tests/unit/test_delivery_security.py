"""Receivers are authenticated by their certificates; Chartloom is authenticated by its certificate or by a
token.
"""

from __future__ import annotations

import json
import ssl
import threading
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from pipeline.config import DestinationSettings, load_settings
from pipeline.delivery.delivery_result import Accepted, DeliveryProblem, Failure
from pipeline.delivery.transports.factory import create_transport
from pipeline.errors import ConfigurationError
from tests.support.delivery_archive import a_delivery_item, a_pdf
from tests.support.fhir_receiver import FhirReceiver

PEM = serialization.Encoding.PEM
PKCS8 = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@dataclass
class Authority:
    """A certificate authority in a folder: `ca.pem`, and NAME.pem with NAME.key for each certificate that it
    has issued.
    """

    folder: Path
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        (self.folder / "ca.pem").write_bytes(
            self.certificate(self.name, self.key.public_key(), ca=True).public_bytes(PEM)
        )

    def issue(self, name: str) -> tuple[Path, Path]:
        """Issue a certificate for 127.0.0.1 with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(self.certificate(subject, key.public_key()).public_bytes(PEM))
        files[1].write_bytes(key.private_bytes(PEM, *PKCS8))
        return files

    def certificate(self, subject: x509.Name, key: Any, *, ca: bool = False) -> x509.Certificate:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        made = made.not_valid_after(now + timedelta(days=1)).add_extension(
            x509.BasicConstraints(ca, None), critical=True
        )
        subject_alternative_name = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        usage = x509.KeyUsage(True, False, False, False, False, ca, ca, False, False)
        made = made.add_extension(subject_alternative_name, critical=False).add_extension(
            usage, critical=True
        )
        for identifier in (
            x509.SubjectKeyIdentifier.from_public_key(key),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
        ):
            made = made.add_extension(identifier, critical=False)
        return made.sign(self.key, hashes.SHA256())


@dataclass
class Issuer:
    """Issues tokens to a client with the right secret, or with an assertion signed by the right key."""

    receiver: FhirReceiver
    public: Any = None
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, authorization: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(form)
        if self.public:
            head, claims, signature = form["client_assertion"].split(".")
            self.public.verify(
                unpadded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA384()
            )
            is_known = json.loads(unpadded(claims))["iss"] == "chartloom"
        else:
            is_known = b64decode(authorization.removeprefix("Basic ")).decode() == "chartloom:open sesame"
        if not is_known or form.get("grant_type") != "client_credentials":
            return 401, {"error": "invalid_client"}
        token = f"token {len(self.asked)}"
        self.receiver.tokens = {token}
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 300}

    @contextmanager
    def listening(self) -> Iterator[str]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                status, response = issuer.answer(self.headers.get("Authorization", ""), form)
                text = json.dumps(response).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}/token"
            server.shutdown()


def unpadded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def send(address: str, **given: Any) -> Any:
    """Deliver a document to that address."""
    sender = create_transport(
        DestinationSettings(kind="fhir", address=address, **given),
        load_settings().delivery,
        lambda _: a_pdf(),
    )
    try:
        return sender.send(a_delivery_item())
    finally:
        sender.close()


@pytest.fixture
def receiver() -> FhirReceiver:
    created = FhirReceiver()
    created.patient("20012345")
    return created


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_receiver_with_an_untrusted_certificate_gets_nothing(
    receiver: FhirReceiver, authority: Authority
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("receiver"))
    with receiver.listening(tls=context) as address:
        answer = send(address)
        assert isinstance(answer, Failure)
        assert answer.problem is DeliveryProblem.UNREACHABLE
        assert receiver.requests == []
        assert isinstance(send(address, ca=authority.folder / "ca.pem"), Accepted)


def test_a_receiver_that_requires_a_client_certificate_gets_it(
    receiver: FhirReceiver, authority: Authority
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.folder / "ca.pem"))
    context.load_cert_chain(*authority.issue("receiver"))
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = authority.issue("chartloom")
    with receiver.listening(tls=context) as address:
        assert isinstance(send(address, ca=authority.folder / "ca.pem"), Failure)
        assert isinstance(
            send(address, ca=authority.folder / "ca.pem", certificate=certificate, key=key), Accepted
        )


def test_a_missing_certificate_is_a_configuration_error(authority: Authority) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        send("https://127.0.0.1:1", ca=authority.folder / "missing.pem")


def test_a_fixed_token_is_sent(receiver: FhirReceiver) -> None:
    receiver.tokens = {"let me in"}
    with receiver.listening() as address:
        refused = send(address, token="of yesterday")
        assert (refused.problem, refused.affects_destination) == (DeliveryProblem.UNAUTHORIZED, True)
        assert isinstance(send(address, token="let me in"), Accepted)


def test_client_credentials_get_a_token_and_a_new_one_when_it_is_no_longer_accepted(
    receiver: FhirReceiver,
) -> None:
    issuer = Issuer(receiver)
    with receiver.listening() as address, issuer.listening() as token_url:
        given = {
            "token_url": token_url,
            "client_id": "chartloom",
            "client_secret": "open sesame",
            "scope": "system/*.write",
        }
        destination = DestinationSettings(kind="fhir", address=address, **given)  # type: ignore[arg-type]
        sender = create_transport(destination, load_settings().delivery, lambda _: a_pdf())
        assert isinstance(sender.send(a_delivery_item()), Accepted)
        assert len(issuer.asked) == 1
        receiver.tokens = {"another"}
        assert isinstance(sender.send(a_delivery_item(document=46)), Accepted)
        assert [form["scope"] for form in issuer.asked] == ["system/*.write"] * 2
        sender.close()
        assert send(address, **{**given, "client_secret": "guess"}).problem is DeliveryProblem.UNAUTHORIZED


def test_client_credentials_may_be_a_signed_assertion(receiver: FhirReceiver, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "client.key").write_bytes(key.private_bytes(PEM, *PKCS8))
    issuer = Issuer(receiver, key.public_key())
    with receiver.listening() as address, issuer.listening() as token_url:
        answer = send(address, token_url=token_url, client_id="chartloom", client_key=tmp_path / "client.key")
    assert isinstance(answer, Accepted)
    assert (
        issuer.asked[0]["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    )


@pytest.mark.parametrize(
    ("kind", "address", "given"),
    [
        ("mdm", "nowhere", {}),
        ("fhir", "ftp://host", {}),
        ("fhir", "https://host", {"token_url": "https://host/token"}),
    ],
)
def test_impossible_settings_are_reported_at_once(kind: Any, address: str, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        create_transport(
            DestinationSettings(kind=kind, address=address, **given),
            load_settings().delivery,
            lambda _: b"",
        )
