"""Watchers that are killed at any moment, or whose clock jumps, lose no file and ingest none twice.

The long form runs with 20 seeds: CHARTLOOM_SEEDS=20 python -m pytest tests/integration/test_ingest_killed.py
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from pipeline.config import Settings
from pipeline.ingest.reconciliation import reconcile, verify_originals
from pipeline.store.blobs import Blobs, sha256_of
from pipeline.store.database import Connection

FILES, KILLS, WATCHERS = 24, 5, 2
SEEDS = range(7, 7 + int(os.environ.get("CHARTLOOM_SEEDS", "1")))

PROGRAM = """
import datetime, sys, time
from pathlib import Path

class Jumping(datetime.datetime):
    def now(zone=None):
        return real.fromtimestamp(time.time(), zone)

real, datetime.datetime, true = datetime.datetime, Jumping, time.time
jumps = Path(sys.argv[1]).with_name("jump")
time.time = lambda: true() + (float(jumps.read_text()) if jumps.exists() else 0.0)

from pipeline.config import load_settings
from pipeline.ingest.watch import Watcher
from pipeline.store.blobs import Blobs
from pipeline.store.database import connect
from pipeline.worker.job_queue import enqueue_scan

settings = load_settings(Path(sys.argv[1]))
Watcher(
    settings,
    lambda: connect(settings.database.dsn.get_secret_value()),
    lambda: Blobs.connect(settings.storage),
    enqueue_scan,
).run()
"""
"""A watcher in a process of its own. Its wall clock goes wrong by as many seconds as the file `jump` beside
the home says.
"""


def started(settings: Settings, **intake: object) -> subprocess.Popen[bytes]:
    assert settings.database.dsn is not None
    assert settings.storage.secret_key is not None
    variables = {
        "DATABASE__DSN": settings.database.dsn.get_secret_value(),
        "STORAGE__ENDPOINT": settings.storage.endpoint,
        "STORAGE__ACCESS_KEY": settings.storage.access_key,
        "STORAGE__SECRET_KEY": settings.storage.secret_key.get_secret_value(),
        "STORAGE__BUCKET": settings.storage.bucket,
        "INTAKE__STABLE_SECONDS": "0.1",
        "INTAKE__POLL_SECONDS": "0.2",
        **{f"INTAKE__{key.upper()}": value for key, value in intake.items()},
    }
    environment = os.environ | {f"CHARTLOOM_{key}": str(value) for key, value in variables.items()}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(settings.home)], env=environment, stdout=subprocess.DEVNULL
    )


def ended(*watchers: subprocess.Popen[bytes]) -> None:
    for watcher in watchers:
        watcher.terminate()
    for watcher in watchers:
        watcher.wait()


@pytest.mark.parametrize("seed", SEEDS)
def test_watchers_that_are_killed_repeatedly_store_every_file_once(
    settings: Settings, connection: Connection, blobs: Blobs, seed: int
) -> None:
    chance = random.Random(seed)
    folder = settings.intake_folder
    folder.mkdir(parents=True)
    sent: dict[str, Path] = {}
    for number in range(FILES):
        file = folder / f"{number}.tif"
        Image.effect_noise((60, 80), number + 1).save(file)
        sent[sha256_of(file)] = file
    watchers = [started(settings) for _ in range(WATCHERS)]
    for _ in range(KILLS):
        before = stored(connection)
        wait_for(lambda seen=before: stored(connection) > seen or not list(folder.iterdir()))
        time.sleep(chance.random() * 0.1)
        victim = chance.randrange(WATCHERS)
        watchers[victim].send_signal(signal.SIGKILL)
        watchers[victim].wait()
        watchers[victim] = started(settings)
    wait_for(lambda: not list(folder.iterdir()))
    ended(*watchers)

    rows = connection.execute(
        "select sha256, duplicate, removed_at from ingest_event join scan on scan.id = scan_id"
    ).fetchall()
    assert sorted(row["sha256"] for row in rows) == sorted(sent)
    assert not any(row["duplicate"] for row in rows)
    assert [fault for fault in verify_originals(connection, blobs) if fault] == []
    ledger = reconcile(connection)
    assert ledger.balanced, ledger.faults
    assert ledger.files["seen"] == ledger.files["in_progress"] == FILES


def test_a_watcher_whose_clock_jumps_waits_as_usual_and_keeps_done_files(
    settings: Settings, connection: Connection, blobs: Blobs
) -> None:
    folder, jump = settings.intake_folder, settings.home.with_name("jump")
    folder.mkdir(parents=True)
    earlier = settings.done_folder / time.strftime("%Y-%m-%d") / "earlier.tif"
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    watcher = started(settings, stable_seconds=1.0)
    for number, seconds in enumerate(
        (600.0, -600.0, 3.2e9)
    ):  # an S3 server rejects requests from a client whose clock is years off
        file = folder / f"{number}.tif"
        Image.effect_noise((60, 80), number + 1).save(file)
        wait_for(lambda name=file.name: is_recorded(connection, name))
        replace_text(jump, str(seconds))
        time.sleep(0.5)
        assert file.exists(), "a clock that is set forward does not count as waiting"
        if seconds > 1e9:
            time.sleep(2.0)
            assert file.exists()
            replace_text(jump, "0")
        wait_for(lambda it=file: not it.exists())
    ended(watcher)
    assert earlier.exists()
    row = connection.execute(
        "select max(greatest(seen_at, stored_at, removed_at)) - now() as ahead from ingest_event"
    ).fetchone()
    assert row is not None
    assert row["ahead"].total_seconds() <= 0
    assert reconcile(connection).files["seen"] == 3


def is_recorded(connection: Connection, name: str) -> bool:
    return connection.execute("select 1 from intake_file where path = %s", [name]).fetchone() is not None


def stored(connection: Connection) -> int:
    row = connection.execute("select count(*) as n from ingest_event").fetchone()
    assert row is not None
    return int(row["n"])


def replace_text(file: Path, text: str) -> None:
    """Write the file so that its readers see the old text or the new one, never an empty file."""
    written = file.with_suffix(".new")
    written.write_text(text)
    written.replace(file)


def wait_for(condition: object, seconds: float = 90) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
