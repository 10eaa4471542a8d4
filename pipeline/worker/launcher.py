"""Starting workers: as `chartloom work` does, or beside a command that needs them for a while."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from pipeline import logs
from pipeline.config import Settings
from pipeline.errors import ChartloomError

SINGLE_THREAD_ENVIRONMENT = {
    "OMP_THREAD_LIMIT": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}  # a worker is one core's work
POOL_STOP_TIMEOUT_SECONDS = 30.0  # what a stopping pool is given before it is killed; its jobs are then taken over


def limit_to_one_thread() -> None:
    """Keep this process and what it starts to one thread each. To be called before numpy is imported."""
    os.environ.update(SINGLE_THREAD_ENVIRONMENT)


def run_workers(settings: Settings, count: int | None, until: int | None = None) -> None:
    """Run workers until stopped (see Pool). The settings name the database and the store. Raises
    MissingDependency.
    """
    limit_to_one_thread()
    logs.set_up(logging.WARNING)
    from pipeline.worker.prefork import PreforkPool
    from pipeline.worker.preload import warm_up
    from pipeline.worker.worker import requeue_jobs_of_dead_worker, run_worker

    warm_up(settings)
    PreforkPool(lambda: run_worker(settings), count or worker_count(settings), lambda pid: requeue_jobs_of_dead_worker(settings, pid)).run(
        until
    )


def worker_count(settings: Settings) -> int:
    """As many workers as the settings say, or one for each core this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return settings.worker.processes or cores or 1


@contextmanager
def child_workers(settings: Settings) -> Iterator[BaseProcess]:
    """Workers in a child process for as long as the context lasts; they end with this process, however it
    ends.

    The child is forked: what the command has imported already it need not import again, a third of a second
    of CPU."""
    ends, held = os.pipe()  # this process alone holds `held`
    child = get_context("fork").Process(target=run_pool_child, args=(settings, ends, held))
    child.start()
    os.close(ends)
    try:
        yield child
    finally:
        os.close(held)
        child.join(POOL_STOP_TIMEOUT_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()


def run_pool_child(settings: Settings, ends: int, held: int) -> None:
    """What the child of `workers_beside` runs: workers until the pipe `ends` does, silent where the command
    answers.
    """
    os.close(held)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
    try:
        run_workers(settings, None, until=ends)
    except ChartloomError as error:
        sys.exit(f"chartloom: {error}")
