"""Frames of MLLP: a message between VT and FS CR, taken from a stream of bytes within limits of size and
time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

FRAME_START, FRAME_END = b"\x0b", b"\x1c\r"
MAX_NULS = 3
"""Between FS and CR in UTF-32. Messages in UTF-16 and UTF-32 are taken from their frames so that the sender
is answered that they are not supported."""
END_OF_FRAME = re.compile(rb"\x1c\0{0,%d}\r" % MAX_NULS)
END_OF_FRAME_BYTES = 2 + MAX_NULS
BETWEEN_FRAMES = b"\r\n\0 "
RECEIVE_BYTES = 65_536

Receive = Callable[[int], Awaitable[bytes]]


class FrameTooLarge(Exception):
    """A frame that is larger than the limit, or has no end."""


class FrameTooSlow(Exception):
    """A frame that was begun and not completed in time."""


class FrameBuffer:
    """The bytes that have arrived and belong to no complete frame yet."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = bytearray()
        self._searched = 0

    @property
    def is_empty(self) -> bool:
        """No frame has begun."""
        return not self._bytes

    def add(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        self._bytes += data
        if not self._searched:
            self._bytes = self._bytes.lstrip(BETWEEN_FRAMES)

    def take(self) -> bytes | None:
        """Return the next complete message without its frame; None if there is none yet.

        Raises:
            FrameTooLarge: if the frame exceeds the limit.
        """
        end = END_OF_FRAME.search(self._bytes, self._searched)
        if (end.start() if end else len(self._bytes)) > self._max_bytes:
            raise FrameTooLarge
        if end is None:
            self._searched = max(0, len(self._bytes) - END_OF_FRAME_BYTES)
            return None
        body = bytes(self._bytes[: end.start()])
        self._bytes = self._bytes[end.end() :].lstrip(BETWEEN_FRAMES)
        self._searched = 0
        return body[body.find(FRAME_START) + 1 :]


@dataclass(slots=True)
class FrameReader:
    """Reads the messages of one sender.

    `idle_seconds`: how long it waits for the beginning of a frame. `frame_seconds`: how long a frame may
    take."""

    receive: Receive
    buffer: FrameBuffer
    idle_seconds: float
    frame_seconds: float

    async def next_message(self) -> bytes | None:
        """Return the sender's next message; None if the sender has disconnected or is idle.

        Raises:
            FrameTooLarge, FrameTooSlow: if the sender must be disconnected.
            OSError: if the connection was lost.
        """
        clock = asyncio.get_running_loop().time
        begun: float | None = None
        while (body := self.buffer.take()) is None:
            if begun is None and not self.buffer.is_empty:
                begun = clock()
            until = clock() + self.idle_seconds if begun is None else begun + self.frame_seconds
            try:
                async with asyncio.timeout_at(until):
                    received = await self.receive(RECEIVE_BYTES)
            except TimeoutError:
                if begun is None:
                    return None
                raise FrameTooSlow from None
            if not received:
                return None
            self.buffer.add(received)
        return body
