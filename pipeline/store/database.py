"""Connections to Postgres: synchronous psycopg 3, rows as dictionaries, autocommit.

A transaction is always an explicit `with connection.transaction():`; nested ones are savepoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from pipeline.errors import ServiceUnavailable
from pipeline.store.transient import retry

Connection: TypeAlias = psycopg.Connection[DictRow]
Pool: TypeAlias = ConnectionPool[Connection]

KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""A machine that vanishes is noticed after a minute at both ends. Until then the server keeps the locks of
its transactions; with the operating system's defaults it would keep them for two hours."""


def connect(dsn: str, wait_seconds: float = 0.0, **options: Any) -> Connection:
    """Open an autocommit connection, retrying for `wait_seconds`.

    Raises:
        ServiceUnavailable: The database does not respond in that time.
    """
    dsn_options = conninfo_to_dict(dsn).get("options") or ""
    server_options = " ".join(
        [str(dsn_options), *(f"-c tcp_{name}={seconds}" for name, seconds in KEEPALIVE.items())]
    )
    options = {"connect_timeout": 10, "options": server_options, **KEEPALIVE, **options}
    with translate_connection_errors(wait_seconds):
        return retry(
            lambda: psycopg.connect(dsn, autocommit=True, row_factory=dict_row, **options),
            for_seconds=wait_seconds,
        )


def open_pool(dsn: str, size: int, wait_seconds: float = 30.0) -> Pool:
    """Open a pool of at most `size` connections with dictionary rows, for programs with threads."""
    return ConnectionPool(
        dsn,
        connection_class=psycopg.Connection[DictRow],
        kwargs={"row_factory": dict_row, "autocommit": True},
        min_size=1,
        max_size=size,
        timeout=wait_seconds,
        open=True,
        check=ConnectionPool.check_connection,
    )


@contextmanager
def translate_connection_errors(wait_seconds: float = 0.0) -> Iterator[None]:
    """Raise ServiceUnavailable for a lost connection."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise database_unavailable(wait_seconds, error) from error


def database_unavailable(waited: float, error: Exception) -> ServiceUnavailable:
    """Return the error for a database that does not respond."""
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ServiceUnavailable(
        f"The database does not respond (waited {waited:.0f} s): {first_line}.",
        "Start it, or correct database.dsn in the settings; `chartloom doctor` shows what is reachable.",
    )
