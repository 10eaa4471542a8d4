"""A `chartloom up` under test: start it, watch it, kill parts of it, and query the outcome of every file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config import load_settings
from pipeline.runtime.installation import EmbeddedServices, Installation
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection

TIMEOUT_SECONDS = 180.0
FAST_SETTINGS = {
    "CHARTLOOM_INTAKE__STABLE_SECONDS": "0.3",
    "CHARTLOOM_INTAKE__POLL_SECONDS": "1",
    "CHARTLOOM_WORKER__STALLED_WORKER_SECONDS": "6",
    "CHARTLOOM_OCR__SECOND_ENGINE": "never",
    "CHARTLOOM_METRICS__WEB_PORT": "0",
    "CHARTLOOM_METRICS__WORKER_PORT": "0",
}
SERVICES = ("postgres", "seaweedfs")
PARTS = {"watcher": "watch", "workers": "work", "web": "serve"}


def wait_until(done: Callable[[], bool], seconds: float = TIMEOUT_SECONDS, every: float = 0.2) -> bool:
    """Return True as soon as it is done, and False if it is not done in that time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= end:
            return False
        time.sleep(every)
    return True


@dataclass
class Running:
    """The installation of a home, and the process that runs it."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)
    submitted: dict[str, tuple[str, int]] = field(default_factory=dict)
    """SHA-256 of each submitted file: its name and its number of pages."""
    process: subprocess.Popen[bytes] | None = None
    gave_up: int = 0

    @property
    def output(self) -> Path:
        return self.home.with_name(self.home.name + ".out")

    @property
    def intake(self) -> Path:
        return self.home / "intake"

    def start(self) -> None:
        """Start `up`, which has to deal with what a killed one has left."""
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "up", "--home", str(self.home)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env={**os.environ, **FAST_SETTINGS, **self.env},
            )  # fmt: skip

    def wait_ready(self) -> None:
        """Wait until `up` has reported that everything runs. To be called after the first start."""
        assert wait_until(lambda: "Ctrl-C stops everything" in self.output.read_text()), (
            self.output.read_text()
        )

    def revive(self) -> None:
        """Start `up` again if it has ended although it was not killed, as systemd does."""
        if self.process and self.process.poll() is not None:
            self.gave_up += 1
            self.start()

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(TIMEOUT_SECONDS)

    def wait_for_outcomes(self, seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until every submitted file has an outcome; if one has none in that time, fail with the state
        and the logs.
        """
        assert wait_until(self.all_have_outcomes, seconds), self.state()

    def state(self) -> str:
        """Describe what has no outcome, and the end of each log."""
        logs = [self.output, *sorted((self.home / "logs").glob("w*.log"))]
        lines = [f"== {log}\n{log.read_text()[-1500:]}" for log in logs]
        lines += [str(row) for row in self.rows("select * from scan where status = 'received'")]
        lines += [
            str(row)
            for row in self.rows("select * from procrastinate_jobs where status not in ('succeeded')")
        ]
        lines += [str(file) for file in self.intake.rglob("*")]
        return "\n".join(lines)

    def kill(self, victim: str) -> bool:
        """Kill (SIGKILL) `up`, a service or a part; with "worker", one of the workers. Return False if it is
        not running.
        """
        pid = self.pid_of(victim)
        if not pid:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if victim == "up" and self.process:
            self.process.wait()
            self.start()
        return True

    def pid_of(self, victim: str) -> int:
        """Return the process that the name of a victim means, or 0 if it is not running at the moment."""
        if victim == "up":
            return self.process.pid if self.process and self.process.poll() is None else 0
        if victim in SERVICES:
            found = getattr(self.embedded(), victim).running() if (self.home / "keys.json").exists() else None
            return found.pid if found else 0
        if victim == "worker":
            parent = self.pid_of("workers")
            return next((pid for pid, parent_pid in processes() if parent_pid == parent), 0) if parent else 0
        return next((pid for pid, _ in processes() if self._is_part(pid, PARTS[victim])), 0)

    def _is_part(self, pid: int, command: str) -> bool:
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return False
        return str(self.home) in argv and argv[1:4] == ["-m", "pipeline", command]

    def embedded(self) -> EmbeddedServices:
        with environment(self.env):
            return EmbeddedServices(load_settings(self.home))

    def installation(self) -> Installation:
        """Return the running installation, used from outside; it holds no lock."""
        return Installation(self.embedded().settings())

    def blobs(self) -> Blobs:
        return self.installation().blobs()

    @contextlib.contextmanager
    def database(self) -> Iterator[Connection]:
        with self.installation().connect() as connection:
            yield connection

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.database() as connection:
            return connection.execute(query.encode()).fetchall()

    def submit(self, file: Path, pages: int) -> None:
        """Submit a file like a scanner that writes under another name first."""
        self.submitted[hashlib.sha256(file.read_bytes()).hexdigest()] = (file.name, pages)
        self.intake.mkdir(parents=True, exist_ok=True)
        draft = self.intake / f"{file.name}.part"
        draft.write_bytes(file.read_bytes())
        draft.rename(self.intake / file.name)

    def all_have_outcomes(self) -> bool:
        """Return whether every submitted file has an outcome and has left the folder."""
        try:
            rows = self.rows("select count(*) as n from scan where status in ('done', 'quarantined')")
        except Exception:  # any error of a database that is being killed
            return False
        return rows[0]["n"] >= len(self.submitted) and not any(f.is_file() for f in self.intake.rglob("*"))


@contextlib.contextmanager
def environment(names: dict[str, str]) -> Iterator[None]:
    """Set the environment variables within the context."""
    before = dict(os.environ)
    os.environ.update(names)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def processes() -> Iterator[tuple[int, int]]:
    """Yield the PID and the parent PID of every process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                yield int(entry.name), int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
