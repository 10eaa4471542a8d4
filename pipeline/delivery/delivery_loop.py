"""The loop that serves one destination: send what is ready, several documents at a time, and the deliveries
of each document in order.

Only one process serves a destination: the one that holds its advisory lock in the database. If the
destination as a whole fails, the loop retries with one delivery at growing intervals. One document that is
refused or times out does not hold up the others."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from threading import Event
from traceback import extract_tb

from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery import outbox
from pipeline.delivery.delivery_item import DeliveryItem, Organization, item_from_row
from pipeline.delivery.delivery_result import DeliveryProblem, DeliveryResult, Failure
from pipeline.delivery.outbox import SQL
from pipeline.delivery.transports.factory import Transport, create_transport
from pipeline.errors import ChartloomError, NotFound, ServiceUnavailable
from pipeline.logs import get_logger
from pipeline.store.blobs import BlobDamaged
from pipeline.store.database import Connection
from pipeline.store.transient import retry

log = get_logger(__name__)
PREFETCH_PER_TRANSPORT = 4  # deliveries fetched for each transport, so that none waits for the database
BACKOFF_JITTER_SHARE = 0.2  # pauses vary by this share, so that retries do not come in waves
MAX_FAILURE_CHARS = 500  # of the failure that is stored for a destination
MAX_DOUBLINGS = 30  # of the backoff; the longest pause is reached long before


class DeliveryLoop:
    """Delivers to one destination.

    Args:
        name: the destination's name in the settings.
        settings: the destination's settings.
        deliveries: the settings of all deliveries: timeouts, pauses, limits.
        connect: opens a database connection.
        fetch: returns the stored object with a SHA-256.
        stopping: ends the loop when it is set.
    """

    def __init__(
        self,
        name: str,
        settings: DestinationSettings,
        deliveries: DeliverySettings,
        connect: Callable[[], Connection],
        fetch: Callable[[str], bytes],
        stopping: Event,
    ) -> None:
        self.name = name
        self.settings = settings
        self.limits = deliveries
        self._connect = connect
        self._fetch = fetch
        self._stopping = stopping
        self._consecutive_failures = 0  # of the destination as a whole
        self.sent = 0

    def run(self, *, once: bool = False) -> None:
        """Deliver until the loop is stopped or, with `once`, until nothing is ready.

        A database that is unavailable is retried, except with `once`."""

        def connect_and_serve() -> None:
            if self._stopping.is_set():
                return
            with self._connect() as connection:
                outbox.register(connection, self.name, self.settings)
                self._serve(connection, once=once)

        def log_failure(error: Exception, _pause: float) -> None:
            log.warning("deliveries.database_unavailable", destination=self.name, error=type(error).__name__)

        def sleep(seconds: float) -> None:
            self._stopping.wait(seconds)

        retry(
            connect_and_serve,
            for_seconds=0.0 if once else math.inf,
            delay_seconds=self.limits.poll_seconds,
            on_failure=log_failure,
            sleep=sleep,
        )

    def _serve(self, connection: Connection, *, once: bool) -> None:
        while not self._acquire_lock(connection):
            if once or self._stopping.wait(self.limits.poll_seconds):
                return
        organization = outbox.load_organization(connection, self.limits)
        free: SimpleQueue[Transport] = SimpleQueue()
        transports = [
            create_transport(self.settings, self.limits, self._fetch) for _ in range(self.settings.parallel)
        ]
        for transport in transports:
            free.put(transport)
        pool = ThreadPoolExecutor(self.settings.parallel, thread_name_prefix=f"deliver-{self.name}")
        try:
            self._deliver(connection, organization, pool, free, once=once)
        finally:
            pool.shutdown(cancel_futures=True)
            for transport in transports:
                transport.close()
            if (
                not connection.broken
            ):  # Postgres releases a closed connection's locks a moment after the close
                connection.execute(SQL["release_lock"], {"name": self.name})

    def _acquire_lock(self, connection: Connection) -> bool:
        row = connection.execute(SQL["acquire_lock"], {"name": self.name}).fetchone()
        return bool(row and row["ours"])

    def _deliver(
        self,
        connection: Connection,
        organization: Organization,
        pool: ThreadPoolExecutor,
        free: SimpleQueue[Transport],
        *,
        once: bool,
    ) -> None:
        in_progress: dict[Future[DeliveryResult], DeliveryItem] = {}
        while True:
            if not self._stopping.is_set():
                documents = [item.document for item in in_progress.values()]
                for item in self._ready_items(connection, organization, documents):
                    in_progress[pool.submit(send, free, item)] = item
            if in_progress:
                done, _ = wait(in_progress, return_when=FIRST_COMPLETED)
                for future in done:
                    self._record(connection, in_progress.pop(future), future.result())
                self._pause_after_failure()
            elif self._stopping.is_set() or (once and not self._will_be_ready(connection)):
                return
            else:
                self._stopping.wait(self.limits.poll_seconds)

    def _ready_items(
        self, connection: Connection, organization: Organization, busy: list[int]
    ) -> list[DeliveryItem]:
        """Return what may be sent now: only one delivery while the destination fails."""
        limit = (1 if self._consecutive_failures else PREFETCH_PER_TRANSPORT * self.settings.parallel) - len(
            busy
        )
        if limit <= 0:
            return []
        params = {"destination": self.name, "busy": busy, "limit": limit}
        items = []
        for row in connection.execute(SQL["ready"], params).fetchall():
            try:
                items.append(item_from_row(row, organization))
            except (KeyError, TypeError, ValueError) as error:  # bad data of one must not stop the others
                self._record_unreadable(connection, row["id"], error)
        return items

    def _record_unreadable(self, connection: Connection, delivery: int, error: Exception) -> None:
        """Close a delivery whose data cannot be read as failed."""
        params = {
            "id": delivery,
            "problem": DeliveryProblem.BUILD_FAILED,
            "detail": f"The stored data of the document or patient cannot be read: {type(error).__name__}.",
            "refused": 0,
            "failed": True,
            "pause": 0.0,
        }
        connection.execute(SQL["failed"], params)
        log.warning(
            "delivery.unreadable", delivery=delivery, destination=self.name, error=type(error).__name__
        )

    def _will_be_ready(self, connection: Connection) -> bool:
        """With `once`: whether some delivery will become ready without a person's action."""
        return any(
            row["pending"] > 0 and not row["stuck"]
            for row in connection.execute(SQL["pending_counts"], {"destination": self.name})
        )

    def _record(self, connection: Connection, item: DeliveryItem, result: DeliveryResult) -> None:
        age = datetime.now(UTC) - (item.last_attempt_at or datetime.now(UTC))
        expired = 0 < self.limits.retry_for_hours * 3600 <= age / timedelta(seconds=1)
        closed = outbox.record_result(
            connection,
            item,
            result,
            pause_seconds=self.backoff_seconds(item.attempts + 1),
            max_rejections=self.limits.max_rejections,
            expired=expired,
        )
        if isinstance(result, Failure):
            log.warning(
                "delivery.failed",
                delivery=item.id,
                destination=self.name,
                problem=result.problem,
                final=closed,
            )
        else:
            self.sent += 1
        if isinstance(result, Failure) and result.affects_destination:
            self._consecutive_failures += 1
            failure = f"{result.problem}: {result.detail}"[:MAX_FAILURE_CHARS]
            connection.execute(SQL["record_failure"], {"name": self.name, "failure": failure})
            return
        self._consecutive_failures = 0
        if isinstance(result, Failure) and result.problem is DeliveryProblem.INVALID_RESPONSE:
            failure = f"{result.problem}: {result.detail}"[:MAX_FAILURE_CHARS]
            connection.execute(SQL["record_failure"], {"name": self.name, "failure": failure})
        elif not (isinstance(result, Failure) and result.problem is DeliveryProblem.TIMEOUT):
            # always: the failure may have been recorded by another process
            connection.execute(SQL["record_success"], {"name": self.name})

    def _pause_after_failure(self) -> None:
        if self._consecutive_failures:
            self._stopping.wait(self.backoff_seconds(self._consecutive_failures))

    def backoff_seconds(self, failed_attempts: int) -> float:
        """Return the seconds until the next attempt: exponential backoff with jitter."""
        longest: float = min(
            self.limits.max_backoff_seconds,
            self.limits.initial_backoff_seconds * 2 ** min(failed_attempts - 1, MAX_DOUBLINGS),
        )
        return longest * random.uniform(1 - BACKOFF_JITTER_SHARE, 1 + BACKOFF_JITTER_SHARE)


def send(free: SimpleQueue[Transport], item: DeliveryItem) -> DeliveryResult:
    """Send a delivery with the next free transport. Local errors are returned as failures, so that the loop
    continues.
    """
    transport = free.get()
    try:
        return transport.send(item)
    except (NotFound, BlobDamaged) as error:
        return Failure(DeliveryProblem.BUILD_FAILED, str(error))
    except ServiceUnavailable as error:
        return Failure(DeliveryProblem.THROTTLED, f"Chartloom's object store is unavailable: {error}")
    except ChartloomError as error:
        return Failure(DeliveryProblem.BUILD_FAILED, str(error))
    except Exception as error:  # a programming error must not end the other deliveries
        places = " < ".join(
            f"{f.filename}:{f.lineno}" for f in reversed(extract_tb(error.__traceback__)[-3:])
        )
        log.error("delivery.internal_error", delivery=item.id, error=type(error).__name__, at=places)  # noqa: TRY400 - no values in the log
        return Failure(DeliveryProblem.BUILD_FAILED, f"Internal error: {type(error).__name__}.")
    finally:
        free.put(transport)
