"""Command: serve."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.common import Home


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(serve)


def serve(
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="[default: web.port]")] = None,
    home: Home = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="At the first start, make an account of each role to try it.")
    ] = False,
) -> None:
    """Serve the web application until Ctrl-C.

    At the first start an administrator is made and the password printed, once.

    Example: chartloom serve --port 8765
    """
    from pipeline.config import load_settings
    from pipeline.runtime.installation import open_installation
    from pipeline.web.server import run
    from pipeline.worker.job_queue import enqueue_scan

    with open_installation(load_settings(home)) as installation:
        run(installation, enqueue_scan, port, demo=demo)
