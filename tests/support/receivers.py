"""Receivers for the tests of deliveries, which fail at random from a seed, in the ways that receivers do.

reject          answers with an error
lose_response   accepts the delivery, then the connection ends without a response
discard         acknowledges the delivery and does not keep it
duplicate       answers twice
hang            accepts the delivery and does not answer
disconnect      closes the connection before it accepts anything
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import hl7
import hl7.mllp
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

HANG_SECONDS = 2.0


@dataclass
class RandomFailures:
    """How often a receiver fails in each way, as shares of 1."""

    seed: int = 1
    rates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.counts: dict[str, int] = {}

    def next(self) -> str:
        """Return the failure for one message, or "none"."""
        roll, failure = self._random.random(), "none"
        for name, rate in self.rates.items():
            roll -= rate
            if roll < 0:
                failure = name
                break
        self.counts[failure] = self.counts.get(failure, 0) + 1
        return failure


@dataclass
class HeldDocument:
    """A document that a receiver has."""

    mrn: str
    type: str
    data: bytes
    status: str = "current"


ED_DATA = re.compile(r"(\^Base64\^[^|]{100})[^|]*")


def validate(text: str) -> None:
    """Fail if a message is invalid by HL7's own model of version 2.5.1. That model limits an ED value to 199
    characters, so the data is shortened first.
    """
    text = ED_DATA.sub(r"\1", text)
    structure = text.split("\r", 1)[0].split("|")[8].split("^")[2]
    assert structure in ("MDM_T01", "MDM_T02")
    parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()


@dataclass
class MdmReceiver:
    """Accepts MDM messages and keeps documents by their unique number. Each message is applied once (by
    control ID).
    """

    failures: RandomFailures = field(default_factory=RandomFailures)
    documents: dict[str, HeldDocument] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    applied: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    validated: set[str] = field(default_factory=set)
    port: int = 0

    def apply(self, text: str) -> str | None:
        """Apply a message. Return the reason if that is not possible."""
        message = hl7.parse(text)
        control = str(message.segment("MSH")[10])
        if control in self.applied:
            return None
        event = str(message["MSH"][0][9][0][1])
        try:
            if event not in self.validated:  # validation takes a tenth of a second
                validate(text)
                self.validated.add(event)
        except Exception as error:
            self.faults.append(f"{control}: {type(error).__name__} {error}")
            return "invalid"
        txa = message.segment("TXA")
        number = str(txa[12][0][0])
        if event == "T10":
            parent = str(txa[13][0][0])
            if parent not in self.documents:
                return f"no document {parent}"
            self.documents[parent].status = "obsolete"
        if event in ("T08", "T11") and number not in self.documents:
            return f"no document {number}"
        if event in ("T02", "T10") and number in self.documents:
            self.faults.append(f"{control}: {number} came twice")
        if event == "T11":
            self.documents[number].status = "cancelled"
        else:
            from base64 import b64decode

            obx = message.segment("OBX")
            self.documents[number] = HeldDocument(
                str(message.segment("PID")[3][0][0]), str(obx[3][0][0]), b64decode(str(obx[5][0][4]))
            )
        self.applied.add(control)
        self.messages.append(text)
        return None

    async def serve(self, reader: hl7.mllp.HL7StreamReader, writer: hl7.mllp.HL7StreamWriter) -> None:
        """Serve one connection."""
        try:
            while True:
                message = await reader.readmessage()
                failure = self.failures.next()
                if failure == "disconnect":
                    break
                if failure == "reject":
                    writer.writemessage(message.create_ack("AE"))
                    continue
                problem = None if failure == "discard" else self.apply(str(message))
                if failure == "lose_response":
                    break
                if failure == "hang":
                    await asyncio.sleep(HANG_SECONDS)
                    break
                for _ in range(2 if failure == "duplicate" else 1):
                    writer.writemessage(message.create_ack("AE" if problem else "AA"))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @contextmanager
    def listening(self, port: int = 0) -> Iterator[int]:
        """Listen in a thread and yield the port."""
        loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def run() -> None:
            server = await hl7.mllp.start_hl7_server(
                self.serve, host="127.0.0.1", port=port, encoding="utf-8", limit=1 << 26
            )
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            async with server:
                await server.serve_forever()

        def work() -> None:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(run())
            except asyncio.CancelledError:
                pass
            finally:
                loop.close()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield self.port
        finally:
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
            thread.join(5)
