"""The folder of page images on their way: what stays in it, and what does not."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.store.scratch import Scratch


def test_what_a_killed_process_left_is_swept_away_after_its_time_and_not_before(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    page = scratch.path(scratch.put(b"a page"))
    os.utime(page, (0, 0))  # a copy bears the time of its original, which says nothing
    assert scratch.sweep(min_age_seconds=60.0) == 0
    assert page.exists()
    assert scratch.sweep(min_age_seconds=-60.0) == 1
    assert not page.exists()
