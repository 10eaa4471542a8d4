"""HL7 messages over TLS: only trusted senders are accepted, and a sender that does not speak TLS does not
block the others.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from pipeline.config.listener_tls import server_tls_context
from pipeline.errors import ConfigurationError
from pipeline.patients.mllp_frames import FRAME_END, FRAME_START
from tests.support.adt_listener import adt_settings, listening
from tests.support.certificates import certificate

MESSAGE = (
    b"MSH|^~\\&|ADT|NORTH|CL|HIM|2026||ADT^A28|1|P|2.5\rPID|1||7700123^^^NORTH^MR||GARCIA^SUSAN||19640929|F\r"
)


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
    with (
        listening(dsn, tls_certificate=own, tls_key=key) as listener,
        socket.create_connection(("127.0.0.1", listener.port)),
    ):
        assert b"MSA|AA|1" in send(listener.port, own)


def test_a_sender_without_a_trusted_certificate_is_rejected(dsn: str, tmp_path: Path) -> None:
    own, key = certificate(tmp_path, "hospital")
    engine, stranger = certificate(tmp_path, "engine"), certificate(tmp_path, "stranger")
    with listening(dsn, tls_certificate=own, tls_key=key, tls_client_ca=engine[0]) as listener:
        assert not is_accepted(listener.port, own, None)
        assert not is_accepted(listener.port, own, stranger)
        assert is_accepted(listener.port, own, engine)


def test_unusable_tls_files_are_reported_before_the_port_opens(tmp_path: Path) -> None:
    own, _ = certificate(tmp_path, "hospital")
    with pytest.raises(ConfigurationError):
        server_tls_context("adt", adt_settings(tls_certificate=own, tls_key=tmp_path / "missing.key"))
    with pytest.raises(ConfigurationError):
        server_tls_context("adt", adt_settings(tls_client_ca=own))
