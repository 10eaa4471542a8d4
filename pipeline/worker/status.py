"""The status of an installation: scans by state, the queue, the workers, the pace and the estimated time
left, and what waits for people.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.worker.job_queue import QUEUES

SQL = statements("pipeline.worker")
PACE_WINDOW_SECONDS = 600.0  # long enough that one large page does not change the pace
MIN_PACE_SECONDS = 10.0  # seconds of work below which no pace is reported
MAX_LISTED_FAILURES = 10  # the latest quarantined scans


def live_workers(connection: Connection, stalled_worker_seconds: float) -> int:
    """Return how many workers have sent a heartbeat within the time after which they count as stalled."""
    return int(fetch_one(connection, "live_workers", seconds=stalled_worker_seconds)["count"])


def status_json(connection: Connection, stalled_worker_seconds: float) -> dict[str, Any]:
    """Return the status of an installation; see docs/reference/json.md."""
    with connection.transaction():
        scans = fetch_one(connection, "scans_by_state")
        documents = fetch_one(connection, "documents_by_state")
        reviews = fetch_one(connection, "reviews_waiting")
        read = fetch_one(connection, "pages_of_ranges_done")["pages"]
        pace = pages_per_minute(connection)
        queues = {row["queue"]: row for row in connection.execute(SQL["jobs_by_queue"])}
        workers = connection.execute(SQL["workers"], {"seconds": stalled_worker_seconds}).fetchall()
        failures = connection.execute(SQL["latest_failures"], {"limit": MAX_LISTED_FAILURES}).fetchall()
    left = max(0, scans["pages_waiting"] - read)
    return {
        "scans": {name: scans[name] for name in ("waiting", "done", "quarantined")},
        "documents": documents,
        "pages": {"done": scans["pages_done"], "waiting": left},
        "queue": {
            name: {
                state: queues[name][state] if name in queues else 0
                for state in ("waiting", "running", "retrying")
            }
            for name in QUEUES
        },
        "workers": [{**row, "started_at": format_timestamp(row["started_at"])} for row in workers],
        "pages_per_minute": pace,
        "seconds_left": round(60 * left / pace) if pace and left else 0 if not left else None,
        "oldest_waiting": format_timestamp(scans["oldest_waiting"]),
        "failures": {
            "faults": scans["faults"],
            "latest": [{**row, "at": format_timestamp(row["at"])} for row in failures],
        },
        "reviews": {"waiting": reviews["waiting"], "oldest": format_timestamp(reviews["oldest"])},
    }


def pages_per_minute(connection: Connection) -> float | None:
    """Return the pace of the last minutes; None if too little was read to measure it."""
    row = fetch_one(connection, "pages_read_lately", window=PACE_WINDOW_SECONDS)
    return round(60 * row["pages"] / row["seconds"], 1) if row["seconds"] >= MIN_PACE_SECONDS else None


def fetch_one(connection: Connection, name: str, **values: object) -> dict[str, Any]:
    """Return the row of a statement that returns exactly one."""
    row = connection.execute(SQL[name], values).fetchone()
    assert row is not None, f"{name} aggregates, so it always returns a row"
    return row


def format_timestamp(at: datetime | None) -> str | None:
    """Return a time in ISO 8601; None stays None."""
    return None if at is None else at.isoformat(timespec="seconds")
