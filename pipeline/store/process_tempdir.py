"""A temporary folder for each process: removed when the process ends, or by the next process if it was
killed.
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
LOCK_FILE = "lock"


class ProcessTempdir:
    """A new folder, held by a file lock that the kernel releases when the process ends."""

    def __init__(self, parent: Path) -> None:
        """Create the folder in `parent`, and remove the folders of processes that were killed."""
        parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(parent):
            _remove_abandoned(parent)
            self.path = Path(mkdtemp(prefix=PREFIX, dir=parent))
            self._lock = os.open(self.path / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of killed processes: they hold patients' pages that no one needs anymore."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / LOCK_FILE, os.O_RDWR)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # its process is running
        finally:
            os.close(lock)


@contextmanager
def _exclusive(parent: Path) -> Iterator[None]:
    """Let one process at a time create or remove folders in `parent`."""
    gate = os.open(parent / f".{PREFIX}gate", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)
