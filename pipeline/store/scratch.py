"""Page images between the parser and OCR: files in one folder, each named by the SHA-256 of its bytes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import secrets
import shutil
import time
from pathlib import Path

from pipeline.errors import ServiceUnavailable

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk or an exhausted quota."""
MIN_FREE_BYTES = 200_000_000
"""With less free space than this, a failed write is taken to be caused by the full disk."""


class DiskFull(ServiceUnavailable):
    """The disk is full: the same call may succeed later."""

    code = "disk_full"

    def __init__(self) -> None:
        super().__init__("The disk is full.", "Free some space; waiting work then resumes automatically.")


class Scratch:
    """A folder of files named by their hash. The reader of a page removes it; `sweep` removes what
    remained.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Store bytes atomically and return their SHA-256.

        Raises:
            DiskFull: The disk is full.
        """
        new = self.folder / f"new-{secrets.token_hex(8)}"
        try:
            new.write_bytes(data)
        except OSError as error:
            new.unlink(missing_ok=True)
            if error.errno in DISK_FULL:
                raise DiskFull from None
            raise
        return self.adopt(new, hashlib.sha256(data).hexdigest())

    def adopt(self, file: Path, sha256: str) -> str:
        """Move a finished file of the same file system to the name of its hash."""
        file.replace(self.path(sha256))
        return sha256

    def path(self, sha256: str) -> Path:
        """Return the path of the file with that hash, whether it exists or not."""
        return self.folder / sha256

    def check_free_space(self) -> None:
        """Raise DiskFull if the disk is nearly full."""
        if shutil.disk_usage(self.folder).free < MIN_FREE_BYTES:
            raise DiskFull

    def remove(self, sha256: str) -> None:
        """Remove a file, if it exists."""
        self.path(sha256).unlink(missing_ok=True)

    def sweep(self, min_age_seconds: float) -> int:
        """Remove files of that age, left by killed processes, and return their number."""
        limit, removed = time.time() - min_age_seconds, 0
        for file in self.folder.iterdir():
            with contextlib.suppress(OSError):  # another process removed it
                if file.is_file() and file.stat().st_ctime < limit:  # not mtime: a copy keeps its original's
                    file.unlink()
                    removed += 1
        return removed
