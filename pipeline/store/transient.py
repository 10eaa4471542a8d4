"""Which failures are transient, and how to retry an action until they are over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from pipeline.errors import ConfigurationError, MissingDependency, ServiceUnavailable
from pipeline.store.scratch import DISK_FULL

T = TypeVar("T")

TRANSIENT_ERRORS = (ServiceUnavailable, psycopg.OperationalError, psycopg.InterfaceError)
"""The database or the object store is unavailable, or a connection to it was lost."""

ENVIRONMENT_ERRORS = (MissingDependency, ConfigurationError)
"""The installation must be repaired; the file that was being processed is not the cause."""


def is_transient(error: BaseException) -> bool:
    """Return whether the same action may succeed later without a change to the file being processed."""
    disk_full = isinstance(error, OSError) and error.errno in DISK_FULL
    return disk_full or isinstance(error, (*TRANSIENT_ERRORS, *ENVIRONMENT_ERRORS))


def retry(
    action: Callable[[], T],
    *,
    should_retry: Callable[[Exception], bool] = lambda error: isinstance(error, TRANSIENT_ERRORS),
    for_seconds: float = math.inf,
    delay_seconds: float = 0.5,
    max_delay_seconds: float | None = None,
    on_failure: Callable[[Exception, float], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Return the result of `action`, calling it again after each transient failure.

    Args:
        action: what to do; called at least once.
        should_retry: whether a failure is transient; by default one of TRANSIENT_ERRORS.
        for_seconds: how long after the first failure to keep trying; 0 means one attempt.
        delay_seconds: the pause after the first failure.
        max_delay_seconds: the pause doubles up to this; None keeps it constant.
        on_failure: called with the error and the next pause before each pause.
        sleep: how to pause; may raise to stop retrying.

    Raises:
        Exception: the last failure, if it is not transient or the time is over.
    """
    deadline: float | None = None
    while True:
        try:
            return action()
        except Exception as error:
            if deadline is None:
                deadline = time.monotonic() + for_seconds
            if not should_retry(error) or time.monotonic() >= deadline:
                raise
            if on_failure is not None:
                on_failure(error, delay_seconds)
        sleep(delay_seconds)
        delay_seconds = min(2 * delay_seconds, max_delay_seconds or delay_seconds)
