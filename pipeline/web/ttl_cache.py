"""A per-process cache, keyed by database, for results that may be a few seconds stale.

It is meant for sums over many rows that are requested all the time."""

from __future__ import annotations

import time
from typing import Generic, TypeVar

from pipeline.store.database import Connection

T = TypeVar("T")


class TtlCache(Generic[T]):
    """One value for each database, until its time to live has passed."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, T]] = {}

    def get(self, connection: Connection) -> T | None:
        """Return the value for the connection's database, or None if there is none or it has expired."""
        expires_at, value = self._entries.get(_database(connection), (0.0, None))
        return value if time.monotonic() < expires_at else None

    def put(self, connection: Connection, value: T, seconds: float) -> T:
        """Keep the value for that many seconds and return it."""
        self._entries[_database(connection)] = time.monotonic() + seconds, value
        return value


def _database(connection: Connection) -> str:
    info = connection.info
    return f"{info.host}:{info.port}/{info.dbname}"
