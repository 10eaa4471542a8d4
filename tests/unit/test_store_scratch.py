"""The folder of page images during processing: what stays in it, and what is removed."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.store.scratch import Scratch


def test_the_files_of_a_killed_process_are_removed_after_their_time_and_not_before(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    page = scratch.path(scratch.put(b"a page"))
    os.utime(page, (0, 0))  # a copy has the time of its original, which does not matter
    assert scratch.sweep(min_age_seconds=60.0) == 0
    assert page.exists()
    assert scratch.sweep(min_age_seconds=-60.0) == 1
    assert not page.exists()
