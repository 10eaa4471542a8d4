"""One destination's round: what is ready is sent, several documents at a time, each document's deliveries in
their order.

Only one process makes the round of a destination: whoever holds its lock in the database. A receiver that is
away as a whole stops the round, which then tries with one delivery, at growing pauses; one document that is
refused or not answered holds up nobody else."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from threading import Event
from traceback import extract_tb
from uuid import UUID

import psycopg
import structlog

from pipeline.config import DeliverySettings, DestinationSettings
from pipeline.delivery import outbox
from pipeline.delivery.delivery_item import House, Parcel, house_of, parcel_of
from pipeline.delivery.delivery_result import Answer, Failed, Problem
from pipeline.delivery.outbox import SQL
from pipeline.delivery.transports.by_destination import Sender, sender_of
from pipeline.errors import ChartloomError, NotFound, ServiceAway
from pipeline.store.blobs import BlobDamaged
from pipeline.store.database import Connection

log = structlog.get_logger()
AHEAD = 4  # as many deliveries are fetched for each sender, so that none waits for the database
JITTER = 0.2  # retries spread by this share, so that they do not come in waves


class Round:
    """The round of one destination. `run` lasts until `stopping` is set or, with `once`, until nothing is
    ready.
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
        self._failures = 0  # in a row, of the destination as a whole
        self.sent = 0

    def run(self, *, once: bool = False) -> None:
        """Make the round. A database that is away is waited for."""
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    outbox.register(connection, self.name, self.settings)
                    self._own(connection, once=once)
                    return
            except (ServiceAway, psycopg.OperationalError, psycopg.InterfaceError) as error:
                log.warning("deliveries.away", destination=self.name, error=type(error).__name__)
                if once:
                    raise
                self._stopping.wait(self.limits.poll_seconds)

    def _own(self, connection: Connection, *, once: bool) -> None:
        while not self._turn(connection):
            if once or self._stopping.wait(self.limits.poll_seconds):
                return
        row = connection.execute(SQL["installation"]).fetchone()
        assert row is not None
        house = house_of(self.limits, UUID(str(row["id"])))
        senders: SimpleQueue[Sender] = SimpleQueue()
        made = [sender_of(self.settings, self.limits, self._fetch) for _ in range(self.settings.parallel)]
        for sender in made:
            senders.put(sender)
        pool = ThreadPoolExecutor(self.settings.parallel, thread_name_prefix=f"deliver-{self.name}")
        try:
            self._go_round(connection, house, pool, senders, once=once)
        finally:
            pool.shutdown(cancel_futures=True)
            for sender in made:
                sender.close()
            if (
                not connection.broken
            ):  # Postgres lets go of a closed connection's locks a moment later than it is closed
                connection.execute(SQL["end_turn"], {"name": self.name})

    def _turn(self, connection: Connection) -> bool:
        row = connection.execute(SQL["take_turn"], {"name": self.name}).fetchone()
        return bool(row and row["ours"])

    def _go_round(
        self,
        connection: Connection,
        house: House,
        pool: ThreadPoolExecutor,
        senders: SimpleQueue[Sender],
        *,
        once: bool,
    ) -> None:
        under_way: dict[Future[Answer], Parcel] = {}
        while True:
            if not self._stopping.is_set():
                for parcel in self._ready(
                    connection, house, [parcel.document for parcel in under_way.values()]
                ):
                    under_way[pool.submit(send, senders, parcel)] = parcel
            if under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(connection, under_way.pop(future), future.result())
                self._pause_after_failure()
            elif self._stopping.is_set() or (once and not self._waiting_soon(connection)):
                return
            else:
                self._stopping.wait(self.limits.poll_seconds)

    def _ready(self, connection: Connection, house: House, busy: list[int]) -> list[Parcel]:
        """What may be sent now: one delivery alone while the destination fails."""
        room = (1 if self._failures else AHEAD * self.settings.parallel) - len(busy)
        if room <= 0:
            return []
        rows = connection.execute(
            SQL["ready"], {"destination": self.name, "busy": busy, "limit": room}
        ).fetchall()
        return [parcel_of(row, house) for row in rows]

    def _waiting_soon(self, connection: Connection) -> bool:
        """With `once`: is something left that will be ready by itself?"""
        return any(
            row["waiting"] > 0 and not row["stuck"]
            for row in connection.execute(SQL["left"], {"destination": self.name})
        )

    def _settle(self, connection: Connection, parcel: Parcel, answer: Answer) -> None:
        age = datetime.now(UTC) - (parcel.tried_at or datetime.now(UTC))
        too_old = 0 < self.limits.give_up_hours * 3600 <= age / timedelta(seconds=1)
        pause = self.pause(parcel.attempts + 1)
        settled = outbox.settle(
            connection, parcel, answer, pause=pause, refusals=self.limits.refusals, too_old=too_old
        )
        if isinstance(answer, Failed):
            log.warning(
                "delivery.failed",
                delivery=parcel.id,
                destination=self.name,
                problem=answer.problem,
                dead=settled,
            )
        else:
            self.sent += 1
        if isinstance(answer, Failed) and answer.whole:
            self._failures += 1
            connection.execute(
                SQL["note_failure"],
                {"name": self.name, "failure": f"{answer.problem}: {answer.detail}"[:500]},
            )
        elif self._failures:
            self._failures = 0
            connection.execute(SQL["note_success"], {"name": self.name})

    def _pause_after_failure(self) -> None:
        if self._failures:
            self._stopping.wait(self.pause(self._failures))

    def pause(self, tries: int) -> float:
        """Seconds until the next try, growing with the tries that failed."""
        longest: float = min(
            self.limits.longest_retry_seconds, self.limits.first_retry_seconds * 2 ** min(tries - 1, 30)
        )
        return longest * random.uniform(1 - JITTER, 1 + JITTER)


def send(senders: SimpleQueue[Sender], parcel: Parcel) -> Answer:
    """Send with the next free sender. What is wrong on our side is an answer too: the round goes on."""
    sender = senders.get()
    try:
        return sender.send(parcel)
    except (NotFound, BlobDamaged) as error:
        return Failed(Problem.CANNOT_BUILD, str(error))
    except ServiceAway as error:
        return Failed(Problem.BUSY, f"Our own store is away: {error}")
    except ChartloomError as error:
        return Failed(Problem.CANNOT_BUILD, str(error))
    except Exception as error:  # a fault of ours must not end the deliveries of everybody else
        places = " < ".join(
            f"{f.filename}:{f.lineno}" for f in reversed(extract_tb(error.__traceback__)[-3:])
        )
        log.error("delivery.fault", delivery=parcel.id, error=type(error).__name__, at=places)  # noqa: TRY400 - no values in the log
        return Failed(Problem.CANNOT_BUILD, f"A fault of Chartloom's own: {type(error).__name__}.")
    finally:
        senders.put(sender)
