"""A process's own folder for what it has in hand: gone when the process ends, and when it was killed, removed
by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

PREFIX = "worker-"
LOCK = "lock"


class OwnFolder:
    """A new folder below `above`, held by a lock that the kernel frees with the process."""

    def __init__(self, above: Path) -> None:
        above.mkdir(parents=True, exist_ok=True)
        with _alone(above):
            _sweep(above)
            self.path = Path(mkdtemp(prefix=PREFIX, dir=above))
            self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep(above: Path) -> None:
    """Remove the folders of processes that were killed. They hold pages of patients, and nobody needs them
    any more.
    """
    for folder in above.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # it lives
        finally:
            os.close(lock)


@contextmanager
def _alone(above: Path) -> Iterator[None]:
    """One process at a time makes or sweeps folders."""
    gate = os.open(above / f".{PREFIX}gate", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)
