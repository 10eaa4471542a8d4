"""Speak HTTP/2 to a port, as gRPC clients do."""

from __future__ import annotations

import socket
import ssl


def http2_context() -> ssl.SSLContext:
    """Return TLS settings that accept any server and show no client certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def speak_http2(port: int, context: ssl.SSLContext) -> None:
    """Send an HTTP/2 greeting, and raise an error if the other end closes the connection."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        context.wrap_socket(connection) as wrapped,
    ):
        wrapped.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        while wrapped.recv(100):  # TLS 1.3 reports the certificate after the handshake
            pass
        raise ConnectionError("closed without a word")
