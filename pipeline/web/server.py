"""Running the web application: one process with threads, plain HTTP on loopback or TLS with the settings'
certificate.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Protocol

from pipeline.config import Settings
from pipeline.errors import BadSettings
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, Pool
from pipeline.store.replica import Replica
from pipeline.web.auth.accounts import ADMINISTRATOR, demo_accounts, ensure_administrator


class Installation(Protocol):
    """What serving needs of pipeline.runtime.installation.Installation."""

    @property
    def settings(self) -> Settings: ...
    def connect(self) -> Connection: ...
    def pool(self, size: int) -> Pool: ...
    def replica(self, size: int = 1) -> AbstractContextManager[Replica | None]: ...
    def blobs(self) -> Blobs: ...


NEXT_PORTS = 20  # how many ports are tried where none was asked for
BACKLOG = 128
POOL = 12  # routes run in threads; a dozen at once saturates the cores that one web process can use
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(
    installation: Installation,
    enqueue: Callable[[Connection, int, int], None],
    port: int | None = None,
    *,
    demo: bool = False,
) -> None:
    """Serve until interrupted. Makes the first administrator and prints the password, once; `demo`: an
    account of each role.
    """
    import uvicorn

    from pipeline.web.application import build
    from pipeline.web.auth.request_context import Desk

    settings = installation.settings
    web = settings.web
    tls = web.tls_certificate is not None
    if not tls and web.host not in LOOPBACK and not web.behind_proxy:
        raise BadSettings(
            f"web.host is {web.host}, which other machines reach, and there is no web.tls_certificate.",
            "Set web.tls_certificate and web.tls_key, or web.behind_proxy where a proxy in front speaks TLS.",
        )
    listening = listen(web.host, port or web.port, exact=port is not None)
    with installation.connect() as connection:
        password = ensure_administrator(connection)
        others = demo_accounts(connection, password) if password is not None and demo else []
    where = f"http{'s' if tls else ''}://{web.host}:{listening.getsockname()[1]}/"
    names = ", ".join([*others, ADMINISTRATOR])
    if password is not None:
        print(f"First start: sign in as {names} with the password {password}  (it is shown this once)")
    print(f"Chartloom answers at {where}", flush=True)
    with installation.pool(POOL) as pool, installation.replica(POOL) as replica:
        app = build(
            Desk(
                settings=settings,
                pool=pool,
                blobs=cache(installation.blobs),
                enqueue=enqueue,
                replica=replica,
            )
        )
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=web.behind_proxy,
            forwarded_allow_ips="127.0.0.1" if web.behind_proxy else None,
            ssl_certfile=str(web.tls_certificate) if web.tls_certificate else None,
            ssl_keyfile=str(web.tls_key) if web.tls_key else None,
            timeout_graceful_shutdown=3,
        )
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int, *, exact: bool) -> socket.socket:
    """A socket that listens on that port; on one of the next where it is taken and not `exact`. Raises
    BadSettings.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + 1 if exact else port + NEXT_PORTS):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(BACKLOG)
        except PermissionError:
            listening.close()
            raise BadSettings(
                f"Port {candidate} is not for this user.", "Choose one above 1023 with --port."
            ) from None
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE:
                raise BadSettings(
                    f"web.host {host} cannot be listened on: {error.strerror}.", "Correct it."
                ) from None
        else:
            return listening
    raise BadSettings(
        f"Port {port} is taken by another program.",
        "Choose another with --port, or web.port in the settings.",
    )
