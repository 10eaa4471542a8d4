"""For the tests of opening scans: the limits, a folder for pixels, and a way to open a file with both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import IntakeSettings, load_settings
from pipeline.ingest.parsing import parser_client
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.records import Page
from pipeline.store.scratch import Scratch
from tests.support.scan_files import SHA, Opens


@pytest.fixture(scope="session")
def limits() -> IntakeSettings:
    """Those of the settings as they are shipped."""
    return load_settings().intake


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """An empty scratch folder."""
    return Scratch(tmp_path / "scratch")


@pytest.fixture(scope="module", autouse=True)
def no_parser_is_left() -> Iterator[None]:
    """The children that open files end with a file of tests."""
    yield
    parser_client.close_idle()


@pytest.fixture
def opens(scratch: Scratch, limits: IntakeSettings) -> Opens:
    """All pages of a file; keywords change the limits."""

    def open_all(file: Path, **changed: object) -> list[Page]:
        return list(open_scan(file, SHA, scratch, limits.model_copy(update=changed)))

    return open_all
