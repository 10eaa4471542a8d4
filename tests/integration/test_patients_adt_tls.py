"""HL7 messages over TLS: only trusted senders are accepted, and a sender that does not speak TLS does not
block the others.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pipeline.config import AdtSettings
from pipeline.errors import ConfigurationError
from pipeline.patients.mllp_listener import FRAME_END, FRAME_START, MllpListener, server_tls_context
from pipeline.store.database import open_pool

MESSAGE = (
    b"MSH|^~\\&|ADT|NORTH|CL|HIM|2026||ADT^A28|1|P|2.5\rPID|1||7700123^^^NORTH^MR||GARCIA^SUSAN||19640929|F\r"
)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Create a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(signed.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@contextmanager
def listening(dsn: str, settings: AdtSettings) -> Iterator[int]:
    with (
        open_pool(dsn, 2) as pool,
        MllpListener(("127.0.0.1", 0), pool, tls=server_tls_context(settings)) as listener,
    ):
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield listener.port
        finally:
            listener.shutdown()


def send(port: int, trusted: Path, own: tuple[Path, Path] | None = None) -> bytes:
    context = ssl.create_default_context(cafile=str(trusted))
    if own:
        context.load_cert_chain(*own)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sender,
    ):
        sender.sendall(FRAME_START + MESSAGE + FRAME_END)
        return sender.recv(65536)


def is_accepted(port: int, trusted: Path, own: tuple[Path, Path] | None) -> bool:
    try:
        return b"MSA|AA|1" in send(port, trusted, own)
    except (ssl.SSLError, ConnectionError):
        return False


def test_a_message_is_acknowledged_over_tls_while_another_sender_is_silent(dsn: str, tmp_path: Path) -> None:
    own, key = certificate(tmp_path, "hospital")
    settings = AdtSettings(tls_handshake_timeout_seconds=5, tls_certificate=own, tls_key=key)
    with listening(dsn, settings) as port, socket.create_connection(("127.0.0.1", port)):
        assert b"MSA|AA|1" in send(port, own)


def test_a_sender_without_a_trusted_certificate_is_rejected(dsn: str, tmp_path: Path) -> None:
    own, key = certificate(tmp_path, "hospital")
    engine, stranger = certificate(tmp_path, "engine"), certificate(tmp_path, "stranger")
    settings = AdtSettings(
        tls_handshake_timeout_seconds=5, tls_certificate=own, tls_key=key, tls_client_ca=engine[0]
    )
    with listening(dsn, settings) as port:
        assert not is_accepted(port, own, None)
        assert not is_accepted(port, own, stranger)
        assert is_accepted(port, own, engine)


def test_unusable_tls_files_are_reported_before_the_port_opens(tmp_path: Path) -> None:
    own, _ = certificate(tmp_path, "hospital")
    with pytest.raises(ConfigurationError):
        server_tls_context(
            AdtSettings(
                tls_handshake_timeout_seconds=5, tls_certificate=own, tls_key=tmp_path / "missing.key"
            )
        )
    with pytest.raises(ConfigurationError):
        server_tls_context(AdtSettings(tls_handshake_timeout_seconds=5, tls_client_ca=own))
