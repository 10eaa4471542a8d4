"""A read replica for read-only queries, used while its replication lag is small.

The lag is zero if the replica has replayed everything that the primary had written when the query came; else
it is the age of the last change that it has replayed. A database that is not a standby is never used as a
replica."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import psycopg

from pipeline.logs import get_logger
from pipeline.store.database import Connection, Pool

log = get_logger(__name__)

RETRY_SECONDS = 10.0
"""A replica that did not respond is not tried again for this long."""
LAG_QUERY = """
select case when pg_last_wal_replay_lsn() >= %s::pg_lsn then 0
       else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 end as seconds
"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReplicaResult(Generic[T]):
    """A query's result, and how many seconds it may lag behind the primary; 0 if nothing is missing."""

    value: T
    lag_seconds: float


@dataclass
class Replica:
    """A streaming standby. Threads may share it. With a lag above `max_lag_seconds` it is not used."""

    pool: Pool
    max_lag_seconds: float
    _unused_until: float = field(default=0.0, init=False)

    def run(
        self, primary: Connection, query: Callable[[Connection], T], role: str | None = None
    ) -> ReplicaResult[T]:
        """Run a read-only query at the replica, or at the primary if the replica is unavailable or lags too
        far.

        Args:
            primary: A connection to the primary, with the rights that the query needs.
            query: Reads through the connection it is called with.
            role: The database role for the query at the replica.

        Returns:
            The query's result and its lag.
        """
        if time.monotonic() >= self._unused_until:
            try:
                with self._standby(primary) as (standby, lag):
                    if lag is not None and lag <= self.max_lag_seconds:
                        if role is not None:
                            standby.execute("select set_config('role', %s, true)", [role])
                        return ReplicaResult(query(standby), lag)
            # no connection, or the standby cancelled the query to keep up with the primary
            except psycopg.OperationalError as error:
                self._unused_until = time.monotonic() + RETRY_SECONDS
                log.warning("replica unavailable, using the primary", error=type(error).__name__)
        return ReplicaResult(query(primary), 0.0)

    def lag(self, primary: Connection) -> float | None:
        """Return the replication lag in seconds; None if the server is not a standby.

        Raises:
            psycopg.OperationalError: The replica is unavailable.
        """
        with self._standby(primary) as (_, lag):
            return lag

    @contextmanager
    def _standby(self, primary: Connection) -> Iterator[tuple[Connection, float | None]]:
        """Open a transaction at the standby; yield it with its lag in seconds."""
        written = primary.execute("select pg_current_wal_insert_lsn()::text as position").fetchone()
        assert written is not None
        with self.pool.connection() as standby, standby.transaction():
            row = standby.execute(LAG_QUERY, [written["position"]]).fetchone()
            yield standby, row["seconds"] if row else None
