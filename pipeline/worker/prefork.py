"""Several worker processes on one machine: a parent that imports everything once and forks them, so that they
share its memory.

A process that dies is replaced. SIGTERM or SIGINT stops them all after the current page. So does the end of
`until`, a pipe that the program which started the pool holds open: workers never outlive that program,
however it ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import time
from collections.abc import Callable, Sequence
from threading import RLock, Thread

from pipeline.logs import get_logger

log = get_logger(__name__)

MIN_RESTART_INTERVAL_SECONDS = 1.0
"""A process that dies at once is not replaced more often than this."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class PreforkPool:
    """One process for each target, kept alive until stopped.

    Args:
        targets: what the processes run.
        on_killed: called with the pid of a process that was killed by a signal.
    """

    def __init__(self, targets: Sequence[Callable[[], None]], on_killed: Callable[[int], None]) -> None:
        self._targets = targets
        self._on_killed = on_killed
        self._running: dict[int, tuple[int, float]] = {}
        """The target's number and the start time of each process, by pid."""
        self._stopping = False
        self._held: int | None = None
        """An end of a pipe that only this process holds: when it is closed, the other processes stop."""
        self._pipe_lock = RLock()
        """Held while a process is forked or the pipe is closed: a process that inherited the open end
        without knowing would never stop, nor would the others. A signal handler may take it again.
        """

    def run(self, until: int | None = None) -> None:
        """Run the processes until a signal, or until the other end of the pipe `until` is closed."""
        previous_handlers = {number: signal.signal(number, self.stop) for number in STOP_SIGNALS}
        alive, self._held = os.pipe()
        try:
            if until is not None:
                # The thread itself closes the pipe. A signal could arrive just before `os.wait` and be seen
                # only after it.
                Thread(target=call_when_closed, args=[until, self.stop], daemon=True).start()
            # Existing objects are shared; without this the collector's marks would copy them into every
            # process.
            gc.freeze()
            for number in range(len(self._targets)):
                self._start(number, alive)
            while self._running:
                self._replace_ended_process(alive)
        finally:
            os.close(alive)
            self._release_pipe()
            for number, handler in previous_handlers.items():
                signal.signal(number, handler)

    def stop(self, *_: object) -> None:
        """Ask every process to stop, also one that is just being started. The second call ends them
        at once.
        """
        if not self._stopping:
            self._stopping = True
            self._release_pipe()
            return
        for pid in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _release_pipe(self) -> None:
        with self._pipe_lock:
            held, self._held = self._held, None
            if held is not None:
                os.close(held)

    def _start(self, target: int, alive: int) -> None:
        with self._pipe_lock:
            pid = os.fork()
        if pid:
            self._running[pid] = target, time.monotonic()
            return
        status = 1
        try:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            self._release_pipe()
            Thread(target=call_when_closed, args=[alive, stop_this_process], daemon=True).start()
            self._targets[target]()
            status = 0
        except BaseException as error:
            log_failure(error)
        finally:
            os._exit(status)

    def _replace_ended_process(self, alive: int) -> None:
        pid, status = os.wait()
        if pid not in self._running:
            return
        target, started_at = self._running.pop(pid)
        if self._stopping:
            return
        log.warning("worker replaced", pid=pid, status=os.waitstatus_to_exitcode(status))
        if os.WIFSIGNALED(status):
            self._on_killed(pid)
        time.sleep(max(0.0, started_at + MIN_RESTART_INTERVAL_SECONDS - time.monotonic()))
        if not self._stopping:
            self._start(target, alive)


def log_failure(error: BaseException) -> None:
    """Log the type of the error that ended a worker. Its message may quote a page."""
    log.error("worker failed", pid=os.getpid(), error=type(error).__name__)


def call_when_closed(pipe: int, action: Callable[[], object]) -> None:
    """Wait until the other end of a pipe is closed, then call the action."""
    while os.read(pipe, 1024):
        pass
    action()


def stop_this_process() -> None:
    """Stop this process after its current page, as SIGTERM does."""
    os.kill(os.getpid(), signal.SIGTERM)
