"""Reading a page so that no page can stop the work: libraries that read pictures may crash or never come
back.

A worker that a page holds up too long is killed, like one that crashes; its pool notes the death, and whoever
takes the scan next reads each of its pages in a process apart. What ends that process is one page for a
person; the rest of the scan goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from pipeline.config import OcrSettings
from pipeline.ocr.read_page import Reading, read_page, unreadable_page
from pipeline.records import Page

PAGE_TIMEOUT_FACTOR = 3.0
"""Times ocr.page_timeout_seconds that a page may take in all: Tesseract may be asked for its way up, its text and
what that left out.
"""
PAGE_KILLED_MESSAGE = "Reading this page stopped the program that reads. Its picture is whole: look at the original."


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Kill this process where what follows takes longer, even where it is inside a library that cannot be
    interrupted.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles SIGALRM: it ends the process
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def read_with_timeout(page: Page, pixels: Path | None, settings: OcrSettings) -> Reading:
    """The reading of a page. This process ends where that takes far too long."""
    with at_most(PAGE_TIMEOUT_FACTOR * settings.page_timeout_seconds):
        return read_page(page, pixels, settings)


def read_isolated(page: Page, pixels: Path | None, settings: OcrSettings) -> Reading:
    """The same in a process of its own: a page that ends it is one that could not be read."""
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(theirs, page, pixels, settings))
    child.start()
    theirs.close()
    try:
        made: Reading = ours.recv()
    except EOFError:
        made = unreadable_page(page, PAGE_KILLED_MESSAGE)
    finally:
        ours.close()
        child.join()
    return made


def _send(to: Connection, page: Page, pixels: Path | None, settings: OcrSettings) -> None:
    signal.signal(
        signal.SIGALRM, signal.SIG_DFL
    )  # whatever the process did with it that this one was forked from
    to.send(read_with_timeout(page, pixels, settings))
