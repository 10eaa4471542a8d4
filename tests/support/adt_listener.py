"""Run the listener for ADT messages on a free port on loopback, and send to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.config import AdtSettings, load_settings
from pipeline.config.listener_tls import server_tls_context
from pipeline.patients.mllp_frames import FRAME_END, FRAME_START
from pipeline.patients.mllp_listener import MllpListener
from pipeline.store.database import open_pool


def adt_settings(**changes: object) -> AdtSettings:
    """Return the shipped settings of the listener with a free port and these changes."""
    return load_settings().adt.model_copy(update={"port": 0, **changes})


@contextmanager
def listening(dsn: str, **changes: object) -> Iterator[MllpListener]:
    """Yield a running listener with the shipped settings and these changes."""
    settings = adt_settings(**changes)
    with (
        open_pool(dsn, 4) as pool,
        MllpListener(settings, pool, tls=server_tls_context("adt", settings)) as listener,
    ):
        serving = threading.Thread(target=listener.serve_forever, daemon=True)
        serving.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            serving.join(timeout=20)


def send(port: int, *bodies: bytes) -> list[str]:
    """Return the codes (MSA-1) with which the messages are answered."""
    codes: list[str] = []
    buffer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(b"".join(FRAME_START + body + FRAME_END for body in bodies))
        while len(codes) < len(bodies):
            received = sender.recv(65536)
            if not received:
                raise ConnectionError
            buffer += received
            while FRAME_END in buffer:
                answer, buffer = buffer.split(FRAME_END, 1)
                codes.append(answer.decode().split("MSA|")[1][:2])
    return codes
