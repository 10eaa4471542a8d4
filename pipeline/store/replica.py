"""A standby of the database, asked instead of it by whoever only looks something up, as long as it is close
behind.

How far it is behind is told by the database's own log: nothing, where it has replayed all that the database
had written when the question came; else the age of the last change that it has. A database that is no standby
is never asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import psycopg

from pipeline.store.database import Connection, Pool

log = logging.getLogger(__name__)
REST_SECONDS = 10.0  # a replica that did not answer is not tried again meanwhile
BEHIND = """
select case when pg_last_wal_replay_lsn() >= %s::pg_lsn then 0
       else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 end as seconds
"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was found, and how many seconds it may be behind the database; 0 where nothing is missing."""

    found: T
    behind: float


@dataclass
class Replica:
    """The standby. `most_behind`: seconds; further behind, it is not asked. Threads may share it."""

    pool: Pool
    most_behind: float
    _rests_until: float = field(default=0.0, init=False)

    def ask(
        self, primary: Connection, question: Callable[[Connection], T], role: str | None = None
    ) -> Answer[T]:
        """What a question that changes nothing finds: at the standby, or at the database where the standby is
        away, too far behind, or breaks off. `role`: with whose rights, at the standby; the primary's
        connection has them already."""
        if time.monotonic() >= self._rests_until:
            try:
                with self._standby(primary) as (standby, behind):
                    if behind is not None and behind <= self.most_behind:
                        if role is not None:
                            standby.execute("select set_config('role', %s, true)", [role])
                        return Answer(question(standby), behind)
            except (
                psycopg.OperationalError
            ) as error:  # no connection, or the standby had to break off to keep up
                self._rests_until = time.monotonic() + REST_SECONDS
                log.warning("the replica does not answer (%s); the database is asked", type(error).__name__)
        return Answer(question(primary), 0.0)

    def behind(self, primary: Connection) -> float | None:
        """How many seconds it is behind; None where it is no standby. Raises psycopg.OperationalError where
        it is away.
        """
        with self._standby(primary) as (_, behind):
            return behind

    @contextmanager
    def _standby(self, primary: Connection) -> Iterator[tuple[Connection, float | None]]:
        """A transaction at the standby, and how far that is behind what the database has written by now."""
        written = primary.execute("select pg_current_wal_insert_lsn()::text as place").fetchone()
        assert written is not None
        with self.pool.connection() as standby, standby.transaction():
            row = standby.execute(BEHIND, [written["place"]]).fetchone()
            yield standby, row["seconds"] if row else None
