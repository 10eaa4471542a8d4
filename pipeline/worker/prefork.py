"""Several workers on one machine: a parent that imports everything once and forks them, so that they share
its memory.

A worker that dies is replaced. SIGTERM or SIGINT stops them all after the page in hand; so does the end of
`until`, a pipe that whoever started the pool holds open: workers never outlive the program they belong to,
however it ends."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from threading import Thread

log = logging.getLogger(__name__)
REPLACE_SECONDS = 1.0  # a worker that dies at once is not replaced more often than this
STOP = (signal.SIGTERM, signal.SIGINT)


class Pool:
    """`count` processes that run `work`, kept alive until stopped. `bury` is told the pid of one that a
    signal has killed.
    """

    def __init__(self, work: Callable[[], None], count: int, bury: Callable[[int], None]) -> None:
        self._work = work
        self._bury = bury
        self._count = count
        self._started: dict[int, float] = {}
        self._stopping = False
        self._held: int | None = (
            None  # this process alone holds this end of a pipe: when it is closed, the workers stop
        )

    def run(self, until: int | None = None) -> None:
        """Run the workers until a signal, or until the other end of the pipe `until` is closed."""
        before = {number: signal.signal(number, self.stop) for number in STOP}
        alive, self._held = os.pipe()
        try:
            if until is not None:
                Thread(target=stop_at_end, args=[until], daemon=True).start()
            # what exists now is shared; without this the collector's marks would copy it into every worker
            gc.freeze()
            for _ in range(self._count):
                self._start(alive)
            while self._started:
                self._replace_the_dead(alive)
        finally:
            os.close(alive)
            self._let_go()
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self, *_: object) -> None:
        """Ask every worker to stop, one that is just being started too; asked a second time they end at
        once.
        """
        if not self._stopping:
            self._stopping = True
            self._let_go()
            return
        for pid in list(self._started):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            os.close(held)

    def _start(self, alive: int) -> None:
        pid = os.fork()
        if pid:
            self._started[pid] = time.monotonic()
            return
        status = 1
        try:
            for number in STOP:
                signal.signal(number, signal.SIG_DFL)
            self._let_go()
            Thread(target=stop_at_end, args=[alive], daemon=True).start()
            self._work()
            status = 0
        except BaseException as error:
            log.error("worker %d ended with a fault: %s", os.getpid(), type(error).__name__)  # noqa: TRY400 - no values in the log
        finally:
            os._exit(status)

    def _replace_the_dead(self, alive: int) -> None:
        pid, status = os.wait()
        started = self._started.pop(pid, None)
        if started is None or self._stopping:
            return
        log.warning("worker %d ended (status %d) and is replaced", pid, os.waitstatus_to_exitcode(status))
        if os.WIFSIGNALED(status):
            self._bury(pid)
        time.sleep(max(0.0, started + REPLACE_SECONDS - time.monotonic()))
        if not self._stopping:
            self._start(alive)


def stop_at_end(pipe: int) -> None:
    """Wait until the other end of a pipe is closed, then stop this process as a signal would."""
    while os.read(pipe, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
