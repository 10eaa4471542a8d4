"""The MLLP listener: HL7 messages over TCP, each framed by VT and FS CR, each answered before the next is read."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator

import psycopg
import psycopg_pool
import structlog

from pipeline.errors import ServiceAway
from pipeline.match.adt import acknowledgement, take
from pipeline.store.database import Pool

BEGIN, END = b"\x0b", b"\x1c\r"
LARGEST = 10_000_000  # bytes of a message; whoever sends more is cut off
CHUNK = 65536
AWAY = (ServiceAway, psycopg.OperationalError, psycopg_pool.PoolTimeout)
log = structlog.get_logger()


class Listener(socketserver.ThreadingTCPServer):
    """Listens on an address; a thread for each sender. Nothing is acknowledged before it is committed."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], pool: Pool, home_facility: str = "") -> None:
        super().__init__(address, Sender)
        self.pool = pool
        self.home_facility = home_facility
        self.taken: dict[str, int] = {}
        self._counting = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def answer(self, body: bytes) -> bytes | None:
        """Take a message; its acknowledgement, or None where the database is away: the sender, unanswered, sends it again."""
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
        for body in frames(lambda: self.request.recv(CHUNK)):
            answer = self.server.answer(body)
            if answer is None:
                return
            try:
                self.request.sendall(BEGIN + answer + END)
            except ConnectionError:  # the sender is gone; it will send again and be answered then
                return


def frames(receive: Callable[[], bytes]) -> Iterator[bytes]:
    """The messages of a stream of bytes. Ends where the sender does, or sends more than LARGEST without an end."""
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
