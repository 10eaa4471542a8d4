"""MDM messages sent over MLLP, each answered before the next is sent. A connection is kept as long as it
works.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

import hl7

from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.delivery_result import Answer, Failed, Problem, Taken
from pipeline.delivery.formats.mdm import control_id, mdm
from pipeline.delivery.payload import payload
from pipeline.delivery.transports.tls import tls_context
from pipeline.errors import BadSettings

BEGIN, END = b"\x0b", b"\x1c\r"
CHUNK = 65536
LONGEST = 1_000_000  # bytes of an acknowledgement; whoever sends more sends something else
YES, NO = ("AA", "CA"), ("AE", "AR", "CE", "CR")


class MdmSender:
    """Sends to one receiver. Raises BadSettings where the address is none."""

    def __init__(
        self, settings: DestinationSettings, deliveries: DeliverySettings, fetch: Callable[[str], bytes]
    ) -> None:
        host, _, port = settings.address.rpartition(":")
        if not host or not port.isdigit():
            raise BadSettings(
                f"{settings.address!r} is no address of an MLLP receiver.", "Write it as host:port."
            )
        self._settings = settings
        self._limits = deliveries
        self._fetch = fetch
        self._address = (host, int(port))
        self._tls = tls_context(settings) if settings.tls else None
        self._socket: socket.socket | None = None

    def send(self, parcel: Parcel) -> Answer:
        """Send a delivery's message and wait for the acknowledgement that names it."""
        made = None if parcel.change == "cancel" else payload(parcel, self._fetch, self._settings.content)
        names = {"application": self._settings.application, "facility": self._settings.facility}
        message = str(mdm(parcel, made, authority=self._limits.mrn_authority, **names)).encode()
        try:
            connection = self._connected()
        except OSError as error:
            return Failed(Problem.UNREACHABLE, f"{type(error).__name__}: {error.strerror or error}")
        try:
            connection.sendall(BEGIN + message + END)
            return self._answer(connection, control_id(parcel))
        except TimeoutError:
            self.close()
            return Failed(Problem.NO_ANSWER, f"No acknowledgement within {self._limits.answer_seconds:g} s.")
        except OSError as error:
            self.close()
            return Failed(Problem.NO_ANSWER, f"The connection was lost: {type(error).__name__}.")

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        """A connection with nothing left on it: what a receiver said twice is not the answer to what is sent
        next.
        """
        if self._socket is not None and not drained(self._socket):
            self.close()
        if self._socket is None:
            plain = socket.create_connection(self._address, timeout=self._limits.connect_seconds)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = (
                self._tls.wrap_socket(plain, server_hostname=self._address[0]) if self._tls else plain
            )
        return self._socket

    def _answer(self, connection: socket.socket, wanted: str) -> Answer:
        """The answer to that message; those to earlier ones that come late or twice are passed over."""
        end = time.monotonic() + self._limits.answer_seconds
        buffer = b""
        while len(buffer) <= LONGEST:
            while END in buffer:
                frame, buffer = buffer.split(END, 1)
                answer = read_acknowledgement(frame[frame.find(BEGIN) + 1 :], wanted)
                if answer is not None:
                    return answer
            connection.settimeout(max(0.001, end - time.monotonic()))
            acknowledge_at_once(connection)
            received = connection.recv(CHUNK)
            if not received:
                self.close()
                return Failed(
                    Problem.NO_ANSWER, "The receiver closed the connection without an acknowledgement."
                )
            buffer += received
        self.close()
        return Failed(Problem.WRONG_ANSWER, "What came back has no end.")


def acknowledge_at_once(connection: socket.socket) -> None:
    """Let the kernel confirm what arrives at once: a receiver that writes its answer in parts waits 40 ms for
    it otherwise.
    """
    if hasattr(
        socket, "TCP_QUICKACK"
    ):  # Linux; it holds until the kernel thinks otherwise, so it is said each time
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def drained(connection: socket.socket) -> bool:
    """Read away what lies on a connection; False where it is closed, or where that cannot be told."""
    connection.settimeout(0.0)
    try:
        while connection.recv(CHUNK):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def read_acknowledgement(body: bytes, wanted: str) -> Answer | None:
    """What an acknowledgement says; None where it names another message."""
    try:
        message = hl7.parse(body.decode("utf-8", "replace").strip())
        msa = message.segment("MSA")
        code, named = str(msa[1]), str(msa[2])
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AttributeError) as error:
        return Failed(Problem.WRONG_ANSWER, f"What came back is no acknowledgement: {type(error).__name__}.")
    if named != wanted:
        return None
    if code in YES:
        return Taken(f"{code} {wanted}")
    if code in NO:
        return Failed(Problem.REFUSED, f"{code}: {reason(message)}")
    return Failed(Problem.WRONG_ANSWER, f"The acknowledgement has the code {code!r}.")


def reason(message: hl7.Message) -> str:
    """Why it was refused: the user's message or the code of ERR, else the text of MSA."""
    told = [str(message.segment("MSA")[3])] if len(message.segment("MSA")) > 3 else []
    for err in (segment for segment in message if str(segment[0]) == "ERR"):
        told += [str(err[number]) for number in (8, 7, 3) if len(err) > number]
    return next((words for words in told if words), "no reason given")
