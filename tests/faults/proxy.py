"""An S3 store that misbehaves: a proxy that refuses or delays requests to a working store, or loses or
corrupts objects.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DELAY_SECONDS = 2.0


class Behavior(Enum):
    """The behavior of the store."""

    GOOD = auto()
    REFUSING = auto()  # connections are closed without a response
    SLOW = auto()  # every response is late
    FAILING = auto()  # 503 for every request
    LOSING = auto()  # acknowledges objects that it has discarded
    CORRUPTING = auto()  # stores other bytes than it received


class Proxy:
    """Listens on loopback; `behavior` may be changed at any time."""

    def __init__(self, target: str) -> None:
        self.behavior = Behavior.GOOD
        self.disturbed = 0
        """Number of requests that were disturbed."""
        self._target = target
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _forward_or_disturb(self) -> None:
                body = self._body()
                proxy.disturbed += proxy.behavior is not Behavior.GOOD
                if proxy.behavior is Behavior.REFUSING:
                    self.close_connection = True
                    self.connection.close()
                    return
                if proxy.behavior is Behavior.FAILING:
                    self._answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
                    return
                if proxy.behavior is Behavior.SLOW:
                    time.sleep(DELAY_SECONDS)
                storing = self.command == "PUT" and self.path.count("/") > 2
                if storing and proxy.behavior is Behavior.LOSING:
                    self._answer(200, {"ETag": '"00000000000000000000000000000000"'}, b"")
                    return
                self._forward(
                    body[: len(body) // 2] if storing and proxy.behavior is Behavior.CORRUPTING else body
                )

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward_or_disturb  # noqa: N815

            def _body(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def _forward(self, body: bytes) -> None:
                store = http.client.HTTPConnection(proxy._target, timeout=30)
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() != "content-length"
                }
                store.request(self.command, self.path, body, {**headers, "Content-Length": str(len(body))})
                answer = store.getresponse()
                self._answer(answer.status, dict(answer.getheaders()), answer.read())
                store.close()

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response_only(status)
                dropped = ("transfer-encoding", "connection") + (
                    () if self.command == "HEAD" else ("content-length",)
                )
                for name, value in headers.items():
                    if name.lower() not in dropped:
                        self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        return Handler
