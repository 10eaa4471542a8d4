"""The MLLP listener: HL7 messages over TCP or TLS, framed by VT and FS CR; each is acknowledged before the
next is read."""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator

from pipeline.config import AdtSettings
from pipeline.errors import ConfigurationError
from pipeline.logs import get_logger
from pipeline.patients.adt import build_acknowledgment, process_message
from pipeline.store.database import Pool
from pipeline.store.transient import TRANSIENT_ERRORS

FRAME_START, FRAME_END = b"\x0b", b"\x1c\r"
END_OF_FRAME = re.compile(rb"\x1c\0*\r")  # also in UTF-16, so that the sender learns that it is not supported
MAX_MESSAGE_BYTES = 10_000_000  # a sender that exceeds it is disconnected
RECEIVE_BYTES = 65536
log = get_logger(__name__)


def server_tls_context(settings: AdtSettings) -> ssl.SSLContext | None:
    """Return a context for TLS 1.2 or later with the certificate in the settings; None if there is none.

    If the settings have a client CA, senders must present a certificate that it signed.

    Raises:
        ConfigurationError: if a certificate or key cannot be used.
    """
    if settings.tls_certificate is None:
        if settings.tls_client_ca or settings.tls_key:
            raise ConfigurationError(
                "adt.tls_key or adt.tls_client_ca is set, but no adt.tls_certificate.",
                "Set adt.tls_certificate as well, or none of them.",
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        if settings.tls_client_ca is not None:
            context.load_verify_locations(settings.tls_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"adt: the TLS files cannot be used: {error}.",
            "They must be PEM files, and the key must have no password.",
        ) from None
    return context


class MllpListener(socketserver.ThreadingTCPServer):
    """Listens on an address, with one thread for each sender. Messages are acknowledged after the commit.

    `counts`: the number of messages by status."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        pool: Pool,
        assigning_authority: str = "",
        tls: ssl.SSLContext | None = None,
        handshake_seconds: float = 10.0,
    ) -> None:
        super().__init__(address, MllpConnection)
        self.pool = pool
        self.tls = tls
        self.handshake_seconds = handshake_seconds
        self.assigning_authority = assigning_authority
        self.counts: dict[str, int] = {}
        self._counting = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process(self, body: bytes) -> bytes | None:
        """Process a message and return its acknowledgment.

        If the database is unavailable, return None: without an acknowledgment, the sender sends it again."""
        try:
            with self.pool.connection() as connection:
                result = process_message(connection, body, self.assigning_authority)
        except TRANSIENT_ERRORS as error:
            log.warning("adt.database_unavailable", error=type(error).__name__)
            return None
        with self._counting:
            self.counts[result.status] = self.counts.get(result.status, 0) + 1
        if result.status == "rejected":
            log.warning("adt.rejected", control_id=result.control_id)
        return build_acknowledgment(body, result)


class MllpConnection(socketserver.BaseRequestHandler):
    """A sender's connection."""

    server: MllpListener

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls is None:
            return self.acknowledge_all(self.request)
        try:
            self.request.settimeout(self.server.handshake_seconds)
            with self.server.tls.wrap_socket(self.request, server_side=True) as secured:
                secured.settimeout(None)
                self.acknowledge_all(secured)
        except OSError as error:  # no TLS, an untrusted certificate, or a lost connection
            log.warning(
                "adt.tls_failed",
                sender=self.client_address[0],
                error=getattr(error, "reason", type(error).__name__),
            )

    def acknowledge_all(self, sender: socket.socket) -> None:
        """Process and acknowledge the sender's messages, one after the other, until it disconnects."""
        for body in split_frames(lambda: sender.recv(RECEIVE_BYTES)):
            acknowledgment = self.server.process(body)
            if acknowledgment is None:
                return
            try:
                sender.sendall(FRAME_START + acknowledgment + FRAME_END)
            except ConnectionError:  # the sender will send the message again
                return


def split_frames(receive: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield the messages in a stream of bytes, until it ends or exceeds MAX_MESSAGE_BYTES without an end of
    frame.
    """
    buffer = b""
    while len(buffer) <= MAX_MESSAGE_BYTES:
        while end := END_OF_FRAME.search(buffer):
            body, buffer = buffer[: end.start()], buffer[end.end() :]
            yield body[body.find(FRAME_START) + 1 :]
        try:
            received = receive()
        except ConnectionError:
            return
        if not received:
            return
        buffer += received
