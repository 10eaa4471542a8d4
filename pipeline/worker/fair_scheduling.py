"""Which queue a worker looks into first: the highest priority, with a fair turn for the others.

Strict priority would starve a backfill for as long as live work comes in. So every FAIR_EVERYth fetch looks
into a lower queue first, each in turn: it moves at least at that pace, whatever waits above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from procrastinate.jobs import Job
from procrastinate.manager import JobManager

from pipeline.store.sql import statements
from pipeline.worker.backpressure import Pressure
from pipeline.worker.db_retry import PatientConnector
from pipeline.worker.job_queue import QUEUES

SQL = statements("pipeline.worker")
FAIR_EVERY = (
    8  # of eight jobs at most one goes to a lower queue: STAT loses an eighth of the workers at worst
)


def turns() -> Iterator[str | None]:
    """For each fetch the queue to look into first; None: by priority alone."""
    lower = QUEUES[1:]
    for turn in count(1):
        yield None if turn % FAIR_EVERY else lower[turn // FAIR_EVERY % len(lower)]


class FairManager(JobManager):
    """procrastinate's job manager, with fair turns, and with no job for a worker whose machine is short."""

    def __init__(self, connector: PatientConnector, pressure: Pressure | None = None) -> None:
        super().__init__(connector)
        self._patient = connector
        self._pressure = pressure
        self._turns = turns()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job for a worker that has none; None where nothing waits, or it must not take one now."""
        if self._pressure and (self._pressure.retire_if_large() or not self._pressure.relieved()):
            return None
        before = self._patient.interruptions
        first = next(self._turns)
        job = await super().fetch_job([first], worker_id) if first else None
        job = job or await super().fetch_job(queues, worker_id)
        if self._patient.interruptions != before:  # a fetch whose answer was lost has left its job with us
            await self._patient.execute_query_async(
                SQL["return_orphaned_jobs"], worker=worker_id, job=job.id if job else None
            )
        return job
