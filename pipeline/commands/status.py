"""Command: status."""

from __future__ import annotations

from typing import Any

import typer

from pipeline.commands.common import Home, Json, emit


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom status --json")(status)


def status(as_json: Json = False, home: Home = None) -> None:
    """Show the state of the work: scans, queue, workers, pace, what is left, failures, open reviews.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.config import load_settings
    from pipeline.patients.rejected_messages import count_rejected_messages
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.status import status_json

    settings = load_settings(home)
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        state = status_json(connection, settings.worker.stalled_worker_seconds)
        state["messages"] = {"rejected": count_rejected_messages(connection)}
    emit(state) if as_json else typer.echo(format_state(state))


def format_state(state: dict[str, Any]) -> str:
    """Return the state as text, a line for each part."""
    scans, pages, documents = state["scans"], state["pages"], state["documents"]
    reviews, failures = state["reviews"], state["failures"]
    queue = ", ".join(
        f"{name} {jobs['waiting']} waiting, {jobs['running']} running"
        for name, jobs in state["queue"].items()
    )
    pace = f"{state['pages_per_minute']} pages a minute" if state["pages_per_minute"] else "not known yet"
    seconds = state["seconds_left"]
    left = f", about {seconds // 60 + 1} min" if seconds else ""
    oldest_review = f", the oldest since {reviews['oldest']}" if reviews["oldest"] else ""
    lines = [
        f"scans       {scans['done']} done, {scans['waiting']} waiting, {scans['quarantined']} quarantined",
        f"documents   {documents['filed']} filed, {documents['in_review']} in review",
        f"queue       {queue}",
        f"pace        {pace}, {pages['waiting']} pages left{left}",
        f"oldest      {state['oldest_waiting'] or 'nothing is waiting'}",
        f"review      {reviews['waiting']} open{oldest_review}",
        f"failures    {scans['quarantined']} quarantined, {failures['faults']} of them by internal errors",
        *(f"            scan {row['scan']}: {row['code']}: {row['reason']}" for row in failures["latest"]),
        f"messages    {state['messages']['rejected']} HL7 messages rejected: see chartloom patients rejected",
        f"workers     {len(state['workers']) or 'none'}",
        *(f"            {row['host']} {row['pid']}: {current_job(row)}" for row in state["workers"]),
    ]
    return "\n".join(lines)


def current_job(worker: dict[str, Any]) -> str:
    """Return the current job of a worker."""
    return f"{worker['task']} {worker['scan']}" if worker["task"] else "idle"
