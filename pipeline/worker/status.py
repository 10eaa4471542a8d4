"""How the work stands: scans by state, the queue, the workers, the pace and when it will be done, what waits
for people.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.worker.job_queue import QUEUES

SQL = statements("pipeline.worker")
WINDOW = 600.0  # seconds over which the pace is measured: long enough for a large page not to sway it
SHORTEST = 10.0  # seconds of work below which no pace is told
FAILURES = 10  # of the latest quarantines as many are named


def live_workers(connection: Connection, stalled_worker_seconds: float) -> int:
    """How many workers have given a sign of life within the time after which they count as dead."""
    return int(one(connection, "live_workers", seconds=stalled_worker_seconds)["count"])


def status_json(connection: Connection, stalled_worker_seconds: float) -> dict[str, Any]:
    """The state of an installation; see docs/reference/json.md."""
    with connection.transaction():
        scans = one(connection, "scans_by_state")
        documents = one(connection, "documents_by_state")
        reviews = one(connection, "reviews_waiting")
        read = one(connection, "pages_of_ranges_done")["pages"]
        pace = pages_per_minute(connection)
        queues = {row["queue"]: row for row in connection.execute(SQL["jobs_by_queue"])}
        workers = connection.execute(SQL["workers"], {"seconds": stalled_worker_seconds}).fetchall()
        failures = connection.execute(SQL["latest_failures"], {"limit": FAILURES}).fetchall()
    left = max(0, scans["pages_waiting"] - read)
    return {
        "scans": {name: scans[name] for name in ("waiting", "done", "quarantined")},
        "documents": documents,
        "pages": {"done": scans["pages_done"], "waiting": left},
        "queue": {
            name: {
                state: queues[name][state] if name in queues else 0
                for state in ("waiting", "running", "to_retry")
            }
            for name in QUEUES
        },
        "workers": [{**row, "started_at": stamp(row["started_at"])} for row in workers],
        "pages_per_minute": pace,
        "seconds_left": round(60 * left / pace) if pace and left else 0 if not left else None,
        "oldest_waiting": stamp(scans["oldest_waiting"]),
        "failures": {
            "faults": scans["faults"],
            "latest": [{**row, "at": stamp(row["at"])} for row in failures],
        },
        "reviews": {"waiting": reviews["waiting"], "oldest": stamp(reviews["oldest"])},
    }


def pages_per_minute(connection: Connection) -> float | None:
    """The pace of the last minutes; None where too little was read to tell."""
    row = one(connection, "pages_read_lately", window=WINDOW)
    return round(60 * row["pages"] / row["seconds"], 1) if row["seconds"] >= SHORTEST else None


def one(connection: Connection, name: str, **values: object) -> dict[str, Any]:
    """The row of a statement that gives one."""
    row = connection.execute(SQL[name], values).fetchone()
    assert row is not None, f"{name} aggregates: it always gives a row"
    return row


def stamp(at: datetime | None) -> str | None:
    """A time in ISO 8601, None as it is."""
    return None if at is None else at.isoformat(timespec="seconds")
