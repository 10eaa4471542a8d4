"""The database or the store stands still for a while in the middle of the work: afterwards all goes on with
nobody's help.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.accounting import faults_of
from tests.faults.conftest import Drop
from tests.faults.running import PATIENCE, Running

STILL_SECONDS = float(os.environ.get("CHARTLOOM_OUTAGE_SECONDS", "5"))


def test_a_database_and_a_store_that_stand_still_hold_the_work_up_and_lose_nothing(
    running: Running, drop: Drop
) -> None:
    for number, service in enumerate(("postgres", "seaweedfs")):
        drop(running, 10 * number, 3)
        pid = running.pid_of(service)
        family = [pid, *children_of(pid)]
        for member in family:
            os.kill(member, signal.SIGSTOP)
        drop(running, 10 * number + 1, 2)
        time.sleep(STILL_SECONDS)
        for member in family:
            os.kill(member, signal.SIGCONT)
        drop(running, 10 * number + 2, 1)
    running.must_settle(PATIENCE + STILL_SECONDS)
    assert faults_of(running) == []


def children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_two_watchers_on_one_folder_take_each_file_once(running: Running, drop: Drop) -> None:
    other = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "watch", "--home", str(running.home)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "CHARTLOOM_INTAKE__STABLE_SECONDS": "0.3"},
    )  # fmt: skip
    try:
        before = arrivals(running)
        for number in range(100, 112):
            drop(running, number, 1)
        running.must_settle()
    finally:
        other.terminate()
        other.wait(PATIENCE)
    assert faults_of(running) == []
    assert arrivals(running) - before == 12


def arrivals(running: Running) -> int:
    return int(running.rows("select count(*) as n from ingest_event")[0]["n"])


@pytest.mark.parametrize(("number", "moment"), [(201, 0.0), (202, 4_000_000_000.0)])
def test_a_share_whose_clock_is_in_another_century_is_taken_like_any_other(
    running: Running, drop: Drop, number: int, moment: float
) -> None:
    drop(running, number, 1)
    for file in running.intake.iterdir():
        os.utime(file, (moment, moment))
    running.must_settle()
    assert faults_of(running) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 600 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", str(disk)]).returncode != 0
    ):
        pytest.skip("only root may mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_holds_the_work_up_until_there_is_room_again(small_disk: Path, drop: Drop) -> None:
    running = Running(small_disk / "home")
    running.start()
    try:
        running.wait_ready()
        drop(running, 1, 2)
        running.must_settle()
        drop(running, 2, 3)
        ballast = small_disk / "ballast"
        fill(ballast)
        time.sleep(STILL_SECONDS)
        assert shutil.disk_usage(small_disk).free < 1_000_000
        ballast.unlink()
        drop(running, 3, 1)
        running.must_settle()
        assert faults_of(running) == []
    finally:
        running.stop()


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    with ballast.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1 << 16))
        except OSError:
            pass


def test_a_database_that_is_away_is_waited_for_and_then_named(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "CHARTLOOM_DATABASE__DSN": "postgresql://nobody@127.0.0.1:9/none",
        "CHARTLOOM_DATABASE__CONNECT_TIMEOUT_SECONDS": "2",
    }
    begun = time.monotonic()
    asked = subprocess.run(
        [sys.executable, "-m", "pipeline", "migrate-db", "--home", str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 3
    assert time.monotonic() - begun >= 2
    assert "The database does not answer (waited 2 s)" in asked.stderr
