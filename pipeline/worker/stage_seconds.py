"""How long each stage takes, summed over a machine's worker processes, for the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from multiprocessing.sharedctypes import RawArray
from typing import Concatenate, ParamSpec, Protocol, TypeVar

STAGES = ("open", "read", "segment", "match", "decide", "build_pdf", "commit")

P = ParamSpec("P")
T = TypeVar("T")


class StageSeconds:
    """Seconds and calls of each stage, in memory that forked processes share.

    Each process writes to a row of its own, so that there is no lock that a killed process could hold. A
    process that replaces another one continues its row: the sums never decrease.
    """

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._seconds = RawArray("d", processes * len(STAGES))
        self._calls = RawArray("Q", processes * len(STAGES))

    @contextmanager
    def measure(self, stage: str, process: int = 0) -> Iterator[None]:
        """Add the time that the block takes to a stage, in the row of a process."""
        started = time.perf_counter()
        try:
            yield
        finally:
            cell = process * len(STAGES) + STAGES.index(stage)
            self._seconds[cell] += time.perf_counter() - started
            self._calls[cell] += 1

    def totals(self) -> dict[str, tuple[int, float]]:
        """Return the calls and the seconds of each stage, over all processes."""
        rows = range(0, self._processes * len(STAGES), len(STAGES))
        return {
            stage: (sum(self._calls[row + i] for row in rows), sum(self._seconds[row + i] for row in rows))
            for i, stage in enumerate(STAGES)
        }


class Measured(Protocol):
    """Something whose methods are stages."""

    stage_seconds: StageSeconds
    process: int


S = TypeVar("S", bound=Measured)


def measured(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Measure a method that is a stage and has its name."""

    @wraps(method)
    def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.stage_seconds.measure(method.__name__, self.process):
            return method(self, *args, **kwargs)

    return run
