"""A running installation for the fault tests, with small scans to hand in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.running import Running
from tests.faults.scans import make_scan

SLOWEST = 900  # seconds a fault test may take on a busy machine
Drop = Callable[[Running, int, int], None]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`chartloom up` on a home of the module's own; its tests hand in scans of different numbers."""
    found = Running(tmp_path_factory.mktemp("faults") / "home")
    found.start()
    try:
        found.wait_ready()
        yield found
    finally:
        found.stop()


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """drop(running, number, pages): hand in a scan that is unlike those of other numbers."""
    folder = tmp_path / "scans"
    folder.mkdir()
    return lambda running, number, pages: running.drop(make_scan(folder, number, pages, seed=1), pages)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Recovery takes its time where others work on the same cores."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(SLOWEST))
