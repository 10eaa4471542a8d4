"""How fast a migration may go: the hours of the day, and how many of the workers may be busy with it.

It is held back where it is handed in: the queue never holds more of it than the settings allow, so nothing
has to be taken back when the morning comes, and the workers need to know nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time

from pipeline.config import ArchiveSettings
from pipeline.errors import ConfigurationError

SPAN = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")
MINUTES = 24 * 60


def span_of(hours: str) -> tuple[time, time] | None:
    """From and until; None: always. Raises ConfigurationError."""
    if not hours:
        return None
    found = SPAN.match(hours)
    if not found:
        raise ConfigurationError(f"archive.schedule is {hours!r}.", 'Write it as "19:00-06:00", or "" for always.')
    return time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))


def within(hours: str, now: time) -> bool:
    """Is it time? A span may pass midnight; one that ends as it begins is the whole day."""
    span = span_of(hours)
    if span is None or span[0] == span[1]:
        return True
    begin, end = span
    return begin <= now < end if begin < end else now >= begin or now < end


def open_share(hours: str) -> float:
    """The share of the day in which it may run."""
    span = span_of(hours)
    if span is None or span[0] == span[1]:
        return 1.0
    begin, end = (moment.hour * 60 + moment.minute for moment in span)
    return ((end - begin) % MINUTES) / MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Asked before each document. `queued`: jobs of backfill priority that wait or run; `workers`: how many
    are alive.
    """

    settings: ArchiveSettings
    queued: Callable[[], int]
    workers: Callable[[], int]

    def wants(self, now: datetime) -> str | None:
        """None where the next document may be handed in, else what is waited for: hours or workers."""
        if not within(self.settings.schedule, now.time()):
            return f"the hours {self.settings.schedule}"
        return None if self.queued() < self.most() else "the workers"

    def most(self) -> int:
        """How many jobs may be in the queue. With a share below 1 none waits beside those in work: each would
        take a worker.
        """
        workers = max(1, self.workers())
        return (
            workers * (1 + self.settings.prefetch_per_worker)
            if self.settings.max_worker_share == 1
            else max(1, int(workers * self.settings.max_worker_share))
        )
