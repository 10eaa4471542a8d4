"""A connector for procrastinate that waits out a database that is away, where procrastinate's own would end
the worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.utils import causes
from psycopg_pool import PoolTimeout

log = logging.getLogger(__name__)
T = TypeVar("T")
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
PAUSE_SECONDS = 1.0


class PatientConnector(PsycopgConnector):
    """Every query is tried again until the database answers, or until `out_of_patience`; `interruptions`
    counts the failures.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.out_of_patience: Callable[[], bool] = lambda: False
        self.interruptions = 0

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        """A query without an answer."""
        await self._until_back(lambda: super(PatientConnector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        """A query that answers with one row."""
        return await self._until_back(
            lambda: super(PatientConnector, self).execute_query_one_async(query, **arguments)
        )

    async def execute_query_all_async(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        """A query that answers with rows."""
        return await self._until_back(
            lambda: super(PatientConnector, self).execute_query_all_async(query, **arguments)
        )

    async def listen_notify(self, on_notification: Any, channels: Iterable[str]) -> None:
        """Listen for jobs, on a new connection whenever the old one is lost."""
        await self._until_back(lambda: super(PatientConnector, self).listen_notify(on_notification, channels))

    async def _until_back(self, query: Callable[[], Awaitable[T]]) -> T:
        said = False
        while True:
            try:
                return await query()
            except (ConnectorException, *AWAY) as error:
                if self.out_of_patience() or not any(isinstance(cause, AWAY) for cause in causes(error)):
                    raise
                self.interruptions += 1
                if not said:
                    log.warning(
                        "the queue's database does not answer; trying again every %.0f s", PAUSE_SECONDS
                    )
                said = True
                await asyncio.sleep(PAUSE_SECONDS)
