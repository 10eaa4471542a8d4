"""Command: watch."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.commands.common import Home


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom watch --folder /mnt/scanner")(watch)


def watch(
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="The intake folder. [default: intake.folder]"),
    ] = None,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
    home: Home = None,
) -> None:
    """Watch the intake folder until stopped: store each file, enqueue it for processing, move it to done/.

    Several watchers can share a folder. While the database or the store is unavailable, files stay in the
    folder.

    Exit codes: 0 stopped; 3 a service is unavailable at the start; 5 a setting is wrong.
    """
    from pipeline import logs
    from pipeline.config import load_settings
    from pipeline.ingest.watch import Watcher
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.job_queue import enqueue_scan

    logs.configure()
    settings = load_settings(home)
    if folder is not None:
        intake = settings.intake.model_copy(update={"folder": folder.expanduser().resolve()})
        settings = settings.model_copy(update={"intake": intake})
    with open_installation(settings) as installation:
        watcher = Watcher(installation.settings, installation.connect, installation.blobs, enqueue_scan)

        def stop(*_: Any) -> None:
            watcher.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        if until_eof:
            threading.Thread(target=_stop_at_end, args=(watcher.stop,), daemon=True).start()
        typer.echo(f"Watching {installation.settings.intake_folder}", err=True)
        watcher.run()


def _stop_at_end(stop: Any) -> None:
    """Stop when standard input ends: the program that started this one has exited."""
    import sys

    while sys.stdin.buffer.read(1):
        pass
    stop()
