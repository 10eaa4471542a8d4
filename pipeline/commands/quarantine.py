"""Commands: quarantine list, show, retry, dismiss."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import By, Home, Json, database, emit, progress

if TYPE_CHECKING:
    from pipeline.errors import InvalidInput
    from pipeline.ingest.quarantine import QuarantinedScan

ScanNumbers = typer.Argument(metavar="SCAN...", help="Numbers from `quarantine list`.")

group = typer.Typer(no_args_is_help=True, help="Files that could not be ingested: list, retry, dismiss.")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(group, name="quarantine")


@group.command("list", epilog="Example: chartloom quarantine list --json")
def list_(
    dismissed: Annotated[bool, typer.Option("--dismissed", help="Also those that were dismissed.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List the scans in quarantine, oldest first.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.ingest.quarantine import quarantined_scans

    with database(home) as connection:
        for scan in quarantined_scans(connection, include_dismissed=dismissed):
            if as_json:
                emit(asdict(scan))
                continue
            mark = f" (dismissed by {scan.dismissed_by})" if scan.dismissed_at else ""
            typer.echo(
                f"{scan.id:>8}  {scan.received_at:%Y-%m-%d %H:%M}  {scan.code:<17}  {scan.name!r}{mark}"
            )


@group.command(epilog="Example: chartloom quarantine show 17")
def show(
    scan: Annotated[int, typer.Argument(metavar="SCAN", help="Number from `quarantine list`.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show a scan: where it came from, what is wrong, what to do, and what was done.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such scan in quarantine.
    """
    from pipeline.ingest.quarantine import quarantined_scan

    with database(home) as connection:
        quarantined = quarantined_scan(connection, scan)
    if as_json:
        emit(asdict(quarantined))
    else:
        typer.echo(format_scan(quarantined))


def format_scan(scan: QuarantinedScan) -> str:
    """Return a scan with its history as text."""
    lines = [
        f"Scan {scan.id}, {scan.size:,} bytes, {scan.media_type}",
        f"SHA-256 {scan.sha256}",
        f"{scan.code}: {scan.reason}",
    ]
    for arrival in scan.arrivals:
        again = " (again)" if arrival["duplicate"] else ""
        lines.append(f"  arrived as {arrival['name']!r}, seen {arrival['seen_at']}{again}")
    for action in scan.actions:
        note = f": {action['note']}" if action["note"] else ""
        lines.append(f"  {action['action']} by {action['by']} at {action['at']} ({action['code']}){note}")
    return "\n".join(lines)


@group.command(epilog="Example: chartloom quarantine retry 17 18")
def retry(
    scans: Annotated[list[int] | None, ScanNumbers] = None,
    all_: Annotated[bool, typer.Option("--all", help="All scans in quarantine.")] = False,
    by: By = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="The reason.")] = "",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Open scans again, after limits were raised or Chartloom was updated.

    Exit codes: 0 all were ingested; 2 a scan was rejected again; 3 a service is unavailable; 7 there is no
    such scan in quarantine.
    """
    from pipeline.config import load_settings
    from pipeline.ingest import quarantine
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.job_queue import enqueue_scan

    any_rejected = False
    with open_installation(load_settings(home)) as installation, installation.connect() as connection:
        chosen = [scan.id for scan in quarantine.quarantined_scans(connection)] if all_ else scans or []
        if not chosen:
            raise typer.BadParameter("Name the scans, or use --all.")
        blobs = installation.blobs()
        with progress("Opening again", len(chosen)) as advance:
            for scan in chosen:
                rejection = quarantine.retry(
                    connection,
                    blobs,
                    installation.settings,
                    scan,
                    actor=by or getpass.getuser(),
                    enqueue=enqueue_scan,
                    note=note,
                )
                any_rejected |= rejection is not None
                _print_result(scan, rejection, as_json=as_json)
                advance(1)
    sys.exit(2 if any_rejected else 0)


def _print_result(scan: int, rejection: InvalidInput | None, *, as_json: bool) -> None:
    if not as_json:
        typer.echo(f"Scan {scan}: {rejection or 'ingested; it is in the queue now.'}")
    elif rejection is None:
        emit({"scan": scan, "status": "received", "reason": None})
    else:
        emit({"scan": scan, "status": "quarantined", "reason": str(rejection)})


@group.command(epilog='Example: chartloom quarantine dismiss 17 --note "scanned again as 25"')
def dismiss(
    scans: Annotated[list[int], ScanNumbers],
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="The reason; it is kept with the scan.")
    ],
    by: By = None,
    home: Home = None,
) -> None:
    """Dismiss files that are not scans, or that were scanned again. Their bytes are kept.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such scan in quarantine.
    """
    from pipeline.ingest import quarantine

    with database(home) as connection:
        for scan in scans:
            quarantine.dismiss(connection, scan, actor=by or getpass.getuser(), note=note)
            typer.echo(f"Scan {scan}: dismissed.")
