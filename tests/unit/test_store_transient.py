"""Transient failures are recognized and waited out; any other failure is raised at once."""

from __future__ import annotations

import errno
from collections.abc import Callable

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from pipeline.errors import ConfigurationError, InvalidInput, MissingDependency, ServiceUnavailable
from pipeline.store.scratch import DiskFull
from pipeline.store.transient import is_transient, retry


@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable("unavailable"),
        DiskFull(),
        psycopg.OperationalError(),
        psycopg.InterfaceError(),
        PoolTimeout(),
        OSError(errno.ENOSPC, "full"),
        MissingDependency("tesseract", "apt-get install tesseract-ocr"),
        ConfigurationError("wrong"),
    ],
    ids=repr,
)
def test_a_failure_of_the_environment_is_transient(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error", [InvalidInput("broken"), ValueError(), OSError(errno.ENOENT, "gone")], ids=repr
)
def test_a_failure_of_the_file_is_not_transient(error: Exception) -> None:
    assert not is_transient(error)


def fail_with(*errors: Exception) -> Callable[[], str]:
    """Return an action that raises each error once and then returns "done"."""
    pending = list(errors)

    def action() -> str:
        if pending:
            raise pending.pop(0)
        return "done"

    return action


def test_retry_waits_with_doubling_pauses_up_to_the_limit() -> None:
    pauses: list[float] = []
    reported: list[float] = []
    action = fail_with(*[psycopg.OperationalError() for _ in range(4)])
    result = retry(
        action,
        delay_seconds=1,
        max_delay_seconds=3,
        on_failure=lambda _, delay: reported.append(delay),
        sleep=pauses.append,
    )
    assert result == "done"
    assert pauses == reported == [1, 2, 3, 3]


def test_retry_keeps_its_pause_constant_by_default() -> None:
    pauses: list[float] = []
    assert (
        retry(
            fail_with(ServiceUnavailable("unavailable"), ServiceUnavailable("unavailable")),
            sleep=pauses.append,
        )
        == "done"
    )
    assert pauses == [0.5, 0.5]


def test_retry_raises_the_last_transient_error_when_the_time_is_over() -> None:
    with pytest.raises(ServiceUnavailable):
        retry(
            fail_with(ServiceUnavailable("unavailable")), for_seconds=0, sleep=lambda _: pytest.fail("slept")
        )


def test_retry_raises_other_errors_at_once() -> None:
    with pytest.raises(ValueError, match="wrong"):
        retry(fail_with(ValueError("wrong")), sleep=lambda _: pytest.fail("slept"))
