"""What a worker does with a job: the work itself, and what becomes of the scan when it fails.

A fault that passes (a service away, the disk full) is waited out, with growing pauses. A file that cannot be
taken is quarantined with its reason. Anything else is tried again a few times, then quarantined as a fault
with a reference to the log."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job

from pipeline.errors import InvalidInput
from pipeline.store.scans import quarantine
from pipeline.worker.job_queue import PAGES, SCAN
from pipeline.worker.jobs import process_scan, read_range
from pipeline.worker.scan_stages import ScanStages
from pipeline.worker.worker_context import WorkerContext, passes

log = logging.getLogger(__name__)
Work = Callable[[ScanStages], None]
INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = (
    1.0,
    30.0,
)  # seconds between tries while a service is away: doubling, so that none is flooded
MAX_WORKER_DEATHS = 5  # workers that died over a job, each by itself, before its scan is taken to be the cause
INTERNAL_ERROR_MESSAGE = "A fault of Chartloom's own stopped this file (reference {reference}). Try it again; if it stays, report the reference."


class JobFailed(Exception):
    """A job has failed with a fault of ours; the log says which. Carries nothing of what was in hand."""


class RetryPolicy(BaseRetryStrategy):
    """When a job runs again: at once where a stopping worker hands it back, later each time where it
    failed.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """The task itself decides whether it has failed for good: what it raises is tried again."""
        wait = 0 if isinstance(exception, JobAborted) else 2**job.attempts
        return RetryDecision(retry_in={"seconds": wait})


def register_tasks(app: App) -> None:
    """Tell an app of the two tasks."""
    app.task(name=SCAN, pass_context=True, retry=RetryPolicy())(scan_job)
    app.task(name=PAGES, pass_context=True, retry=RetryPolicy())(pages_job)


def scan_job(context: JobContext, /, *, scan: int, **told: Any) -> None:
    """Process a scan."""
    run_job(context, scan, process_scan, **told)


def pages_job(context: JobContext, /, *, scan: int, first: int, last: int, **told: Any) -> None:
    """Read a range of a scan's pages."""
    run_job(context, scan, lambda shop: read_range(shop, range(first, last + 1)), **told)


def run_job(context: JobContext, scan_id: int, work: Work, deaths: int = 0) -> None:
    """Do the work, waiting out faults that pass. Raises TryAgain, or JobAborted where the worker is asked to
    stop.
    """
    bench: WorkerContext = context.additional_context["bench"]
    last_try = context.job.attempts >= bench.settings.worker.max_retries

    def pause() -> None:
        if context.should_abort():
            raise JobAborted

    wait = INITIAL_BACKOFF_SECONDS
    while True:
        pause()
        try:
            if deaths >= MAX_WORKER_DEATHS:
                quarantine_after_internal_error(bench, scan_id, f"{deaths} workers died over scan {scan_id}")
            else:
                attempt(bench, scan_id, work, pause, last_try=last_try, careful=deaths > 0)
        except Exception as error:
            if not passes(error):
                raise
            log.warning("scan %d: trying again in %.0f s: %s", scan_id, wait, describe_location(error))
            wait = rest(wait, pause)
        else:
            return


def attempt(
    bench: WorkerContext, scan_id: int, work: Work, pause: Callable[[], None], *, last_try: bool, careful: bool
) -> None:
    """Try once. A scan that is closed already is left alone; a file that cannot be taken is closed with its
    reason.
    """
    try:
        with bench.workshop(scan_id, pause, careful=careful) as shop:
            if shop is not None:
                work(shop)
    except InvalidInput as error:
        quarantine(bench.connection(), scan_id, error.code, str(error))
    except JobAborted:
        raise
    except Exception as error:
        if passes(error):
            raise
        if not last_try:
            log.error("scan %d failed and is tried again: %s", scan_id, describe_location(error))  # noqa: TRY400 - no values in the log
            raise JobFailed from None
        quarantine_after_internal_error(bench, scan_id, describe_location(error))


def quarantine_after_internal_error(bench: WorkerContext, scan_id: int, what: str) -> None:
    """Close a scan that a fault of ours stops every time; the reference in its reason stands beside the fault
    in the log.
    """
    reference = uuid4().hex[:8]
    log.error("scan %d quarantined, reference %s: %s", scan_id, reference, what)
    quarantine(bench.connection(), scan_id, "fault", INTERNAL_ERROR_MESSAGE.format(reference=reference))


def describe_location(error: BaseException) -> str:
    """A fault's type and place. Its message stays out of the log: it may quote a page."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return f"{type(error).__name__} at " + " < ".join(
        f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in reversed(frames)
    )


def rest(seconds: float, pause: Callable[[], None]) -> float:
    """Sleep, but stop where asked to; the length of the next rest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pause()
        time.sleep(0.2)
    return min(2 * seconds, MAX_BACKOFF_SECONDS)
