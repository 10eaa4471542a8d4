"""Limit the speed of a migration: the hours of the day, and how many workers may be busy with it.

The migration is held back before its documents are submitted. The queue never holds more of them than the
settings allow, so nothing has to be taken out of the queue in the morning, and workers need no special rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time

from pipeline.config import ArchiveSettings
from pipeline.errors import ConfigurationError

SCHEDULE = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")
MINUTES_PER_DAY = 24 * 60


def parse_schedule(schedule: str) -> tuple[time, time] | None:
    """Return the start and the end of the hours; None means always. Raises ConfigurationError."""
    if not schedule:
        return None
    match = SCHEDULE.match(schedule)
    if not match:
        raise ConfigurationError(
            f"archive.schedule is {schedule!r}.", 'Write it as "19:00-06:00", or "" for always.'
        )
    return time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))


def is_within(schedule: str, now: time) -> bool:
    """Return whether a time is within the hours, which may pass midnight.

    Hours that end when they begin are the whole day.
    """
    hours = parse_schedule(schedule)
    if hours is None or hours[0] == hours[1]:
        return True
    start, end = hours
    return start <= now < end if start < end else now >= start or now < end


def schedule_share(schedule: str) -> float:
    """Return the share of the day in which the migration may run."""
    hours = parse_schedule(schedule)
    if hours is None or hours[0] == hours[1]:
        return 1.0
    start, end = (moment.hour * 60 + moment.minute for moment in hours)
    return ((end - start) % MINUTES_PER_DAY) / MINUTES_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Decides before each document whether it may be submitted now.

    Attributes:
        queued: Returns how many jobs of backfill priority wait or run.
        workers: Returns how many workers are alive.
    """

    settings: ArchiveSettings
    queued: Callable[[], int]
    workers: Callable[[], int]

    def waits_for(self, now: datetime) -> str | None:
        """Return what has to be waited for (hours or workers); None if the next document may be submitted."""
        if not is_within(self.settings.schedule, now.time()):
            return f"the hours {self.settings.schedule}"
        return None if self.queued() < self.max_queued() else "the workers"

    def max_queued(self) -> int:
        """Return how many jobs may be in the queue.

        With a share below 1, no job waits in addition to those being processed: each would take a worker.
        """
        workers = max(1, self.workers())
        if self.settings.max_worker_share == 1:
            return workers * (1 + self.settings.prefetch_per_worker)
        return max(1, int(workers * self.settings.max_worker_share))
