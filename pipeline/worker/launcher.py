"""Start workers: for `chartloom work`, or for a command that needs them for a while."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from pipeline import logs
from pipeline.config import Settings, document_types
from pipeline.config.listeners import check_exposure, metrics_exposure
from pipeline.errors import ChartloomError

SINGLE_THREAD_ENVIRONMENT = {
    "OMP_THREAD_LIMIT": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""A worker uses one core."""
POOL_STOP_TIMEOUT_SECONDS = 30.0
"""How long a stopping pool may take before it is killed; its jobs are then taken over."""


def limit_to_one_thread() -> None:
    """Limit this process and its children to one thread each. Call this before numpy is imported."""
    os.environ.update(SINGLE_THREAD_ENVIRONMENT)


def run_workers(settings: Settings, count: int | None, until: int | None = None) -> None:
    """Run workers until stopped (see PreforkPool), and serve their metrics.

    Args:
        settings: the settings, which name the database and the store.
        count: how many workers; None: as in the settings.
        until: a pipe; the workers stop when its other end is closed.

    Raises:
        ConfigurationError: the metrics would be open to other machines.
        MissingDependency: a page could not be read on this machine.
    """
    limit_to_one_thread()
    logs.configure(logging.WARNING)
    from pipeline.worker.metrics import serve_worker_metrics
    from pipeline.worker.prefork import PreforkPool
    from pipeline.worker.stage_seconds import StageSeconds
    from pipeline.worker.worker import requeue_jobs_of_dead_worker, run_worker

    preload(settings)
    processes = count or worker_count(settings)
    stage_seconds = StageSeconds(processes)
    targets = [partial(run_worker, settings, stage_seconds, number) for number in range(processes)]
    if settings.metrics.worker_port:
        check_exposure(metrics_exposure(settings.metrics))
        targets.append(partial(serve_worker_metrics, settings.metrics, stage_seconds, processes))
    PreforkPool(targets, partial(requeue_jobs_of_dead_worker, settings)).run(until)


def preload(settings: Settings) -> None:
    """Import the stages and load their models before the workers are forked, so that they share the memory.

    Raises:
        MissingDependency: a page could not be read on this machine.
        ConfigurationError: likewise.
    """
    from pipeline.classify.types import predict_types
    from pipeline.ocr.engine_key import engine_key
    from pipeline.ocr.engines import rapidocr_engine, tesseract, text_detector
    from pipeline.worker import scan_stages, worker  # noqa: F401

    tesseract.get_interface(settings.ocr.languages, settings.ocr.tesseract)
    if settings.ocr.second_engine != "never":
        rapidocr_engine.get_engine()
        text_detector.get_detector()
    engine_key(settings.ocr)
    document_types()
    predict_types("")
    gc.freeze()  # what is loaded stays, so the workers' collector need not scan it after every page


def worker_count(settings: Settings) -> int:
    """Return the number of workers in the settings, or else one for each core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return settings.worker.processes or cores or 1


@contextmanager
def child_workers(settings: Settings) -> Iterator[BaseProcess]:
    """Run workers in a child process within the context. They end with this process, however it ends.

    The child is forked: modules that the command has imported need not be imported again, which saves a third
    of a second of CPU.
    """
    metrics = settings.metrics.model_copy(update={"worker_port": 0})
    settings = settings.model_copy(update={"metrics": metrics})
    ends, held = os.pipe()  # only this process holds `held`
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
    """Run workers until the pipe `ends` is closed, with nothing on standard output, which is the command's.

    Args:
        settings: the settings, which name the database and the store.
        ends: the end of the pipe to watch.
        held: the other end, which this process must close because only its parent may hold it.
    """
    os.close(held)
    with Path(os.devnull).open("wb") as devnull:
        os.dup2(devnull.fileno(), sys.stdout.fileno())
    try:
        run_workers(settings, None, until=ends)
    except ChartloomError as error:
        sys.exit(f"chartloom: {error}")
