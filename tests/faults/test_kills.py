"""Whatever is killed, whenever: every file has one outcome, every original is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.accounting import faults_of
from tests.faults.conftest import Drop
from tests.faults.kills import storm
from tests.faults.running import Running, wait_until


@pytest.mark.parametrize("seed", [1])
def test_after_kills_at_random_moments_everything_adds_up(
    running: Running, tmp_path: Path, seed: int
) -> None:
    hit = storm(running, kills=8, pages=24, seed=seed, scans=tmp_path, calm=2.5)
    running.must_settle()
    assert sum(hit.values()) == 8
    assert faults_of(running) == []


def test_up_killed_twice_among_twenty_scans_and_started_again_accounts_for_all_twenty_and_none_twice(
    running: Running, drop: Drop
) -> None:
    before = done(running)
    for number in range(500, 520):
        drop(running, number, 1)
    for enough in (before + 3, before + 10):
        assert wait_until(lambda: known_done(running) >= enough)  # noqa: B023 - it is over within this turn
        assert running.kill("up")
    running.must_settle()
    assert faults_of(running) == []
    assert done(running) == before + 20


def known_done(running: Running) -> int:
    """How many are done; nobody knows while the database starts."""
    try:
        return done(running)
    except Exception:
        return 0


def done(running: Running) -> int:
    return int(running.rows("select count(*) as n from scan where status = 'done'")[0]["n"])
