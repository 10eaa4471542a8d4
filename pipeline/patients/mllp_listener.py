"""The MLLP listener: HL7 messages over TCP, or TLS, each framed by VT and FS CR, each answered before the
next is read.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator

import psycopg
import psycopg_pool
import structlog

from pipeline.config import AdtSettings
from pipeline.errors import BadSettings, ServiceAway
from pipeline.patients.adt import acknowledgement, take
from pipeline.store.database import Pool

BEGIN, END = b"\x0b", b"\x1c\r"
LARGEST = 10_000_000  # bytes of a message; whoever sends more is cut off
CHUNK = 65536
AWAY = (ServiceAway, psycopg.OperationalError, psycopg_pool.PoolTimeout)
log = structlog.get_logger()


def tls_of(settings: AdtSettings) -> ssl.SSLContext | None:
    """TLS 1.2 or later with the certificate of the settings; None without one.

    Senders must show theirs where the settings say who signs them. Raises BadSettings where a file does not
    serve."""
    if settings.tls_certificate is None:
        if settings.tls_client_ca or settings.tls_key:
            raise BadSettings(
                "adt.tls_key or adt.tls_client_ca is set, but no adt.tls_certificate.",
                "Set it, or none of them.",
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
        raise BadSettings(
            f"adt: the TLS files do not serve: {error}.", "They are PEM files; the key has no password."
        ) from None
    return context


class Listener(socketserver.ThreadingTCPServer):
    """Listens on an address; a thread for each sender. Nothing is acknowledged before it is committed."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        pool: Pool,
        home_facility: str = "",
        tls: ssl.SSLContext | None = None,
        handshake_seconds: float = 10.0,
    ) -> None:
        super().__init__(address, Sender)
        self.pool = pool
        self.tls = tls
        self.handshake_seconds = handshake_seconds
        self.home_facility = home_facility
        self.taken: dict[str, int] = {}
        self._counting = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def answer(self, body: bytes) -> bytes | None:
        """Take a message; its acknowledgement, or None where the database is away: the sender, unanswered,
        sends it again.
        """
        try:
            with self.pool.connection() as connection:
                taken = take(connection, body, self.home_facility)
        except AWAY as error:
            log.warning("adt.away", error=type(error).__name__)
            return None
        with self._counting:
            self.taken[taken.status] = self.taken.get(taken.status, 0) + 1
        if taken.status == "refused":
            log.warning("adt.refused", control_id=taken.control_id)
        return acknowledgement(body, taken)


class Sender(socketserver.BaseRequestHandler):
    """One connection."""

    server: Listener

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls is None:
            return self.talk(self.request)
        try:
            self.request.settimeout(self.server.handshake_seconds)
            with self.server.tls.wrap_socket(self.request, server_side=True) as secured:
                secured.settimeout(None)
                self.talk(secured)
        except OSError as error:  # no TLS, a certificate that is not trusted, or a sender that went away
            log.warning(
                "adt.no_tls",
                sender=self.client_address[0],
                error=getattr(error, "reason", type(error).__name__),
            )

    def talk(self, sender: socket.socket) -> None:
        """Answer the sender's messages one after the other until it ends."""
        for body in frames(lambda: sender.recv(CHUNK)):
            answer = self.server.answer(body)
            if answer is None:
                return
            try:
                sender.sendall(BEGIN + answer + END)
            except ConnectionError:  # the sender is gone; it will send again and be answered then
                return


def frames(receive: Callable[[], bytes]) -> Iterator[bytes]:
    """The messages of a stream of bytes. Ends where the sender does, or sends more than LARGEST without an
    end.
    """
    buffer = b""
    while len(buffer) <= LARGEST:
        while END in buffer:
            body, buffer = buffer.split(END, 1)
            yield body[body.find(BEGIN) + 1 :]
        try:
            received = receive()
        except ConnectionError:
            return
        if not received:
            return
        buffer += received
