"""Command: serve."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.common import Home


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom serve --port 8765")(serve)


def serve(
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="[default: web.port]")
    ] = None,
    home: Home = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="At the first start, create one account of each role.")
    ] = False,
) -> None:
    """Serve the web application until Ctrl-C.

    At the first start an administrator account is created and its one-time password is printed.

    Exit codes: 0 stopped; 3 a service is unavailable; 5 a setting is wrong.
    """
    from pipeline.config import load_settings
    from pipeline.runtime.installation import open_installation
    from pipeline.web.server import run_server
    from pipeline.worker.job_queue import enqueue_scan

    with open_installation(load_settings(home)) as installation:
        run_server(installation, enqueue_scan, port, demo=demo)
