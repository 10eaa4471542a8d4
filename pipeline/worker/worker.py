"""A worker: one process that takes one job at a time from the queue until it is asked to stop.

procrastinate runs the loop. Next to it, a maintenance task requeues the jobs of workers that are gone or have
been silent too long, and keeps this worker on the list that `chartloom status` shows.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time

import psycopg
from procrastinate import App
from procrastinate.worker import Worker
from psycopg_pool import PoolTimeout

from pipeline.config import Settings, WorkerSettings
from pipeline.errors import ServiceUnavailable
from pipeline.logs import get_logger
from pipeline.store.sql import statements
from pipeline.worker import tasks
from pipeline.worker.backpressure import Backpressure
from pipeline.worker.db_retry import RetryingConnector
from pipeline.worker.fair_scheduling import FairJobManager
from pipeline.worker.job_queue import QUEUES
from pipeline.worker.stage_seconds import StageSeconds
from pipeline.worker.worker_context import WorkerContext

log = get_logger(__name__)
SQL = statements("pipeline.worker")

HEARTBEATS_PER_TAKEOVER = 6
"""Heartbeats in the time after which a silent worker's jobs are taken over: five may get lost."""
POLL_INTERVAL_SECONDS = 5.0
"""A notification wakes the worker; polling finds what is scheduled for later."""
JOB_ABORT_TIMEOUT_SECONDS = 0.2
"""A stopping worker asks its job to return itself to the queue after this time; it does so after its page."""
CONNECT_TIMEOUT_SECONDS = 5.0
"""If no connection is available for this long, the database is unavailable and is tried again."""
SHUTDOWN_TIMEOUT_SECONDS = 10.0
"""How long a stopping worker waits for an unavailable database; the jobs that it held are then taken over."""


class StoppableWorker(Worker):
    """procrastinate's worker, with the time since it was asked to stop."""

    stop_requested_at: float | None = None

    def stop(self) -> None:
        """Ask it to stop."""
        self.stop_requested_at = self.stop_requested_at or time.monotonic()
        super().stop()  # type: ignore[no-untyped-call]

    def shutdown_timed_out(self) -> bool:
        """Return whether it may exit without reporting to the database."""
        stop_requested_at = self.stop_requested_at
        return (
            stop_requested_at is not None and time.monotonic() > stop_requested_at + SHUTDOWN_TIMEOUT_SECONDS
        )


def run_worker(settings: Settings, stage_seconds: StageSeconds, process: int) -> None:
    """Work until SIGTERM or SIGINT. The current job is finished, or returned to the queue after its page.

    Args:
        settings: the settings, which name the database and the store.
        stage_seconds: where to record the time of the stages.
        process: the number of this worker process on its machine, from 0.
    """
    context = WorkerContext(settings, stage_seconds, process)
    try:
        while True:
            try:
                return asyncio.run(work(context))
            except PoolTimeout:
                log.warning("database unavailable")
    finally:
        context.close()


def requeue_jobs_of_dead_worker(settings: Settings, pid: int) -> None:
    """Requeue the job of a worker of this machine that has died.

    If the database is unavailable, the maintenance of another worker does it later.
    """
    try:
        with WorkerContext(settings).connection() as connection:
            params = {"host": socket.gethostname(), "pid": pid}
            for row in connection.execute(SQL["requeue_dead_worker_jobs"], params):
                log.warning("worker died", pid=pid, job=row["id"])
    except (ServiceUnavailable, psycopg.Error) as error:
        log.warning("worker died while database unavailable", pid=pid, error=type(error).__name__)


async def work(context: WorkerContext) -> None:
    """Run procrastinate's worker and its maintenance."""
    takeover_seconds = context.settings.worker.stalled_worker_seconds
    connector = RetryingConnector(
        conninfo=context.dsn, min_size=1, max_size=2, timeout=CONNECT_TIMEOUT_SECONDS
    )
    app = App(connector=connector)
    app.job_manager = FairJobManager(connector, Backpressure(context.settings))
    tasks.register_tasks(app)
    async with app.open_async():
        worker = StoppableWorker(
            app,
            queues=list(QUEUES),
            additional_context={"worker": context},
            fetch_job_polling_interval=POLL_INTERVAL_SECONDS,
            abort_job_polling_interval=takeover_seconds,
            shutdown_graceful_timeout=JOB_ABORT_TIMEOUT_SECONDS,
            update_heartbeat_interval=takeover_seconds / HEARTBEATS_PER_TAKEOVER,
            stalled_worker_timeout=10 * takeover_seconds,  # removed long after its jobs were taken over
            delete_jobs="successful",
        )
        connector.should_give_up = worker.shutdown_timed_out
        maintenance = asyncio.create_task(run_maintenance(worker, connector, context.settings.worker))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            maintenance.cancel()


async def run_maintenance(worker: Worker, connector: RetryingConnector, settings: WorkerSettings) -> None:
    """Take over the jobs of lost workers and purge the OCR cache, at every heartbeat.

    After a database outage every heartbeat is late, so takeover is suspended for a few beats.
    """
    while worker.worker_id is None:
        await asyncio.sleep(0.05)
    process = {"id": worker.worker_id, "host": socket.gethostname(), "pid": os.getpid()}
    await connector.execute_query_async(SQL["register_worker"], **process)
    interruptions, beats_since_outage = connector.interruptions, 0
    while True:
        beats_since_outage = beats_since_outage + 1 if connector.interruptions == interruptions else 0
        interruptions = connector.interruptions
        if beats_since_outage > HEARTBEATS_PER_TAKEOVER:
            lost_jobs = await connector.execute_query_all_async(
                SQL["take_over"], seconds=settings.stalled_worker_seconds
            )
            for row in lost_jobs:
                log.warning("job taken over", job=row["id"])
        await connector.execute_query_async(SQL["purge_ocr_cache"], days=settings.ocr_cache_days)
        await asyncio.sleep(settings.stalled_worker_seconds / HEARTBEATS_PER_TAKEOVER)
