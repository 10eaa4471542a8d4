"""Backpressure: a worker takes no new job while its machine is short of disk space or memory, and exits if it
has grown too large itself. It always finishes its current job.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
from pathlib import Path

import psutil

from pipeline.config import Settings
from pipeline.logs import get_logger

log = get_logger(__name__)
BYTES_PER_MB = 1 << 20


class Backpressure:
    """Watches the free disk space and memory of a worker's machine."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.worker
        self._scratch = settings.scratch_folder
        self._process = psutil.Process()
        self._logged: str | None = None

    def may_take_job(self) -> bool:
        """Return whether the worker may take a job. Log each change once."""
        shortage = self.shortage()
        if shortage is None and self._logged is not None:
            log.warning("worker resumed")
        elif shortage != self._logged:
            log.warning("worker paused", reason=shortage)
        self._logged = shortage
        return shortage is None

    def shortage(self) -> str | None:
        """Return what the machine is short of; None if it has enough."""
        free_mb = shutil.disk_usage(nearest_existing_folder(self._scratch)).free // BYTES_PER_MB
        if free_mb < self._limits.min_free_disk_mb:
            return f"the disk of the scratch folder has {free_mb} MB left"
        available_mb = psutil.virtual_memory().available // BYTES_PER_MB
        if available_mb < self._limits.min_free_memory_mb:
            return f"the machine has {available_mb} MB of memory left"
        return None

    def retire_if_large(self) -> bool:
        """Ask this worker to stop if it uses too much memory; the pool starts another one."""
        too_large = self._process.memory_info().rss // BYTES_PER_MB > self._limits.max_worker_memory_mb
        if too_large:
            os.kill(os.getpid(), signal.SIGTERM)
        return too_large


def release_memory() -> None:
    """Return memory that a page has freed to the machine, if the C library can.

    Without this, glibc keeps 50 to 80 MB for the next page.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def nearest_existing_folder(folder: Path) -> Path:
    """Return the folder, or the nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
