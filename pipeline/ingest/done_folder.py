"""How a file leaves the intake folder once it is stored: into done/, kept there for some days, or deleted."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path, PurePath

LONGEST_NAME = 255  # bytes, of the file systems that matter


class Changed(Exception):
    """The file is no longer the one that was stored."""


def leave(file: Path, inside: PurePath, done: Path | None, size: int, modified_ns: int) -> None:
    """Move the file to done/YYYY-MM-DD/, under its own folders, or delete it where `done` is None.

    Raises Changed where it has been written to since it was stored (then it is a new file), OSError where it
    cannot be moved."""
    found = file.lstat()
    if (found.st_size, found.st_mtime_ns) != (size, modified_ns):
        raise Changed
    if done is None:
        file.unlink()
        return
    folder = done / date.today().isoformat() / inside.parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file.rename(free_name(folder, inside.name))
    except OSError:  # another file system: copied whole under a passing name first
        copy = free_name(folder, f".{inside.name}"[:LONGEST_NAME])
        try:
            shutil.copy2(file, copy)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        copy.rename(free_name(folder, inside.name))
        file.unlink()


def free_name(folder: Path, name: str) -> Path:
    """A path of that name that does not exist yet; `name (2).pdf` where it does."""
    ending = PurePath(name).suffix
    stem = name.removesuffix(ending)
    number, candidate = 1, folder / name
    while candidate.exists() or candidate.is_symlink():
        number += 1
        mark = f" ({number}){ending}"
        kept = os.fsencode(stem)[: LONGEST_NAME - len(os.fsencode(mark))]
        candidate = folder / f"{os.fsdecode(kept)}{mark}"
    return candidate


def clean(done: Path, days: int, today: date) -> int:
    """Remove the days of done/ that have been kept for long enough; return how many.

    `today`: what another clock says. The earlier of that and our own counts: a clock that jumps ahead empties
    nothing."""
    if not done.is_dir():
        return 0
    limit = min(date.today(), today) - timedelta(days=days)
    removed = 0
    for folder in done.iterdir():
        with suppress(ValueError):
            if folder.is_dir() and not folder.is_symlink() and date.fromisoformat(folder.name) < limit:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed
