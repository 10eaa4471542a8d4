"""Isolate page reading: image libraries may crash or hang, and one page must not stop the worker.

A worker that a page holds up too long is killed, as if it had crashed. Its pool records the death, and the
next worker that takes the scan reads each page in a process of its own, with Tesseract as a program: a crash
of the library cannot recur, and the page on which the library crashed is read if the program can read it. A
page that kills that process is sent to review; the rest of the scan continues.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from pipeline.config import OcrSettings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.read_page import Reading, read_page, unreadable_page
from pipeline.records import Page

PAGE_TIMEOUT_FACTOR = 3.0
"""A page may take this many times ocr.page_timeout_seconds in total: Tesseract may be called for the
orientation, for the text and for the text that it missed.
"""
PAGE_KILLED_MESSAGE = (
    "The program that reads pages stopped on this page. Its image is complete: look at the original."
)


@contextmanager
def kill_process_after(seconds: float) -> Iterator[None]:
    """Kill this process if the block takes longer, even inside a library that cannot be interrupted."""
    signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM has no handler, so it ends the process
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def read_with_timeout(page: Page, image_file: Path | None, settings: OcrSettings) -> Reading:
    """Read a page in this process, which is killed if that takes far too long."""
    with kill_process_after(PAGE_TIMEOUT_FACTOR * settings.page_timeout_seconds):
        return read_page(page, image_file, settings)


def isolation_settings(settings: OcrSettings) -> OcrSettings:
    """Return the settings to read isolated pages with: Tesseract as a program, if the administrator leaves
    that to Chartloom and the program is installed.
    """
    if settings.tesseract == "auto" and tesseract.find_program(settings.languages):
        return settings.model_copy(update={"tesseract": "program"})
    return settings


def read_isolated(page: Page, image_file: Path | None, settings: OcrSettings) -> Reading:
    """Read a page in a process of its own; if the page kills that process, return it as unreadable.

    The process leads a process group: if it is killed, the program that it was waiting for is killed too.
    """
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send_reading, args=(sender, page, image_file, settings))
    child.start()
    sender.close()
    try:
        reading: Reading = receiver.recv()
    except EOFError:
        reading = unreadable_page(page, PAGE_KILLED_MESSAGE)
        _kill_group(child)
    finally:
        receiver.close()
        child.join()
    return reading


def _send_reading(sender: Connection, page: Page, image_file: Path | None, settings: OcrSettings) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the parent process may have set a handler
    limit_cpu_time(math.ceil(PAGE_TIMEOUT_FACTOR * settings.page_timeout_seconds))
    sender.send(read_with_timeout(page, image_file, isolation_settings(settings)))


def limit_cpu_time(seconds: int) -> None:
    """Limit the CPU time of this process and of each program that it starts: it also ends a program that
    still runs after this process and its parent were killed.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    limit = seconds if most == resource.RLIM_INFINITY else min(seconds, most)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))


def _kill_group(leader: BaseProcess) -> None:
    """Kill the programs that a process has started. It has not been joined, so its id is still its own."""
    if leader.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)
