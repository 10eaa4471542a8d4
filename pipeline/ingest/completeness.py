"""Decide whether a file of the intake folder is complete: by its name, by open writers, and by its last
bytes.

These checks are in addition to the other one (size and time have not changed for a while), because a slow
network copy may pause for longer than that. A file that never gets its end is ingested after
`intake.incomplete_grace_seconds` and is then repaired or quarantined.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from pipeline.ingest.parsing.file_types import SIGNATURE_BYTES, media_type_of
from pipeline.ingest.tiff import has_arrived

TEMPORARY_EXTENSIONS = (
    ".part",
    ".partial",
    ".tmp",
    ".temp",
    ".filepart",
    ".crdownload",
    ".download",
    ".opdownload",
    ".lock",
    ".lck",
    "~",
)
SYSTEM_NAMES = ("thumbs.db", "desktop.ini", "__macosx")
TRAILER_SEARCH_BYTES = 2048
"""The end marker is within this many bytes of the end. For %%EOF, readers accept 1,024 and some writers add
padding.
"""
SIZE_FIELDS = {"image/webp": (4, 8), "image/bmp": (2, 0)}
"""Types whose header has the size of the file: the offset of the size, and the bytes that it does not count.
"""


def is_temporary_name(name: str) -> bool:
    """Return whether a name is that of a file still being written, of a lock, or of the operating system."""
    lower = name.casefold()
    return lower.startswith((".", "~$")) or lower.endswith(TEMPORARY_EXTENSIONS) or lower in SYSTEM_NAMES


def is_being_written(file: Path) -> bool:
    """Return whether a program on this machine (for example a file server) has the file open for writing.

    Linux grants a read lease only on a file that no process has open for writing. The lease is released at
    once. If a process opens the file in that moment, the kernel sends a signal that has no effect.

    Returns:
        False also if the operating system or the file system cannot tell.

    Raises:
        OSError: The file cannot be read.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    stream = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.fcntl(stream, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (
        OSError
    ) as error:  # EAGAIN: open for writing; otherwise not our file, or no leases on this file system
        return error.errno == errno.EAGAIN
    finally:
        os.close(stream)
    return False


def is_complete(file: Path) -> bool:
    """Return whether the file has the end that files of its type have. True for types that have none.

    Raises:
        OSError: The file cannot be read.
    """
    with file.open("rb") as stream:
        head = stream.read(SIGNATURE_BYTES)
        stream.seek(0)
        match media_type_of(head):
            case "application/pdf":
                return _ends_with(stream, b"%%EOF")
            case "image/tiff":
                return has_arrived(stream)
            case "application/zip":
                return zipfile.is_zipfile(stream)
            case "image/png":
                return _ends_with(stream, b"IEND\xaeB`\x82")
            case "image/jpeg" | "image/jp2":
                return _ends_with(stream, b"\xff\xd9")
            case "image/webp" | "image/bmp" as media_type:
                offset, uncounted_bytes = SIZE_FIELDS[media_type]
                size = struct.unpack_from("<I", head, offset)[0] if len(head) >= offset + 4 else 0
                return bool(stream.seek(0, os.SEEK_END) >= size + uncounted_bytes)
    return True


def _ends_with(stream: BinaryIO, end: bytes) -> bool:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - TRAILER_SEARCH_BYTES))
    return end in stream.read()
