"""Running the web application: one process with threads, plain HTTP on loopback or TLS with the settings' certificate."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from pipeline.errors import BadSettings
from pipeline.review.accounts import ADMINISTRATOR, ensure_administrator

if TYPE_CHECKING:
    from pipeline.services.installation import Installation

POOL = 12  # routes run in threads; a dozen at once saturates the cores that one web process can use
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(installation: Installation, port: int | None = None) -> None:
    """Serve until interrupted. Makes the first administrator and prints the password, once."""
    import uvicorn

    from pipeline.review.application import build
    from pipeline.review.visit import Desk

    settings = installation.settings
    web = settings.web
    tls = web.tls_certificate is not None
    if not tls and web.host not in LOOPBACK and not web.behind_proxy:
        raise BadSettings(
            f"web.host is {web.host}, which other machines reach, and there is no web.tls_certificate.",
            "Set web.tls_certificate and web.tls_key, or web.behind_proxy where a proxy in front speaks TLS.",
        )
    with installation.connect() as connection:
        password = ensure_administrator(connection)
    where = f"http{'s' if tls else ''}://{web.host}:{port or web.port}/"
    if password is not None:
        print(f"First start: sign in as {ADMINISTRATOR} with the password {password}  (it is shown this once)")
    print(f"Chartloom answers at {where}", flush=True)
    sys.stdout.flush()
    with installation.pool(POOL) as pool:
        app = build(Desk(settings=settings, pool=pool, blobs=cache(installation.blobs)))
        uvicorn.run(
            app,
            host=web.host,
            port=port or web.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=web.behind_proxy,
            forwarded_allow_ips="127.0.0.1" if web.behind_proxy else None,
            ssl_certfile=str(web.tls_certificate) if web.tls_certificate else None,
            ssl_keyfile=str(web.tls_key) if web.tls_key else None,
            timeout_graceful_shutdown=3,
        )
