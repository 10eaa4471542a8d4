"""Remove a stored file from the intake folder: move it to done/, where it is kept for some days, or delete
it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path, PurePath

MAX_NAME_BYTES = 255  # of common file systems


class FileModified(Exception):
    """The file has been written to since it was stored."""


def move_to_done(file: Path, inside: PurePath, done: Path | None, size: int, modified_ns: int) -> None:
    """Move a file to done/YYYY-MM-DD/ and keep its subfolders, or delete it.

    Args:
        file: The file.
        inside: Its path below the intake folder.
        done: The folder for stored files; None to delete the file.
        size: Its size when it was stored, in bytes.
        modified_ns: Its modification time when it was stored.

    Raises:
        FileModified: The file has been written to since it was stored: it is a new file.
        OSError: The file cannot be moved.
    """
    status = file.lstat()
    if (status.st_size, status.st_mtime_ns) != (size, modified_ns):
        raise FileModified
    if done is None:
        file.unlink()
        return
    folder = done / date.today().isoformat() / inside.parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file.rename(free_name(folder, inside.name))
    except OSError:  # another file system: copy it under a temporary name first
        copy = free_name(folder, f".{inside.name}"[:MAX_NAME_BYTES])
        try:
            shutil.copy2(file, copy)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        copy.rename(free_name(folder, inside.name))
        file.unlink()


def free_name(folder: Path, name: str) -> Path:
    """Return a path of that name that does not exist yet: `name (2).pdf` if `name.pdf` exists."""
    ending = PurePath(name).suffix
    stem = name.removesuffix(ending)
    number, candidate = 1, folder / name
    while candidate.exists() or candidate.is_symlink():
        number += 1
        mark = f" ({number}){ending}"
        kept = os.fsencode(stem)[: MAX_NAME_BYTES - len(os.fsencode(mark))]
        candidate = folder / f"{os.fsdecode(kept)}{mark}"
    return candidate


def remove_expired_days(done: Path, days: int, today: date) -> int:
    """Remove the folders of done/ that are older than `days`, and return how many.

    Args:
        done: The folder for stored files.
        days: For how long files are kept.
        today: The date by another clock. The earlier of the two clocks counts, so that a clock that jumps
            ahead removes nothing.
    """
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
