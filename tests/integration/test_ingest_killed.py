"""A watcher that is killed at any moment loses nothing and takes nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from pipeline.config import Settings
from pipeline.ingest.ledger import reconcile, verify_originals
from pipeline.store.blobs import Blobs, sha256_of
from pipeline.store.database import Connection

FILES, KILLS, SEED = 24, 5, 7

PROGRAM = """
import sys
from pathlib import Path
from pipeline.config import load_settings
from pipeline.ingest.watch import Watcher
from pipeline.store.blobs import Blobs
from pipeline.store.database import connect
from pipeline.work.queue import enqueue_scan

settings = load_settings(Path(sys.argv[1]))
Watcher(
    settings, lambda: connect(settings.database.dsn.get_secret_value()), lambda: Blobs.connect(settings.storage), enqueue_scan
).run()
"""


def started(settings: Settings) -> subprocess.Popen[bytes]:
    """A watcher in a process of its own."""
    assert settings.database.dsn is not None
    assert settings.storage.secret_key is not None
    given = {
        "DATABASE__DSN": settings.database.dsn.get_secret_value(),
        "STORAGE__ENDPOINT": settings.storage.endpoint,
        "STORAGE__ACCESS_KEY": settings.storage.access_key,
        "STORAGE__SECRET_KEY": settings.storage.secret_key.get_secret_value(),
        "STORAGE__BUCKET": settings.storage.bucket,
        "INTAKE__STABLE_SECONDS": "0.1",
        "INTAKE__POLL_SECONDS": "0.2",
    }
    environment = os.environ | {f"CHARTLOOM_{key}": str(value) for key, value in given.items()}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(settings.home)], env=environment, stdout=subprocess.DEVNULL)


def test_a_watcher_killed_again_and_again_stores_every_file_once(
    settings: Settings, connection: Connection, blobs: Blobs
) -> None:
    chance = random.Random(SEED)
    folder = settings.intake_folder
    folder.mkdir(parents=True)
    sent: dict[str, Path] = {}
    for number in range(FILES):
        file = folder / f"{number}.tif"
        Image.effect_noise((60, 80), number + 1).save(file)
        sent[sha256_of(file)] = file
    watcher = started(settings)
    for _ in range(KILLS):
        before = stored(connection)
        wait_for(lambda seen=before: stored(connection) > seen or not list(folder.iterdir()))
        time.sleep(chance.random() * 0.1)
        watcher.send_signal(signal.SIGKILL)
        watcher.wait()
        watcher = started(settings)
    wait_for(lambda: not list(folder.iterdir()))
    watcher.terminate()
    watcher.wait()

    rows = connection.execute("select sha256, duplicate, left_at from arrival join scan on scan.id = scan_id").fetchall()
    assert sorted(row["sha256"] for row in rows) == sorted(sent)
    assert not any(row["duplicate"] for row in rows)
    assert [fault for fault in verify_originals(connection, blobs) if fault] == []
    ledger = reconcile(connection)
    assert ledger.adds_up, ledger.faults
    assert ledger.files["seen"] == ledger.files["in_progress"] == FILES


def stored(connection: Connection) -> int:
    row = connection.execute("select count(*) as n from arrival").fetchone()
    assert row is not None
    return int(row["n"])


def wait_for(condition: object, seconds: float = 90) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
