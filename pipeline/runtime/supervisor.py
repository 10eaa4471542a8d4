"""Supervise the parts of a running installation as child processes: start them, restart them when they end,
and stop them in order.

The kernel stops a child process when its parent dies, however the parent dies. The output of a child goes to
HOME/logs. If a child's standard output is relayed, each line is reported with the child's name before it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pipeline.runtime.daemon import open_log
from pipeline.runtime.service_refcount import Reporter

STOP_TIMEOUT_SECONDS = 60.0  # a worker may finish its current page
INITIAL_RESTART_DELAY_SECONDS = 1.0  # doubled each time, up to the maximum
MAX_RESTART_DELAY_SECONDS = 30.0
STABLE_AFTER_SECONDS = 60.0  # after this time the restart delay is reset


@dataclass(slots=True)
class Supervised:
    """A supervised process: a `chartloom` command with `arguments`.

    `relays_output`: its standard output is reported to the user.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    report: Reporter
    relays_output: bool = False
    _process: subprocess.Popen[bytes] | None = None
    _relay: threading.Thread | None = None
    _started: float = 0.0
    _pause: float = INITIAL_RESTART_DELAY_SECONDS
    _due: float = field(default=0.0)

    def start(self) -> None:
        """Start the process."""
        with open_log(self.log) as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "pipeline", *self.arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if self.relays_output else log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        if self._process.stdout:
            self._relay = threading.Thread(target=self._pass_on, args=(self._process.stdout,), daemon=True)
            self._relay.start()
        self._started = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The pid while the process is running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def restart_if_ended(self) -> None:
        """Restart the process if it has ended, after a delay that grows while it keeps ending."""
        if self._process is None:
            if time.monotonic() >= self._due:
                self.start()
        elif (code := self._process.poll()) is not None:
            if time.monotonic() - self._started > STABLE_AFTER_SECONDS:
                self._pause = INITIAL_RESTART_DELAY_SECONDS
            how = (
                f"was killed ({signal.Signals(-code).name})"
                if code < 0
                else f"ended (exit code {code}, see {self.log})"
            )
            self.report(f"{self.name} {how}; starting it again in {self._pause:.0f} s")
            self._process, self._due = None, time.monotonic() + self._pause
            self._pause = min(2 * self._pause, MAX_RESTART_DELAY_SECONDS)

    def stop(self) -> None:
        """Ask the process to stop and wait; kill it if it takes longer than STOP_TIMEOUT_SECONDS."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.report(f"{self.name} did not stop in {STOP_TIMEOUT_SECONDS:.0f} s and is killed")
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._relay:
            self._relay.join(timeout=1)

    def _pass_on(self, out: IO[bytes]) -> None:
        with out:
            for line in out:
                self.report(f"{self.name}: {line.decode(errors='replace').rstrip()}")
