"""The web server: one process with threads; plain HTTP on loopback, or TLS with the settings' certificate."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Protocol

from pipeline.config import Settings
from pipeline.config.listeners import check_exposure, metrics_exposure, web_exposure
from pipeline.errors import ConfigurationError
from pipeline.metrics import installation_collector
from pipeline.metrics_listener import metrics_server
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, Pool
from pipeline.store.replica import Replica
from pipeline.web.auth.accounts import ADMINISTRATOR_NAME, create_demo_accounts, ensure_administrator


class Installation(Protocol):
    """The part of pipeline.runtime.installation.Installation that the server needs."""

    @property
    def dsn(self) -> str: ...

    @property
    def settings(self) -> Settings: ...
    def connect(self) -> Connection: ...
    def pool(self, size: int) -> Pool: ...
    def replica(self, size: int = 1) -> AbstractContextManager[Replica | None]: ...
    def blobs(self) -> Blobs: ...


MAX_PORTS_TRIED = 20  # how many ports are tried if none was requested
LISTEN_BACKLOG = 128
# routes run in threads; a dozen at once saturate the cores that one web process can use
MAX_DATABASE_CONNECTIONS = 12


def run_server(
    installation: Installation,
    enqueue: Callable[[Connection, int, int], None],
    port: int | None = None,
    *,
    demo: bool = False,
) -> None:
    """Serve until interrupted.

    The first start creates the first administrator and prints the password once.

    Args:
        installation: The settings, the database and the object store.
        enqueue: Enqueues the processing of a scan (its id, its priority) in a connection's transaction.
        port: The port to listen on; None is the setting's or the next free one.
        demo: At the first start, also create an account for each role.

    Raises:
        ConfigurationError: If the host or the port of the settings cannot be used.
    """
    import uvicorn

    from pipeline.web.application import create_app
    from pipeline.web.auth.request_context import AppContext
    from pipeline.web.http_protocol import server_config

    settings = installation.settings
    web = settings.web
    tls = web.tls_certificate is not None
    check_exposure(web_exposure(web))
    check_exposure(metrics_exposure(settings.metrics))
    listening = open_listening_socket(web.host, port or web.port, exact=port is not None)
    with installation.connect() as connection:
        password = ensure_administrator(connection)
        others = create_demo_accounts(connection, password) if password is not None and demo else []
    if password is not None:
        names = ", ".join([*others, ADMINISTRATOR_NAME])
        print(f"First start: sign in as {names} with the password {password} (shown only once)")
    address = f"http{'s' if tls else ''}://{web.host}:{listening.getsockname()[1]}/"
    print(f"Chartloom is running at {address}", flush=True)
    with (
        installation.pool(MAX_DATABASE_CONNECTIONS) as pool,
        installation.replica(MAX_DATABASE_CONNECTIONS) as replica,
        metrics_server(
            settings.metrics, settings.metrics.web_port, installation_collector(installation.dsn)
        ),
    ):
        app = create_app(
            AppContext(
                settings=settings,
                pool=pool,
                blobs=cache(installation.blobs),
                enqueue=enqueue,
                replica=replica,
            )
        )
        uvicorn.Server(server_config(app, web)).run(sockets=[listening])


def open_listening_socket(host: str, port: int, *, exact: bool) -> socket.socket:
    """Return a socket that listens on the port or, unless `exact`, on the next free one.

    Raises ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + 1 if exact else port + MAX_PORTS_TRIED):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(LISTEN_BACKLOG)
        except PermissionError:
            listening.close()
            raise ConfigurationError(
                f"This user is not permitted to use port {candidate}.",
                "Choose a port above 1023 with --port.",
            ) from None
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE:
                raise ConfigurationError(
                    f"The server cannot listen on web.host {host}: {error.strerror}.",
                    "Correct the setting.",
                ) from None
        else:
            return listening
    raise ConfigurationError(
        f"Port {port} is in use by another program.",
        "Choose another port with --port or the setting web.port.",
    )
