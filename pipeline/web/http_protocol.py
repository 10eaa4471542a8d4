"""How uvicorn serves the application, and its HTTP protocol with deadlines that it does not have: for the
header of a request, and for a client that does not take its response.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.config import WebSettings

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
        http=protocol_with_deadline(web.request_header_timeout_seconds),
        limit_concurrency=web.max_connections,
        ssl_certfile=str(web.tls_certificate) if web.tls_certificate else None,
        ssl_keyfile=str(web.tls_key) if web.tls_key else None,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_SECONDS,
    )


def protocol_with_deadline(header_timeout_seconds: float) -> type[H11Protocol]:
    """Return the class of a protocol that disconnects a client that has not sent the complete header of a
    request this long after it has connected, or after the first byte of a further request.
    """

    class ProtocolWithDeadline(H11Protocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            accepted = transport.get_extra_info("socket")
            if accepted is not None:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_TIMEOUT_MILLISECONDS)
            self._expect_header()

        def data_received(self, data: bytes) -> None:
            self._expect_header()
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._forget_header()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_header()
            super().connection_lost(exc)

        def _expect_header(self) -> None:
            if self._deadline is None and self.conn.their_state is h11.IDLE:
                self._deadline = self.loop.call_later(header_timeout_seconds, self.transport.abort)

        def _forget_header(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return ProtocolWithDeadline
