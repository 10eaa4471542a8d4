"""Is a file all there? Names and open writers that say no, and the ends of the kinds of files that say yes.

These stand beside the other test (its size and time stand still), because a slow network copy may pause for
longer than that. A file that never gets its end is taken all the same after `intake.incomplete_grace_seconds`, and
is then repaired or quarantined."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO, ClassVar

from pipeline.ingest.parsing.file_types import SIGNATURE_BYTES, PDF, ZIP, media_type_of

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
"""Bytes from the end within which the last mark stands; for %%EOF readers accept 1,024 and some writers add
padding.
"""
MOST_DIRECTORIES = 100_000
MOST_PARTS = 100_000  # strips or tiles of a page that are looked at
SIZE_FIELDS = {"image/webp": (4, 8), "image/bmp": (2, 0)}
"""Kinds whose header says how long the file is: where it says so, and how many bytes are not counted."""


def is_temporary_name(name: str) -> bool:
    """Is it the name of a file that is still being written, of a lock, or of the system's own?"""
    lower = name.casefold()
    return lower.startswith((".", "~$")) or lower.endswith(TEMPORARY_EXTENSIONS) or lower in SYSTEM_NAMES


def is_being_written(file: Path) -> bool:
    """Has a program of this machine (a file server, say) the file open for writing? False where that cannot
    be known.

    Linux grants a read lease only on a file that nobody has open for writing. It is given back at once;
    should somebody open the file in that moment, the signal that tells us so is one that does nothing. Raises
    OSError where the file cannot be read."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    stream = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.fcntl(stream, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:  # EAGAIN: somebody writes; anything else: the file is not ours, or its file system knows no leases
        return error.errno == errno.EAGAIN
    finally:
        os.close(stream)
    return False


def is_complete(file: Path) -> bool:
    """Has the file the end that its kind has? True for kinds without one. Raises OSError where it cannot be
    read.
    """
    with file.open("rb") as stream:
        head = stream.read(SIGNATURE_BYTES)
        kind = media_type_of(head)
        if kind == PDF:
            return _ends_with(stream, b"%%EOF")
        if kind == "image/tiff":
            return _tiff_ends(stream)
        if kind == ZIP:
            return zipfile.is_zipfile(stream)
        if kind == "image/png":
            return _ends_with(stream, b"IEND\xaeB`\x82")
        if kind in ("image/jpeg", "image/jp2"):
            return _ends_with(stream, b"\xff\xd9")
        if kind in SIZE_FIELDS:
            at, added = SIZE_FIELDS[kind]
            said = struct.unpack_from("<I", head, at)[0] if len(head) >= at + 4 else 0
            return bool(stream.seek(0, os.SEEK_END) >= said + added)
    return True


def _ends_with(stream: BinaryIO, end: bytes) -> bool:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - TRAILER_SEARCH_BYTES))
    return end in stream.read()


def _tiff_ends(stream: BinaryIO) -> bool:
    """Can every directory be reached, to the last one, and are the strips or tiles of each within the
    file?
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(16)
    tiff = _Tiff(stream, "<" if head[:2] == b"II" else ">", size, big=head[2:4] in (b"+\0", b"\0+"))
    try:
        at = tiff.number_at(8 if tiff.big else 4, tiff.pointer)
        seen: set[int] = set()
        while at and at not in seen and len(seen) < MOST_DIRECTORIES:
            seen.add(at)
            at = tiff.directory(at)
    except (struct.error, EOFError):
        return False
    return bool(seen)


class _Tiff:
    """The numbers in a TIFF, little or big endian, with 32- or 64-bit offsets. Raises EOFError for what lies
    behind its end.
    """

    WIDTHS: ClassVar = {3: "H", 4: "I", 16: "Q"}
    PARTS: ClassVar = {273: 279, 324: 325}  # where strips or tiles begin: how long they are

    def __init__(self, stream: BinaryIO, order: str, size: int, *, big: bool) -> None:
        self.big, self._stream, self._order, self._size = big, stream, order, size
        self.pointer = "Q" if big else "I"
        self._count, self._inline = ("Q", 8) if big else ("H", 4)

    def number_at(self, at: int, form: str) -> int:
        (number,) = self._numbers(at, form, 1)
        return number

    def directory(self, at: int) -> int:
        """Read the directory there and check what it points to; where the next one begins, 0 after the
        last.
        """
        entries, width = self.number_at(at, self._count), 20 if self.big else 12
        begin = at + struct.calcsize(self._count)
        found: dict[int, tuple[int, ...]] = {}
        for entry in range(begin, begin + entries * width, width):
            tag, kind = self._numbers(entry, "H", 2)
            form = self.WIDTHS.get(kind)
            if form and (tag in self.PARTS or tag in self.PARTS.values()):
                count = self.number_at(entry + 4, self.pointer)
                value = entry + 4 + struct.calcsize(self.pointer)
                if count * struct.calcsize(form) > self._inline:
                    value = self.number_at(value, self.pointer)
                found[tag] = self._numbers(value, form, min(count, MOST_PARTS))
        for begins, lengths in self.PARTS.items():
            parts = zip(found.get(begins, ()), found.get(lengths, ()), strict=False)
            if any(start + length > self._size for start, length in parts):
                raise EOFError
        return self.number_at(begin + entries * width, self.pointer)

    def _numbers(self, at: int, form: str, count: int) -> tuple[int, ...]:
        if at + count * struct.calcsize(form) > self._size:
            raise EOFError
        self._stream.seek(at)
        return struct.unpack(f"{self._order}{count}{form}", self._stream.read(count * struct.calcsize(form)))
