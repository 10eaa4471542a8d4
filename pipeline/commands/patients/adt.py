"""What `chartloom adt` does: listen until it is stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import typer

from pipeline import logs
from pipeline.config import load_settings
from pipeline.config.listener_tls import server_tls_context
from pipeline.config.listeners import check_exposure, feed_exposure
from pipeline.patients.mllp_listener import MllpListener
from pipeline.runtime.installation import open_installation

MESSAGES_AT_A_TIME = 8
"""Each has a database connection while it is processed. The messages of further senders wait."""


def listen(host: str | None, port: int | None, home: Path | None) -> None:
    """Listen until SIGINT or SIGTERM. The current message is processed and acknowledged first."""
    logs.configure()
    settings = load_settings(home)
    given = {"host": host, "port": port}
    adt = settings.adt.model_copy(update={name: value for name, value in given.items() if value is not None})
    check_exposure(feed_exposure("adt", adt, adt.host))
    tls = server_tls_context("adt", adt)
    with (
        open_installation(settings, store=False) as installation,
        installation.pool(MESSAGES_AT_A_TIME) as pool,
        MllpListener(adt, pool, settings.matching.assigning_authority, tls, MESSAGES_AT_A_TIME) as listener,
    ):
        serving = threading.Thread(target=listener.serve_forever, daemon=True)
        serving.start()
        typer.echo(f"Listening for HL7 messages{' over TLS' if tls else ''} on {adt.host}:{listener.port}")
        try:
            serving.join()
        except (KeyboardInterrupt, SystemExit):
            listener.shutdown()
            serving.join()
        typer.echo(f"Stopped; messages: {listener.counts or 'none'}")
