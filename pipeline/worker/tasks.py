"""The two tasks of the queue, and what happens to a scan whose task fails.

A transient failure (a service is unavailable, the disk is full) is retried with growing pauses until it is
over. A file that cannot be processed is quarantined with its reason. After any other error the task is
retried a few times; then the scan is quarantined as an internal error with a reference to the log.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from uuid import uuid4

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job

from pipeline.errors import InvalidInput
from pipeline.flow import file_scan, read_range
from pipeline.logs import get_logger
from pipeline.store.scans import quarantine
from pipeline.store.transient import is_transient, retry
from pipeline.worker.job_queue import PAGES_TASK, SCAN_TASK
from pipeline.worker.scan_stages import ScanStages
from pipeline.worker.worker_context import WorkerContext

log = get_logger(__name__)

INITIAL_BACKOFF_SECONDS = 1.0
"""Pause after the first transient failure. It doubles, so that a returning service is not flooded."""
MAX_BACKOFF_SECONDS = 30.0
ABORT_CHECK_SECONDS = 0.2
"""How often a pausing task checks whether its worker is asked to stop."""
MAX_WORKER_DEATHS = 5
"""Workers that have died over a job, one after the other, before its scan is taken to be the cause."""
INTERNAL_ERROR_MESSAGE = (
    "An internal error stopped this file (reference {reference}). Retry it; if it fails again, report the"
    " reference."
)


class JobFailed(Exception):
    """A job has failed with an internal error, which is in the log. Carries no data of the scan."""


class RetryPolicy(BaseRetryStrategy):
    """When a job runs again: at once if a stopping worker returned it, later each time if it failed."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """Retry whatever a task raises: the task itself decides when it has failed for good."""
        wait_seconds = 0 if isinstance(exception, JobAborted) else 2**job.attempts
        return RetryDecision(retry_in={"seconds": wait_seconds})


def register_tasks(app: App) -> None:
    """Register both tasks with procrastinate."""
    app.task(name=SCAN_TASK, pass_context=True, retry=RetryPolicy())(scan_job)
    app.task(name=PAGES_TASK, pass_context=True, retry=RetryPolicy())(pages_job)


def scan_job(context: JobContext, /, *, scan: int, deaths: int = 0) -> None:
    """Process and file a scan, or fan it out."""
    run_job(context, scan, lambda stages: file_scan(stages.scan, stages), deaths)


def pages_job(context: JobContext, /, *, scan: int, first: int, last: int, deaths: int = 0) -> None:
    """Read a range of a scan's pages."""
    pages = range(first, last + 1)
    run_job(context, scan, lambda stages: read_range(pages, stages), deaths)


def run_job(context: JobContext, scan_id: int, action: Callable[[ScanStages], None], deaths: int = 0) -> None:
    """Run an action on a scan, waiting until transient failures are over.

    Args:
        context: procrastinate's context of the job.
        scan_id: the scan.
        action: what to do with its stages.
        deaths: how many workers have died over this job.

    Raises:
        JobFailed: an internal error; the job is to run again.
        JobAborted: the worker is asked to stop.
    """
    worker: WorkerContext = context.additional_context["worker"]
    last_attempt = context.job.attempts >= worker.settings.worker.max_retries

    def check_abort() -> None:
        if context.should_abort():
            raise JobAborted

    def attempt() -> None:
        check_abort()
        if deaths >= MAX_WORKER_DEATHS:
            quarantine_after_internal_error(worker, scan_id, f"{deaths} workers died over it")
        else:
            attempt_job(worker, scan_id, action, check_abort, last_attempt=last_attempt, isolated=deaths > 0)

    retry(
        attempt,
        should_retry=is_transient,
        delay_seconds=INITIAL_BACKOFF_SECONDS,
        max_delay_seconds=MAX_BACKOFF_SECONDS,
        on_failure=lambda error, delay: log.warning(
            "job waits", scan=scan_id, retry_seconds=delay, error=describe_location(error)
        ),
        sleep=lambda seconds: sleep_or_abort(seconds, check_abort),
    )


def attempt_job(
    worker: WorkerContext,
    scan_id: int,
    action: Callable[[ScanStages], None],
    check_abort: Callable[[], None],
    *,
    last_attempt: bool,
    isolated: bool,
) -> None:
    """Run the action once, unless the scan is closed. Quarantine a file that cannot be processed.

    Raises:
        JobFailed: an internal error, and this is not the last attempt.
    """
    try:
        with worker.stages_for(scan_id, check_abort, isolated=isolated) as stages:
            if stages is not None:
                action(stages)
    except InvalidInput as error:
        quarantine(worker.connection(), scan_id, error.code, str(error))
    except JobAborted:
        raise
    except Exception as error:
        if is_transient(error):
            raise
        if last_attempt:
            quarantine_after_internal_error(worker, scan_id, describe_location(error))
        else:
            log_failure(scan_id, error)
            raise JobFailed from None


def quarantine_after_internal_error(worker: WorkerContext, scan_id: int, cause: str) -> None:
    """Quarantine a scan that an internal error stops every time; its reason and the log share a reference."""
    reference = uuid4().hex[:8]
    log.error("scan quarantined", scan=scan_id, reference=reference, cause=cause)
    quarantine(worker.connection(), scan_id, "fault", INTERNAL_ERROR_MESSAGE.format(reference=reference))


def log_failure(scan_id: int, error: Exception) -> None:
    """Log where a job failed."""
    log.error("job failed", scan=scan_id, error=describe_location(error))


def describe_location(error: BaseException) -> str:
    """Return an error's type and place. Its message stays out of the log, because it may quote a page."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return f"{type(error).__name__} at " + " < ".join(
        f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in reversed(frames)
    )


def sleep_or_abort(seconds: float, check_abort: Callable[[], None]) -> None:
    """Sleep, calling `check_abort` every ABORT_CHECK_SECONDS."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check_abort()
        time.sleep(ABORT_CHECK_SECONDS)
