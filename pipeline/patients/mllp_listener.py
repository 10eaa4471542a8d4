"""The MLLP listener: HL7 messages over TCP or TLS. Each is acknowledged, after the commit, before the next
message of the same sender is read.

One thread receives from all senders; a few threads process messages. Senders are admitted by network and by
number before anything is read from them. See docs/decisions/0016-limits-of-listeners.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from pipeline.config import AdtSettings
from pipeline.config.values import contains
from pipeline.errors import ConfigurationError
from pipeline.logs import get_logger
from pipeline.patients.adt import process_message
from pipeline.patients.adt_acknowledgment import build_acknowledgment
from pipeline.patients.adt_audit import Sender
from pipeline.patients.hl7_limits import Hl7Limits
from pipeline.patients.mllp_frames import (
    FRAME_END,
    FRAME_START,
    FrameBuffer,
    FrameReader,
    FrameTooLarge,
    FrameTooSlow,
)
from pipeline.store.database import Pool
from pipeline.store.transient import TRANSIENT_ERRORS

LISTEN_BACKLOG = 128
SEND_BUFFER_BYTES = 65_536
"""Of acknowledgments that a sender has not taken."""
TLS_SHUTDOWN_SECONDS = 2.0
STOP_TIMEOUT_SECONDS = 30.0
"""How long stopping waits for messages that are being processed."""
REFUSAL_LOG_INTERVAL_SECONDS = 1.0
"""A line at most this often, whatever number of connections is refused."""
ACCEPT_RETRY_SECONDS = 0.1
log = get_logger(__name__)


class MllpListener:
    """Listens on the address of the settings. `workers`: messages that are processed at the same time.

    `counts`: the number of messages by status."""

    def __init__(
        self,
        settings: AdtSettings,
        pool: Pool,
        assigning_authority: str = "",
        tls: ssl.SSLContext | None = None,
        workers: int = 4,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._assigning_authority = assigning_authority
        self._tls = tls
        self._limits = Hl7Limits.from_settings(settings)
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="adt")
        self._stop = threading.Event()
        self._senders: dict[asyncio.Task[None], str] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._refusal_logged = 0.0
        self.counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._socket = open_socket(settings.host, settings.port)

    def __enter__(self) -> MllpListener:
        """Return the listener."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self._socket.close()
        self._workers.shutdown(cancel_futures=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def connections(self) -> int:
        """The number of senders that are connected."""
        return len(self._senders)

    def serve_forever(self) -> None:
        """Serve until `shutdown` is called in another thread."""
        asyncio.run(self._serve())

    def shutdown(self) -> None:
        """Stop: messages that are being processed are acknowledged first, other connections are closed."""
        self._stop.set()

    async def _serve(self) -> None:
        accepting = asyncio.create_task(self._accept_all())
        accepting.add_done_callback(lambda _: self._stop.set())  # without it there is nothing to serve
        await asyncio.get_running_loop().run_in_executor(None, self._stop.wait)
        accepting.cancel()
        for task in set(self._senders) - self._busy:
            task.cancel()
        if self._senders:
            await asyncio.wait(set(self._senders), timeout=STOP_TIMEOUT_SECONDS)
        with contextlib.suppress(asyncio.CancelledError):
            await accepting

    async def _accept_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, (address, *_) = await loop.sock_accept(self._socket)
            except OSError as error:  # such as too many open files
                log.warning("adt.accept_failed", error=type(error).__name__)
                await asyncio.sleep(ACCEPT_RETRY_SECONDS)
                continue
            if (reason := self._refusal(address)) is not None:
                accepted.close()
                self._log_refusal(address, reason)
                continue
            task = asyncio.create_task(self._serve_sender(accepted, address))
            self._senders[task] = address
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._senders.pop(task, None)
        self._busy.discard(task)

    def _refusal(self, address: str) -> str | None:
        """Return why a sender with this address is not admitted; None if it is."""
        settings = self._settings
        if settings.allowed_networks and not contains(settings.allowed_networks, address):
            return "network"
        if len(self._senders) >= settings.max_connections:
            return "connections"
        if list(self._senders.values()).count(address) >= settings.max_connections_per_sender:
            return "connections of sender"
        return None

    def _log_refusal(self, address: str, reason: str) -> None:
        if time.monotonic() - self._refusal_logged > REFUSAL_LOG_INTERVAL_SECONDS:
            self._refusal_logged = time.monotonic()
            log.warning("adt.refused", sender=address, reason=reason)

    async def _serve_sender(self, accepted: socket.socket, address: str) -> None:
        """Serve a sender until it disconnects or must be disconnected."""
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._settings.tls_handshake_timeout_seconds if self._tls else None,
                ssl_shutdown_timeout=TLS_SHUTDOWN_SECONDS if self._tls else None,
            )
        except OSError as error:  # no TLS, an untrusted certificate, or a lost connection
            accepted.close()
            reason = getattr(error, "reason", None) or type(error).__name__
            log.warning("adt.tls_failed", sender=address, error=reason)
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        sender = Sender(address=address, certificate=certificate_subject(writer))
        try:
            await self._acknowledge_all(reader, writer, sender)
        except (FrameTooLarge, FrameTooSlow, TimeoutError) as error:
            log.warning("adt.disconnected", sender=address, reason=type(error).__name__)
            transport.abort()
        except OSError:
            pass  # the sender will send the message again
        except Exception as error:  # one sender's failure is not another's
            log.error("adt.failed", sender=address, error=type(error).__name__)  # noqa: TRY400 (no patient data)
        finally:
            writer.close()

    async def _acknowledge_all(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: Sender
    ) -> None:
        """Process and acknowledge the sender's messages, one after the other, until it disconnects."""
        settings = self._settings
        frames = FrameReader(
            reader.read,
            FrameBuffer(settings.max_message_bytes),
            settings.idle_timeout_seconds,
            settings.message_timeout_seconds,
        )
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        while not self._stop.is_set() and (body := await frames.next_message()) is not None:
            self._busy.add(task)
            process = functools.partial(self.process, body, sender)
            acknowledgment = await loop.run_in_executor(self._workers, process)
            if acknowledgment is None:
                return
            writer.write(FRAME_START + acknowledgment + FRAME_END)
            async with asyncio.timeout(settings.message_timeout_seconds):
                await writer.drain()
            self._busy.discard(task)

    def process(self, body: bytes, sender: Sender) -> bytes | None:
        """Process a message and return its acknowledgment.

        If the database is unavailable, return None: without an acknowledgment, the sender sends it again."""
        try:
            with self._pool.connection() as connection:
                result = process_message(
                    connection, body, self._assigning_authority, sender=sender, limits=self._limits
                )
        except TRANSIENT_ERRORS as error:
            log.warning("adt.database_unavailable", error=type(error).__name__)
            return None
        with self._counting:
            self.counts[result.status] += 1
        if result.status == "rejected":
            log.warning("adt.rejected", control_id=result.control_id, sender=sender.address)
        return build_acknowledgment(body, result)


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address. Raises ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"The listener cannot use {host}:{port}: {error.strerror}.", "Correct adt.host or adt.port."
        ) from None
    listening.setblocking(False)
    return listening


def certificate_subject(writer: asyncio.StreamWriter) -> str:
    """Return the subject of the sender's certificate, as in "commonName=engine"; "" if it presented none."""
    certificate = writer.get_extra_info("peercert") or {}
    return ", ".join(f"{name}={value}" for part in certificate.get("subject", ()) for name, value in part)
