"""How uvicorn serves the application, and its HTTP protocol with deadlines that it does not have: for the
header of a request, and for a client that does not take its response. It also limits the connections of one
address.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.config import WebSettings
from pipeline.config.values import contains

SHUTDOWN_TIMEOUT_SECONDS = 3
SEND_TIMEOUT_MILLISECONDS = 30_000
"""A client that has acknowledged no byte of a response for this long is disconnected by the kernel."""


def server_config(app: ASGIApp, web: WebSettings) -> uvicorn.Config:
    """Return the configuration of the server, with the limits and the certificate of the settings."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # pipeline/web/trusted_proxies.py
        http=limited_protocol(web),
        limit_concurrency=web.max_connections,
        ssl_certfile=str(web.tls_certificate) if web.tls_certificate else None,
        ssl_keyfile=str(web.tls_key) if web.tls_key else None,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_SECONDS,
    )


def limited_protocol(web: WebSettings) -> type[H11Protocol]:
    """Return the class of a protocol with the limits of the settings.

    It disconnects a client that has not sent the complete header of a request in time, counted from the
    connection or from the first byte of a further request; and a client, unless it is a trusted proxy, that
    has as many connections as it may have.
    """
    connections: Counter[str] = Counter()

    class LimitedProtocol(H11Protocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._deadline: asyncio.TimerHandle | None = None
            self._peer = ""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            accepted = transport.get_extra_info("socket")
            if accepted is not None:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_TIMEOUT_MILLISECONDS)
            self._peer = self.client[0] if self.client else ""
            connections[self._peer] += 1
            if connections[self._peer] > web.max_connections_per_client and not contains(
                web.trusted_proxies, self._peer
            ):
                transport.abort()
            self._expect_header()

        def data_received(self, data: bytes) -> None:
            self._expect_header()
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._forget_header()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_header()
            connections[self._peer] -= 1
            if not connections[self._peer]:
                del connections[self._peer]
            super().connection_lost(exc)

        def _expect_header(self) -> None:
            if self._deadline is None and self.conn.their_state is h11.IDLE:
                self._deadline = self.loop.call_later(
                    web.request_header_timeout_seconds, self.transport.abort
                )

        def _forget_header(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return LimitedProtocol
