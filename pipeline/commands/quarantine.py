"""Commands: quarantine list, show, retry, reject."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from pipeline.commands.common import By, Home, Json, database, emit, progress

Scans = Annotated[
    list[int] | None,
    typer.Argument(metavar="SCAN...", help="Numbers of scans, as `quarantine list` shows them."),
]
Note = Annotated[str, typer.Option("--note", help="Why.")]

group = typer.Typer(no_args_is_help=True, help="What could not be taken, and what to do about it.")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(group, name="quarantine")


@group.command("list", epilog="Example: chartloom quarantine list --json")
def list_(
    rejected: Annotated[
        bool, typer.Option("--rejected", help="Also those that a person has rejected.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List what waits in quarantine, oldest first."""
    from pipeline.ingest.quarantine import quarantined

    with database(home) as connection:
        for held in quarantined(connection, rejected=rejected):
            if as_json:
                emit(asdict(held))
            else:
                mark = f" (rejected by {held.rejected_by})" if held.rejected_at else ""
                typer.echo(
                    f"{held.id:>8}  {held.received_at:%Y-%m-%d %H:%M}  {held.code:<17}  {held.name!r}{mark}"
                )


@group.command(epilog="Example: chartloom quarantine show 17")
def show(
    scan: Annotated[int, typer.Argument(help="The scan's number.")], as_json: Json = False, home: Home = None
) -> None:
    """Show one of them: where it came from, what is wrong, what to do, what was done. Exit status 7 if it is
    not there.
    """
    from pipeline.ingest.quarantine import quarantined_scan

    with database(home) as connection:
        held = quarantined_scan(connection, scan)
    if as_json:
        emit(asdict(held))
        return
    typer.echo(
        f"Scan {held.id}, {held.size:,} bytes, {held.media_type}\nSHA-256 {held.sha256}\n{held.code}: {held.reason}"
    )
    for arrival in held.arrivals:
        typer.echo(
            f"  came as {arrival['name']!r}, seen {arrival['seen_at']}{' (again)' if arrival['duplicate'] else ''}"
        )
    for act in held.acts:
        typer.echo(
            f"  {act['act']} by {act['by']} at {act['at']} ({act['code']}){': ' + act['note'] if act['note'] else ''}"
        )


@group.command(epilog="Example: chartloom quarantine retry 17 18")
def retry(
    scans: Scans = None,
    all_: Annotated[bool, typer.Option("--all", help="All that wait in quarantine.")] = False,
    by: By = None,
    note: Note = "",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Open scans again, after limits were raised or Chartloom was updated. Exit status 2 if any is refused
    again.
    """
    from pipeline.config import load_settings
    from pipeline.ingest import quarantine
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.job_queue import enqueue_scan

    refused_any = False
    with open_installation(load_settings(home)) as installation, installation.connect() as connection:
        chosen = [held.id for held in quarantine.quarantined(connection)] if all_ else scans or []
        if not chosen:
            raise typer.BadParameter("Name the scans, or give --all.")
        blobs = installation.blobs()
        with progress("Opening again", len(chosen)) as advance:
            for scan in chosen:
                refused = quarantine.retry(
                    connection,
                    blobs,
                    installation.settings,
                    scan,
                    by=by or getpass.getuser(),
                    enqueue=enqueue_scan,
                    note=note,
                )
                refused_any |= refused is not None
                _say(scan, refused, as_json)
                advance(1)
    sys.exit(2 if refused_any else 0)


def _say(scan: int, refused: Any, as_json: bool) -> None:
    if as_json:
        emit(
            {
                "scan": scan,
                "status": "quarantined" if refused else "received",
                "reason": str(refused) if refused else None,
            }
        )
    else:
        typer.echo(f"Scan {scan}: {refused or 'taken; it is in the queue now.'}")


@group.command(epilog='Example: chartloom quarantine reject 17 --note "scanned again as 25"')
def reject(
    scans: Annotated[
        list[int],
        typer.Argument(metavar="SCAN...", help="Numbers of scans, as `quarantine list` shows them."),
    ],
    note: Annotated[str, typer.Option("--note", help="Why; required, it stays with the scan.")],
    by: By = None,
    home: Home = None,
) -> None:
    """Close the case of scans that are none or were scanned again. Their bytes are kept."""
    from pipeline.ingest import quarantine

    with database(home) as connection:
        for scan in scans:
            quarantine.reject(connection, scan, by=by or getpass.getuser(), note=note)
            typer.echo(f"Scan {scan}: rejected.")
