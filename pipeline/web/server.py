"""The web server: one process with threads; plain HTTP on loopback, or TLS with the settings' certificate."""

from __future__ import annotations

import errno
import os
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
from pipeline.web.auth.accounts import (
    ADMINISTRATOR_NAME,
    account_named,
    create_demo_accounts,
    ensure_administrator,
    keep_temporary_password,
)
from pipeline.web.auth.purge import purging


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
FIRST_SIGN_IN_FILE = "first-password"


def run_server(
    installation: Installation,
    enqueue: Callable[[Connection, int, int], None],
    port: int | None = None,
    *,
    demo: bool = False,
) -> None:
    """Serve until interrupted.

    The first start creates the first administrator and writes the temporary password to a file.

    Args:
        installation: The settings, the database and the object store.
        enqueue: Enqueues the processing of a scan (its id, its priority) in a connection's transaction.
        port: The port to listen on; None is the setting's or the next free one.
        demo: At the first start, also create an account for each role.

    Raises:
        ConfigurationError: If the host or the port of the settings cannot be used, or no one could sign in.
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
    check_password_setting(settings)
    listening = open_listening_socket(web.host, port or web.port, exact=port is not None)
    with installation.connect() as connection:
        first_start(connection, settings, demo=demo)
    address = f"http{'s' if tls else ''}://{web.host}:{listening.getsockname()[1]}/"
    print(f"Chartloom is running at {address}", flush=True)
    with (
        installation.pool(MAX_DATABASE_CONNECTIONS) as pool,
        installation.replica(MAX_DATABASE_CONNECTIONS) as replica,
        purging(pool, settings.web.session_idle_minutes),
        metrics_server(settings.metrics, settings.metrics.web_port, installation_collector(installation.dsn)),
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


def first_start(connection: Connection, settings: Settings, *, demo: bool) -> None:
    """Create the first administrator if there is no account, with a temporary password in a file that only
    its owner can read: what is printed may end in a journal.

    `demo`: also create an account for each role, with the same password and none of them temporary."""
    temporary = ensure_administrator(connection, settings.sign_in.temporary_password_hours)
    if temporary is None:
        return
    names = [ADMINISTRATOR_NAME]
    if demo:
        names = [*create_demo_accounts(connection, temporary.password), *names]
        keep_temporary_password(connection, account_named(connection, ADMINISTRATOR_NAME))
    file = settings.home / FIRST_SIGN_IN_FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        print(
            f"First start: {file} cannot be written ({error.strerror}). Get a password with "
            f"`chartloom accounts password {ADMINISTRATOR_NAME}`"
        )
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(f"{temporary.password}\n")
    print(f"First start: sign in as {', '.join(names)} with the password in {file}; then delete that file")


def check_password_setting(settings: Settings) -> None:
    """Raise ConfigurationError if no one could sign in."""
    if settings.sign_in.passwords != "always" and not (
        settings.web.oidc_issuer and settings.web.oidc_client_id
    ):
        raise ConfigurationError(
            f"sign_in.passwords is {settings.sign_in.passwords}, but no identity provider is configured.",
            "Set web.oidc_issuer and web.oidc_client_id.",
        )


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
