"""Back-pressure: a worker takes no new job while its machine is short of disk or memory, and makes room by
ending when it is too large itself. What it has in hand it finishes."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import signal
from pathlib import Path

import psutil

from pipeline.config import Settings

log = logging.getLogger(__name__)
MB = 1 << 20


class Backpressure:
    """Watches what a worker's machine has left."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.worker
        self._scratch = settings.scratch_folder
        self._process = psutil.Process()
        self._said: str | None = None

    def relieved(self) -> bool:
        """May the worker take a job? Says once why not, and once when it is over."""
        want = self.shortage()
        if want != self._said:
            log.warning("no new job: %s", want) if want else log.warning("there is room again")
        self._said = want
        return want is None

    def shortage(self) -> str | None:
        """What is short, in words; None where nothing is."""
        free = shutil.disk_usage(nearest_existing_folder(self._scratch)).free // MB
        if free < self._limits.min_free_disk_mb:
            return f"the disk of the scratch folder has {free} MB left"
        memory = psutil.virtual_memory().available // MB
        if memory < self._limits.min_free_memory_mb:
            return f"the machine has {memory} MB of memory left"
        return None

    def retire_if_large(self) -> bool:
        """Ask this worker to stop where it has grown too large; the pool starts another."""
        grown = self._process.memory_info().rss // MB > self._limits.max_worker_memory_mb
        if grown:
            os.kill(os.getpid(), signal.SIGTERM)
        return grown


def release_memory() -> None:
    """Return what a page has freed to the machine, where the C library can: glibc keeps 50 to 80 MB for the
    next one.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def nearest_existing_folder(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())
