"""Send MDM messages over MLLP and wait for each acknowledgment before the next message. A working connection
is reused."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable

import hl7

from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.delivery.delivery_result import Accepted, DeliveryProblem, DeliveryResult, Failure
from pipeline.delivery.formats.mdm import control_id, mdm
from pipeline.delivery.payload import build_payload
from pipeline.delivery.transports.tls import tls_context
from pipeline.errors import ConfigurationError

FRAME_START, FRAME_END = b"\x0b", b"\x1c\r"
LINE_ENDS = re.compile(r"[\r\n]+")  # receivers end segments with CR, as they should, CRLF or LF
RECEIVE_BYTES = 65536
MAX_ACKNOWLEDGMENT_BYTES = 1_000_000
ACCEPT_CODES, REJECT_CODES = ("AA", "CA"), ("AE", "AR", "CE", "CR")  # HL7 table 0008


class MllpTransport:
    """Sends to one receiver.

    Raises:
        ConfigurationError: if the address is not host:port, or certificates or keys cannot be used.
    """

    def __init__(
        self, settings: DestinationSettings, deliveries: DeliverySettings, fetch: Callable[[str], bytes]
    ) -> None:
        host, _, port = settings.address.rpartition(":")
        if not host or not port.isdigit():
            raise ConfigurationError(
                f"{settings.address!r} is not the address of an MLLP receiver.", "Write it as host:port."
            )
        self._settings = settings
        self._limits = deliveries
        self._fetch = fetch
        self._address = (host, int(port))
        self._tls = tls_context(settings) if settings.tls else None
        self._socket: socket.socket | None = None

    def send(self, item: DeliveryItem) -> DeliveryResult:
        """Send a delivery's message and wait for its acknowledgment."""
        payload = (
            None if item.change == "cancel" else build_payload(item, self._fetch, self._settings.content)
        )
        message = mdm(
            item,
            payload,
            authority=self._limits.mrn_authority,
            application=self._settings.application,
            facility=self._settings.facility,
        )
        try:
            connection = self._connect()
        except OSError as error:
            return Failure(DeliveryProblem.UNREACHABLE, f"{type(error).__name__}: {error.strerror or error}")
        try:
            connection.sendall(FRAME_START + str(message).encode() + FRAME_END)
            return self._receive_result(connection, control_id(item))
        except TimeoutError:
            self.close()
            return Failure(
                DeliveryProblem.TIMEOUT,
                f"No acknowledgment within {self._limits.response_timeout_seconds:g} s.",
            )
        except OSError as error:
            self.close()
            return Failure(DeliveryProblem.TIMEOUT, f"The connection was lost: {type(error).__name__}.")

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        """Return an open connection without unread bytes: a repeated acknowledgment must not be taken for
        that of the next message."""
        if self._socket is not None and not discard_unread(self._socket):
            self.close()
        if self._socket is None:
            plain = socket.create_connection(self._address, timeout=self._limits.connect_timeout_seconds)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = (
                self._tls.wrap_socket(plain, server_hostname=self._address[0]) if self._tls else plain
            )
        return self._socket

    def _receive_result(self, connection: socket.socket, expected_id: str) -> DeliveryResult:
        """Return the result for a message; late or repeated acknowledgments of earlier ones are skipped."""
        deadline = time.monotonic() + self._limits.response_timeout_seconds
        buffer = b""
        while len(buffer) <= MAX_ACKNOWLEDGMENT_BYTES:
            while FRAME_END in buffer:
                frame, buffer = buffer.split(FRAME_END, 1)
                result = read_acknowledgment(frame[frame.find(FRAME_START) + 1 :], expected_id)
                if result is not None:
                    return result
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            disable_delayed_ack(connection)
            received = connection.recv(RECEIVE_BYTES)
            if not received:
                self.close()
                return Failure(
                    DeliveryProblem.TIMEOUT, "The receiver closed the connection without an acknowledgment."
                )
            buffer += received
        self.close()
        return Failure(DeliveryProblem.INVALID_RESPONSE, "The response has no end of frame.")


def disable_delayed_ack(connection: socket.socket) -> None:
    """Make the kernel confirm received packets at once; otherwise a receiver that writes its response in
    parts waits 40 ms."""
    if hasattr(socket, "TCP_QUICKACK"):  # only on Linux; the kernel resets it, so it is set before each read
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def discard_unread(connection: socket.socket) -> bool:
    """Discard unread bytes; return False if the connection is closed or its state is unknown."""
    connection.settimeout(0.0)
    try:
        while connection.recv(RECEIVE_BYTES):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def read_acknowledgment(body: bytes, expected_id: str) -> DeliveryResult | None:
    """Return the result in an acknowledgment; None if it acknowledges another message."""
    try:
        text = LINE_ENDS.sub("\r", body.decode("utf-8-sig", "replace").strip())
        message = hl7.parse(text)
        msa = message.segment("MSA")
        code, acknowledged_id = str(msa[1]).strip(), str(msa[2]).strip()
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AttributeError) as error:
        return Failure(
            DeliveryProblem.INVALID_RESPONSE,
            f"The response is not an acknowledgment: {type(error).__name__}.",
        )
    if acknowledged_id != expected_id:
        return None
    if code in ACCEPT_CODES:
        return Accepted(f"{code} {expected_id}")
    if code in REJECT_CODES:
        return Failure(DeliveryProblem.REFUSED, f"{code}: {rejection_reason(message)}")
    return Failure(DeliveryProblem.INVALID_RESPONSE, f"The acknowledgment has the code {code!r}.")


def rejection_reason(message: hl7.Message) -> str:
    """Return the text of MSA if there is one, otherwise ERR's user message, diagnostics or code."""
    texts = [str(message.segment("MSA")[3])] if len(message.segment("MSA")) > 3 else []
    for err in (segment for segment in message if str(segment[0]) == "ERR"):
        texts += [str(err[number]) for number in (8, 7, 3) if len(err) > number]
    return next((text for text in texts if text), "no reason given")
