"""The database or the store stops responding in the middle of the work; afterwards all work resumes without
help.
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

from tests.faults.accounting import find_faults
from tests.faults.conftest import Submit
from tests.faults.running import TIMEOUT_SECONDS, Running

OUTAGE_SECONDS = float(os.environ.get("CHARTLOOM_OUTAGE_SECONDS", "5"))


def test_nothing_is_lost_while_the_database_or_the_store_does_not_respond(
    running: Running, submit: Submit
) -> None:
    for number, service in enumerate(("postgres", "seaweedfs")):
        submit(running, 10 * number, 3)
        pid = running.pid_of(service)
        family = [pid, *children_of(pid)]
        for member in family:
            os.kill(member, signal.SIGSTOP)
        submit(running, 10 * number + 1, 2)
        time.sleep(OUTAGE_SECONDS)
        for member in family:
            os.kill(member, signal.SIGCONT)
        submit(running, 10 * number + 2, 1)
    running.wait_for_outcomes(TIMEOUT_SECONDS + OUTAGE_SECONDS)
    assert find_faults(running) == []


def children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_two_watchers_of_one_folder_ingest_each_file_once(running: Running, submit: Submit) -> None:
    other = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "watch", "--home", str(running.home)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "CHARTLOOM_INTAKE__STABLE_SECONDS": "0.3"},
    )  # fmt: skip
    try:
        before = count_ingest_events(running)
        for number in range(100, 112):
            submit(running, number, 1)
        running.wait_for_outcomes()
    finally:
        other.terminate()
        other.wait(TIMEOUT_SECONDS)
    assert find_faults(running) == []
    assert count_ingest_events(running) - before == 12


def count_ingest_events(running: Running) -> int:
    return int(running.rows("select count(*) as n from ingest_event")[0]["n"])


@pytest.mark.parametrize(("number", "timestamp"), [(201, 0.0), (202, 4_000_000_000.0)])
def test_a_file_is_ingested_although_the_clock_of_its_share_is_in_another_century(
    running: Running, submit: Submit, number: int, timestamp: float
) -> None:
    submit(running, number, 1)
    for file in running.intake.iterdir():
        os.utime(file, (timestamp, timestamp))
    running.wait_for_outcomes()
    assert find_faults(running) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 600 MB."""
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


def test_work_waits_while_the_disk_is_full(small_disk: Path, submit: Submit) -> None:
    running = Running(small_disk / "home")
    running.start()
    try:
        running.wait_ready()
        submit(running, 1, 2)
        running.wait_for_outcomes()
        submit(running, 2, 3)
        ballast = small_disk / "ballast"
        fill(ballast)
        time.sleep(OUTAGE_SECONDS)
        assert shutil.disk_usage(small_disk).free < 1_000_000
        ballast.unlink()
        submit(running, 3, 1)
        running.wait_for_outcomes()
        assert find_faults(running) == []
    finally:
        running.stop()


def fill(ballast: Path) -> None:
    """Write until the disk is full."""
    with ballast.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1 << 16))
        except OSError:
            pass


def test_a_command_waits_for_the_database_and_then_reports_that_it_does_not_answer(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "CHARTLOOM_DATABASE__DSN": "postgresql://nobody@127.0.0.1:9/none",
        "CHARTLOOM_DATABASE__CONNECT_TIMEOUT_SECONDS": "2",
    }
    started = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "pipeline", "migrate-db", "--home", str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 3
    assert time.monotonic() - started >= 2
    assert "The database does not respond (waited 2 s)" in process.stderr
