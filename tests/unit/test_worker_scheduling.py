"""The order in which queues are polled, and the pause under high load."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.records import Priority
from pipeline.worker.backpressure import Backpressure
from pipeline.worker.fair_scheduling import FETCHES_PER_FAIR_TURN, first_queues
from pipeline.worker.job_queue import QUEUES, queue_of


def test_stat_precedes_live_and_live_precedes_backfill() -> None:
    assert QUEUES == ("stat", "live", "backfill")


def test_every_lower_queue_is_polled_however_much_waits_above_it() -> None:
    first = Counter(islice(first_queues(), 10 * FETCHES_PER_FAIR_TURN))
    assert first == {None: 10 * (FETCHES_PER_FAIR_TURN - 1), "live": 5, "backfill": 5}


def test_a_priority_between_two_classes_belongs_to_the_lower_one() -> None:
    assert [queue_of(p) for p in (Priority.STAT, 15, Priority.LIVE, 3, Priority.BACKFILL, -1)] == [
        "stat",
        "live",
        "live",
        "backfill",
        "backfill",
        "backfill",
    ]


@pytest.mark.parametrize(
    ("limit", "what"),
    [("min_free_disk_mb", "disk"), ("min_free_memory_mb", "memory"), ("max_retries", None)],
    ids=["disk", "memory", "neither"],
)
def test_no_new_job_is_fetched_while_the_machine_is_short_of_resources(
    limit: str, what: str | None, tmp_path: Path
) -> None:
    settings = load_settings(tmp_path / "home")
    short = settings.model_copy(update={"worker": settings.worker.model_copy(update={limit: 1 << 40})})
    pressure = Backpressure(short)
    assert pressure.may_take_job() == (what is None)
    assert (pressure.shortage() is None) if what is None else (what in str(pressure.shortage()))
