"""Which queue a worker fetches from first: the highest priority, with a fair turn for the others.

Strict priority would starve a backfill while live work comes in. So every FETCHES_PER_FAIR_TURNth fetch tries
a lower queue first, each in turn: a lower queue moves at least at that pace, whatever waits above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from procrastinate.jobs import Job
from procrastinate.manager import JobManager

from pipeline.store.sql import statements
from pipeline.worker.backpressure import Backpressure
from pipeline.worker.db_retry import RetryingConnector
from pipeline.worker.job_queue import QUEUES

SQL = statements("pipeline.worker")
FETCHES_PER_FAIR_TURN = 8
"""Of eight jobs at most one goes to a lower queue: STAT loses an eighth of the workers at worst."""


def first_queues() -> Iterator[str | None]:
    """Yield for each fetch the queue to try first; None: by priority alone."""
    lower_queues = QUEUES[1:]
    for fetch in count(1):
        turn = fetch // FETCHES_PER_FAIR_TURN
        yield None if fetch % FETCHES_PER_FAIR_TURN else lower_queues[turn % len(lower_queues)]


class FairJobManager(JobManager):
    """procrastinate's job manager with fair turns, which fetches no job while the machine is short of
    resources.
    """

    def __init__(self, connector: RetryingConnector, backpressure: Backpressure | None = None) -> None:
        super().__init__(connector)
        self._retrying_connector = connector
        self._backpressure = backpressure
        self._first_queues = first_queues()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return the next job for a worker that has none; None if no job waits or it must not take
        one now.
        """
        if self._backpressure and (
            self._backpressure.retire_if_large() or not self._backpressure.may_take_job()
        ):
            return None
        interruptions = self._retrying_connector.interruptions
        first = next(self._first_queues)
        job = await super().fetch_job([first], worker_id) if first else None
        job = job or await super().fetch_job(queues, worker_id)
        if self._retrying_connector.interruptions != interruptions:
            # A fetch whose response was lost has assigned its job to this worker.
            await self._retrying_connector.execute_query_async(
                SQL["return_orphaned_jobs"], worker=worker_id, job=job.id if job else None
            )
        return job
