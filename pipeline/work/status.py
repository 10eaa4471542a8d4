"""How the work stands: scans by state, the queue, the workers, the pace."""

from __future__ import annotations

from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.work")


def live_workers(connection: Connection, takeover_seconds: float) -> int:
    """How many workers have given a sign of life within the time after which they count as dead."""
    row = connection.execute(SQL["live_workers"], {"seconds": takeover_seconds}).fetchone()
    return 0 if row is None else int(row["count"])
