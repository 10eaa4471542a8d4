"""Page images on their way from the opener to the reader: files of one folder, each named by the SHA-256 of
its bytes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import secrets
import shutil
import time
from pathlib import Path

from pipeline.errors import ServiceUnavailable

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
LEAST_FREE = 200_000_000
"""Bytes. A program that could write nothing to a disk with less room than this failed for want of it."""


class DiskFull(ServiceUnavailable):
    """The disk is full. It passes: the same call may succeed later."""

    code = "disk_full"

    def __init__(self) -> None:
        super().__init__("The disk is full.", "Make room; what waits goes on by itself.")


class Scratch:
    """A folder of files named by their hash. Whoever reads a page drops it; `sweep` removes what nobody
    will.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; return their SHA-256. The file is there whole or not at all. Raises DiskFull."""
        new = self.folder / f"new-{secrets.token_hex(8)}"
        try:
            new.write_bytes(data)
        except OSError as error:
            new.unlink(missing_ok=True)
            if error.errno in NO_ROOM:
                raise DiskFull from None
            raise
        return self.adopt(new, hashlib.sha256(data).hexdigest())

    def adopt(self, file: Path, sha256: str) -> str:
        """Take over a finished file of the same file system under its hash."""
        file.replace(self.path(sha256))
        return sha256

    def path(self, sha256: str) -> Path:
        """Where the bytes of that hash lie, or would lie."""
        return self.folder / sha256

    def check_room(self) -> None:
        """Raises DiskFull where the disk is all but full."""
        if shutil.disk_usage(self.folder).free < LEAST_FREE:
            raise DiskFull

    def drop(self, sha256: str) -> None:
        """Remove one file; it may be gone already."""
        self.path(sha256).unlink(missing_ok=True)

    def sweep(self, older_than: float) -> int:
        """Remove what came that many seconds ago, left by processes that were killed; return how many
        files.
        """
        limit, removed = time.time() - older_than, 0
        for file in self.folder.iterdir():
            with contextlib.suppress(OSError):  # another process is ahead of us
                if file.is_file() and file.stat().st_ctime < limit:  # a copy's mtime is that of its original
                    file.unlink()
                    removed += 1
        return removed
