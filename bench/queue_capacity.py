"""Measure how many jobs per second the queue dispatches.

    python -m bench.queue_capacity [--workers 64] [--jobs 5000] [--page-seconds 0.8]

Simulated workers fetch and finish jobs as real workers do (pipeline/worker/fair_scheduling.py and the
functions of procrastinate), without any work in between, in two processes. The same is measured for one
worker. A scan is a job, and so is a range of 16 pages. If a page takes --page-seconds of a core, a queue of J
jobs per second keeps J x pages per job x page-seconds cores busy.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

from procrastinate.jobs import Status

from pipeline.config import load_settings
from pipeline.records import Priority
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection
from pipeline.worker.db_retry import RetryingConnector
from pipeline.worker.fair_scheduling import FairJobManager
from pipeline.worker.job_queue import QUEUES, enqueue_pages
from pipeline.worker.page_ranges import PAGES_PER_RANGE

PROCESSES = 2


async def worker(dsn: str) -> int:
    """Fetch and finish jobs until none is left. Return how many."""
    connector = RetryingConnector(conninfo=dsn, min_size=1, max_size=1)
    await connector.open_async()
    manager, done = FairJobManager(connector), 0
    number = await manager.register_worker()
    while job := await manager.fetch_job(list(QUEUES), number):
        await manager.finish_job(job, Status.SUCCEEDED, delete_job=True)
        done += 1
    await manager.unregister_worker(number)
    await connector.close_async()
    return done


def run_workers(dsn: str, workers: int) -> None:
    async def run() -> None:
        await asyncio.gather(*(worker(dsn) for _ in range(workers)))

    asyncio.run(run())


def measure(dsn: str, connection: Connection, workers: int, jobs: int) -> float:
    """Return the jobs per second."""
    enqueue_pages(connection, 1, Priority.LIVE, [range(n, n + 1) for n in range(1, jobs + 1)])
    connection.execute("vacuum analyze procrastinate_jobs")
    shares = [workers // PROCESSES] * PROCESSES if workers >= PROCESSES else [workers]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=run_workers, args=(dsn, share)) for share in shares]
    for process in processes:
        process.start()
    while True:
        row = connection.execute(
            "select count(*) as n from procrastinate_jobs where status = 'todo'"
        ).fetchone()
        if row and row["n"] < jobs:
            break
        time.sleep(0.01)
    started, jobs_left = time.monotonic(), row["n"]
    for process in processes:
        process.join()
    return float(jobs_left / (time.monotonic() - started))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--page-seconds", type=float, default=0.8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with (
            open_installation(load_settings(Path(folder, "home")), store=False) as installation,
            installation.connect() as own,
        ):
            for workers in (1, args.workers):
                rate = measure(installation.dsn, own, workers, args.jobs)
                print(f"{workers} workers: {rate:.0f} jobs per second on {os.cpu_count()} cores", end="; ")
                feeds = [
                    f"{rate * pages * args.page_seconds:.0f} cores at {pages} pages per job"
                    for pages in (1, PAGES_PER_RANGE)
                ]
                print(f"feeds {' or '.join(feeds)}", flush=True)


if __name__ == "__main__":
    main()
