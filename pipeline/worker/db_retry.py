"""A connector for procrastinate that waits until an unavailable database is back; procrastinate's own would
end the worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.utils import causes

from pipeline.logs import get_logger
from pipeline.store.transient import TRANSIENT_ERRORS

log = get_logger(__name__)
T = TypeVar("T")
RETRY_INTERVAL_SECONDS = 1.0


class RetryingConnector(PsycopgConnector):
    """Retries every query until the database answers or `should_give_up` returns True.

    `interruptions` counts the failures.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.should_give_up: Callable[[], bool] = lambda: False
        self.interruptions = 0

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        """Run a query that returns nothing."""
        await self._retry(lambda: super(RetryingConnector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        """Run a query that returns one row."""
        return await self._retry(
            lambda: super(RetryingConnector, self).execute_query_one_async(query, **arguments)
        )

    async def execute_query_all_async(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        """Run a query that returns rows."""
        return await self._retry(
            lambda: super(RetryingConnector, self).execute_query_all_async(query, **arguments)
        )

    async def listen_notify(self, on_notification: Any, channels: Iterable[str]) -> None:
        """Listen for jobs, on a new connection whenever the old one is lost."""
        await self._retry(lambda: super(RetryingConnector, self).listen_notify(on_notification, channels))

    async def _retry(self, query: Callable[[], Awaitable[T]]) -> T:
        logged = False
        while True:
            try:
                return await query()
            except (ConnectorException, *TRANSIENT_ERRORS) as error:
                transient = any(isinstance(cause, TRANSIENT_ERRORS) for cause in causes(error))
                if self.should_give_up() or not transient:
                    raise
                self.interruptions += 1
                if not logged:
                    log.warning("queue unavailable", retry_seconds=RETRY_INTERVAL_SECONDS)
                logged = True
                await asyncio.sleep(RETRY_INTERVAL_SECONDS)
