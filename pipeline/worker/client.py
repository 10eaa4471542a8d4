"""What a command needs that gives work to the workers and waits for it: a connection that survives a short
outage of the services, and workers, if no others are running.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from typing import TypeVar

from pipeline.config import Settings
from pipeline.errors import ServiceUnavailable
from pipeline.store.database import Connection, database_unavailable
from pipeline.store.transient import TRANSIENT_ERRORS, retry
from pipeline.worker.launcher import child_workers
from pipeline.worker.status import live_workers

CHECK_WORKERS_SECONDS = 5.0
"""How often TemporaryWorkers checks whether any worker is running."""

T = TypeVar("T")


class RetryingConnection:
    """A database connection that is opened again after it was lost."""

    def __init__(
        self, connect: Callable[[], Connection], settings: Settings, report: Callable[[str], None]
    ) -> None:
        """Open the connection.

        Args:
            connect: Opens a connection to the database.
            settings: How long an unavailable database or store is waited for.
            report: Receives one message at the begin of each outage.
        """
        self._connect = connect
        self._connection = connect()
        self._report = report
        self._outage_seconds = max(
            settings.database.connect_timeout_seconds, settings.storage.connect_timeout_seconds
        )

    def run(self, action: Callable[[Connection], T]) -> T:
        """Return what the action returns, repeating it while a service is unavailable.

        Raises:
            ServiceUnavailable: The service did not return within the time of the settings.
        """
        reported = False

        def attempt() -> T:
            if self._connection.closed:
                self._connection = self._connect()
            return action(self._connection)

        def report_once(error: Exception, _delay_seconds: float) -> None:
            nonlocal reported
            if not reported:
                self._report(f"{error} Trying again for {self._outage_seconds:.0f} s.")
            reported = True

        try:
            return retry(attempt, for_seconds=self._outage_seconds, on_failure=report_once)
        except ServiceUnavailable:
            raise
        except TRANSIENT_ERRORS as error:
            raise database_unavailable(self._outage_seconds, error) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class TemporaryWorkers:
    """Makes sure that workers run until a command is done: those of `up` or of other machines, or else
    workers of its own, which end with the given stack.
    """

    def __init__(self, settings: Settings, connection: RetryingConnection, stack: ExitStack) -> None:
        self._settings = settings
        self._connection = connection
        self._stack = stack
        self._own: BaseProcess | None = None
        self._next_check = 0.0
        self.ensure()

    def ensure(self) -> None:
        """Start workers if none are running.

        Raises:
            ServiceUnavailable: The workers that were started have ended.
        """
        if self._own is not None:
            if self._own.exitcode is not None:
                raise ServiceUnavailable(
                    "The workers exited before all files were processed.", "See their output above."
                )
        elif time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + CHECK_WORKERS_SECONDS
            stalled_seconds = self._settings.worker.stalled_worker_seconds
            if not self._connection.run(lambda c: live_workers(c, stalled_seconds)):
                self._own = self._stack.enter_context(child_workers(self._settings))
