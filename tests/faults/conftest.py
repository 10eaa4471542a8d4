"""A running installation for the fault tests, and small scans to submit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.running import Running
from tests.faults.scans import make_scan

MAX_TEST_SECONDS = 900  # on a busy machine
Submit = Callable[[Running, int, int], None]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`chartloom up` on a home for all tests of the module, which submit scans of different numbers."""
    up = Running(tmp_path_factory.mktemp("faults") / "home")
    up.start()
    try:
        up.wait_ready()
        yield up
    finally:
        up.stop()


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """submit(running, number, pages): submit a scan that differs from the scans with other numbers."""
    folder = tmp_path / "scans"
    folder.mkdir()
    return lambda running, number, pages: running.submit(make_scan(folder, number, pages, seed=1), pages)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Recovery takes longer if other programs use the same cores."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(MAX_TEST_SECONDS))
