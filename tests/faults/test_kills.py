"""Whatever is killed at whatever moment, every file has one outcome and every original is unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.accounting import find_faults
from tests.faults.conftest import Submit
from tests.faults.kills import kill_at_random
from tests.faults.running import Running, wait_until


@pytest.mark.parametrize("seed", [1])
def test_every_file_is_accounted_for_after_kills_at_random_moments(
    running: Running, tmp_path: Path, seed: int
) -> None:
    victims = kill_at_random(running, kills=8, pages=24, seed=seed, scans=tmp_path, max_pause=2.5)
    running.wait_for_outcomes()
    assert sum(victims.values()) == 8
    assert find_faults(running) == []


def test_up_that_is_killed_twice_accounts_for_each_of_twenty_scans_once(
    running: Running, submit: Submit
) -> None:
    before = done(running)
    for number in range(500, 520):
        submit(running, number, 1)
    for count in (before + 3, before + 10):
        assert wait_until(lambda: done_or_zero(running) >= count)  # noqa: B023 - used in this iteration only
        assert running.kill("up")
    running.wait_for_outcomes()
    assert find_faults(running) == []
    assert done(running) == before + 20


def done_or_zero(running: Running) -> int:
    """Return how many scans are done, or 0 while the database starts."""
    try:
        return done(running)
    except Exception:
        return 0


def done(running: Running) -> int:
    return int(running.rows("select count(*) as n from scan where status = 'done'")[0]["n"])
