"""Command: status."""

from __future__ import annotations

from typing import Any

import typer

from pipeline.commands.common import Home, Json, emit


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom status --json")(status)


def status(as_json: Json = False, home: Home = None) -> None:
    """How the work stands: scans, queue, workers, pace, what is left, failures, reviews waiting.

    Exit status: 0; 3 a service is away.
    """
    from pipeline.config import load_settings
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.status import status_json

    settings = load_settings(home)
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        state = status_json(connection, settings.worker.stalled_worker_seconds)
    emit(state) if as_json else typer.echo(state_in_words(state))


def state_in_words(state: dict[str, Any]) -> str:
    """The state for a person, a line for each thing."""
    scans, documents, reviews, failures = (
        state["scans"],
        state["documents"],
        state["reviews"],
        state["failures"],
    )
    queue = ", ".join(
        f"{name} {jobs['waiting']} waiting, {jobs['running']} running"
        for name, jobs in state["queue"].items()
    )
    pace = f"{state['pages_per_minute']} pages a minute" if state["pages_per_minute"] else "no pace yet"
    left = state["seconds_left"]
    lines = [
        f"scans       {scans['done']} done, {scans['waiting']} waiting, {scans['quarantined']} quarantined",
        f"documents   {documents['filed']} filed, {documents['in_review']} in review",
        f"queue       {queue}",
        f"pace        {pace}, {state['pages']['waiting']} pages left{f', about {left // 60 + 1} min' if left else ''}",
        f"oldest      {state['oldest_waiting'] or 'nothing waits'}",
        f"review      {reviews['waiting']} waiting{', since ' + reviews['oldest'] if reviews['oldest'] else ''}",
        f"failures    {scans['quarantined']} quarantined, {failures['faults']} of them faults of Chartloom's own",
        *(f"            scan {row['scan']}: {row['code']}: {row['reason']}" for row in failures["latest"]),
        f"workers     {len(state['workers']) or 'none'}",
        *(f"            {row['host']} {row['pid']}: {doing(row)}" for row in state["workers"]),
    ]
    return "\n".join(lines)


def doing(worker: dict[str, Any]) -> str:
    """What a worker is doing."""
    return f"{worker['task']} {worker['scan']}" if worker["task"] else "idle"
