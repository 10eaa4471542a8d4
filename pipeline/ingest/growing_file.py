"""Recognize a file that a device writes page by page under one name: it arrives again with more pages.

If the device pauses for longer than `stable_seconds`, the first pages are ingested as a separate scan. The
later file begins with the same pages. Neither may then be filed automatically, because the first is only a
part of the second.
"""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

from pipeline.config import IntakeSettings
from pipeline.errors import InvalidInput
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.store.scratch import Scratch

MAX_COMPARED_PAGES = 5
"""Opening a page takes up to a second, and five equal pages under one name are no coincidence. If a later
page differs, a person must look at both files all the same.
"""


def begins_with(file: Path, earlier: Path, scratch: Scratch, settings: IntakeSettings) -> bool:
    """Return whether a scan begins with the pages of an earlier one, by their images."""
    with tempfile.TemporaryDirectory(dir=scratch.folder, prefix="new-") as folder:
        images = [_images(each, Scratch(Path(folder)), settings) for each in (file, earlier)]
    return bool(images[1]) and images[0][: len(images[1])] == images[1]


def _images(file: Path, scratch: Scratch, settings: IntakeSettings) -> list[str | None]:
    try:
        pages = open_scan(file, "", scratch, settings)
        return [page.image for page in islice(pages, MAX_COMPARED_PAGES)]
    except InvalidInput:
        return []
