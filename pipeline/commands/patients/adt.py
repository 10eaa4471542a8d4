"""What `chartloom adt` does: listen until it is stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import typer

from pipeline import logs
from pipeline.config import load_settings
from pipeline.patients.mllp_listener import MllpListener, server_tls_context
from pipeline.runtime.installation import open_installation

MAX_CONNECTIONS = 8
"""Senders that are served at the same time. Further ones wait."""


def listen(host: str, port: int, home: Path | None) -> None:
    """Listen until SIGINT or SIGTERM. The current message is processed and acknowledged first."""
    logs.configure()
    settings = load_settings(home)
    tls = server_tls_context(settings.adt)
    with (
        open_installation(settings, store=False) as installation,
        installation.pool(MAX_CONNECTIONS) as pool,
        MllpListener(
            (host, port),
            pool,
            settings.matching.assigning_authority,
            tls,
            settings.adt.tls_handshake_timeout_seconds,
        ) as listener,
    ):
        serving = threading.Thread(target=listener.serve_forever, daemon=True)
        serving.start()
        typer.echo(f"Listening for HL7 messages{' over TLS' if tls else ''} on {host}:{listener.port}")
        try:
            serving.join()
        except (KeyboardInterrupt, SystemExit):
            listener.shutdown()
        typer.echo(f"Stopped; messages: {listener.counts or 'none'}")
