"""The listener of the metrics: HTTP, or HTTPS with the certificate in the settings, for scrapers of the
allowed networks. A few scrapes run at the same time, each within a limit of time.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from pipeline.config import MetricsSettings
from pipeline.config.listener_tls import server_tls_context
from pipeline.config.values import contains
from pipeline.logs import get_logger

MAX_SCRAPES = 8
"""At the same time. A further connection is closed."""
REQUEST_TIMEOUT_SECONDS = 10.0
"""For the TLS handshake, for each read of the request and for each write of the response."""
log = get_logger(__name__)


class RequestHandler(WSGIRequestHandler):
    """Handles one scrape, without logging it."""

    timeout = REQUEST_TIMEOUT_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """Serves the metrics."""

    daemon_threads = True

    def __init__(self, settings: MetricsSettings, port: int, registry: CollectorRegistry) -> None:
        self.address_family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        self._networks = settings.allowed_networks
        self._tls = server_tls_context("metrics", settings)
        self._free = threading.BoundedSemaphore(MAX_SCRAPES)
        super().__init__((settings.host, port), RequestHandler)
        self.set_app(make_wsgi_app(registry))

    def server_bind(self) -> None:
        """Bind the address, without asking the name service for a name of it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Return whether the scraper is admitted."""
        if self._networks and not contains(self._networks, client_address[0]):
            log.warning("metrics refused", client=client_address[0])
            return False
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a scrape in a thread of its own."""
        try:
            request.settimeout(REQUEST_TIMEOUT_SECONDS)
            secured = self._tls.wrap_socket(request, server_side=True) if self._tls else request
        except OSError as error:  # no TLS, an untrusted certificate, or a lost connection
            log.warning("metrics refused", client=client_address[0], error=type(error).__name__)
            self.shutdown_request(request)
        else:
            super().process_request_thread(secured, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the scraper has disconnected or was too slow."""


def start_metrics_server(
    settings: MetricsSettings, port: int, *collectors: Collector
) -> Callable[[], None] | None:
    """Serve the collectors' metrics at /metrics in a thread of this process.

    Args:
        settings: the address, and who may connect.
        port: the port.
        collectors: what to serve.

    Returns:
        A function that stops the server; None if the address is in use, which is logged.

    Raises:
        ConfigurationError: if a certificate or key cannot be used.
    """
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    try:
        server = MetricsServer(settings, port, registry)
    except OSError as error:
        log.warning("metrics not served", host=settings.host, port=port, error=error.strerror)
        return None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


@contextmanager
def metrics_server(settings: MetricsSettings, port: int, *collectors: Collector) -> Iterator[None]:
    """Serve the collectors' metrics within the context, unless the port is 0."""
    stop = start_metrics_server(settings, port, *collectors) if port else None
    try:
        yield
    finally:
        if stop is not None:
            stop()
