"""A worker: one process that takes one job at a time from the queue until it is asked to stop.

procrastinate runs the loop. Beside it a keeper takes over the jobs of workers that have died or been silent
too long, and keeps this one on the list that `chartloom status` shows."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time

import psycopg
from procrastinate import App
from procrastinate.worker import Worker
from psycopg_pool import PoolTimeout

from pipeline.config import Settings, WorkerSettings
from pipeline.errors import ServiceUnavailable
from pipeline.store.sql import statements
from pipeline.worker import tasks
from pipeline.worker.backpressure import Backpressure
from pipeline.worker.db_retry import RetryingConnector
from pipeline.worker.fair_scheduling import FairJobManager
from pipeline.worker.job_queue import QUEUES
from pipeline.worker.worker_context import WorkerContext

log = logging.getLogger(__name__)
SQL = statements("pipeline.worker")
HEARTBEATS_PER_TAKEOVER = 6  # heartbeats in the time after which a silent worker's jobs are taken over: five may get lost
POLL_SECONDS = 5.0  # a notification wakes the worker; the poll finds what is scheduled for later
JOB_ABORT_TIMEOUT_SECONDS = (
    0.2  # a stopping worker asks its job to hand itself back at once: it does so after its page
)
ANSWER_SECONDS = 5.0  # without a connection for so long the database is away, and is asked again
SHUTDOWN_TIMEOUT_SECONDS = (
    10.0  # a stopping worker waits so long for a database that is away; what it held is then taken over
)


class StoppableWorker(Worker):
    """procrastinate's worker, which knows for how long it has been asked to stop."""

    asked: float | None = None

    def stop(self) -> None:
        """Ask it to stop."""
        self.asked = self.asked or time.monotonic()
        super().stop()  # type: ignore[no-untyped-call]

    def out_of_patience(self) -> bool:
        """Whether it may leave without having told the database."""
        return self.asked is not None and time.monotonic() > self.asked + SHUTDOWN_TIMEOUT_SECONDS


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; the job in hand is finished or handed back after its page."""
    bench = WorkerContext(settings)
    try:
        while True:
            try:
                return asyncio.run(work(bench))
            except PoolTimeout:
                log.warning("the database does not answer; the worker waits for it")
    finally:
        bench.close()


def requeue_jobs_of_dead_worker(settings: Settings, pid: int) -> None:
    """Put the job of a worker of this machine that has died back into the queue; where the database is away,
    its keeper will.
    """
    try:
        with WorkerContext(settings).connection() as connection:
            for row in connection.execute(SQL["requeue_dead_worker_jobs"], {"host": socket.gethostname(), "pid": pid}):
                log.warning("worker %d died over job %d", pid, row["id"])
    except (ServiceUnavailable, psycopg.Error) as error:
        log.warning("worker %d died while the database does not answer (%s)", pid, type(error).__name__)


async def work(bench: WorkerContext) -> None:
    """Run procrastinate's worker with its keeper."""
    takeover = bench.settings.worker.stalled_worker_seconds
    connector = RetryingConnector(conninfo=bench.dsn, min_size=1, max_size=2, timeout=ANSWER_SECONDS)
    app = App(connector=connector)
    app.job_manager = FairJobManager(connector, Backpressure(bench.settings))
    tasks.register_tasks(app)
    async with app.open_async():
        worker = StoppableWorker(
            app,
            queues=list(QUEUES),
            additional_context={"bench": bench},
            fetch_job_polling_interval=POLL_SECONDS,
            abort_job_polling_interval=takeover,
            shutdown_graceful_timeout=JOB_ABORT_TIMEOUT_SECONDS,
            update_heartbeat_interval=takeover / HEARTBEATS_PER_TAKEOVER,
            stalled_worker_timeout=10 * takeover,  # forgotten long after its jobs were taken over
            delete_jobs="successful",
        )
        connector.out_of_patience = worker.out_of_patience
        keeper = asyncio.create_task(run_maintenance(worker, connector, bench.settings.worker))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            keeper.cancel()


async def run_maintenance(worker: Worker, connector: RetryingConnector, settings: WorkerSettings) -> None:
    """Look after lost jobs and old readings. After the database was away, which made all silent, nobody is
    judged for a while.
    """
    while worker.worker_id is None:
        await asyncio.sleep(0.05)
    here = {"id": worker.worker_id, "host": socket.gethostname(), "pid": os.getpid()}
    await connector.execute_query_async(SQL["register_worker"], **here)
    seen, quiet = connector.interruptions, 0
    while True:
        quiet = quiet + 1 if connector.interruptions == seen else 0
        seen = connector.interruptions
        if quiet > HEARTBEATS_PER_TAKEOVER:
            for row in await connector.execute_query_all_async(
                SQL["take_over"], seconds=settings.stalled_worker_seconds
            ):
                log.warning("job %d is taken over: its worker is gone", row["id"])
        await connector.execute_query_async(SQL["purge_ocr_cache"], days=settings.ocr_cache_days)
        await asyncio.sleep(settings.stalled_worker_seconds / HEARTBEATS_PER_TAKEOVER)
