"""For the tests of opening scans: the limits, a folder for page images, and a function that opens a file
with both.
"""

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
    """The limits of the shipped settings."""
    return load_settings().intake


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """An empty scratch folder."""
    return Scratch(tmp_path / "scratch")


@pytest.fixture(scope="module", autouse=True)
def no_parser_is_left() -> Iterator[None]:
    """End the parser processes after each file of tests."""
    yield
    parser_client.close_idle()


@pytest.fixture
def opens(scratch: Scratch, limits: IntakeSettings) -> Opens:
    """Return a function that returns all pages of a file; keywords change the limits."""

    def open_all(file: Path, **changed: object) -> list[Page]:
        return list(open_scan(file, SHA, scratch, limits.model_copy(update=changed)))

    return open_all
