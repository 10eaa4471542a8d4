"""Is a file all there? Names that say no, and the ends of PDF and TIFF files that say yes.

This is a courtesy beside the real test (its size and time stand still): a slow network copy may pause for longer than that.
A file that never gets its end is taken all the same after `intake.incomplete_seconds`, and is then repaired or quarantined.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from pipeline.ingest.kinds import HEAD, PDF, ZIP, kind_of

UNFINISHED_ENDINGS = (
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
PDF_END = 2048
"""Bytes from the end within which %%EOF stands; readers accept 1,024 and some writers add a signature or padding."""
MOST_DIRECTORIES = 100_000


def is_passing(name: str) -> bool:
    """Is it the name of a file that is still being written, of a lock, or of the system's own?"""
    lower = name.casefold()
    return lower.startswith((".", "~$")) or lower.endswith(UNFINISHED_ENDINGS) or lower in SYSTEM_NAMES


def is_complete(file: Path) -> bool:
    """Has the file the end that its kind has? True for kinds without one. Raises OSError where it cannot be read."""
    with file.open("rb") as stream:
        kind = kind_of(stream.read(HEAD))
        if kind == PDF:
            return _pdf_ends(stream)
        if kind == "image/tiff":
            return _tiff_ends(stream)
        if kind == ZIP:
            return zipfile.is_zipfile(stream)
        if kind == "image/jpeg":
            return _ends_with(stream, b"\xff\xd9")
        if kind == "image/png":
            return _ends_with(stream, b"IEND\xaeB`\x82")
    return True


def _ends_with(stream: BinaryIO, end: bytes) -> bool:
    size = stream.seek(0, 2)
    stream.seek(max(0, size - PDF_END))
    return end in stream.read()


def _pdf_ends(stream: BinaryIO) -> bool:
    return _ends_with(stream, b"%%EOF")


def _tiff_ends(stream: BinaryIO) -> bool:
    """Can every directory be reached, to the last one? Strips may stand behind it, so this is necessary, not sufficient."""
    size = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    count, entry, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    at: int = struct.unpack_from(order + pointer, head, 8 if big else 4)[0] if len(head) == 16 else size
    seen: set[int] = set()
    while at and at not in seen and len(seen) < MOST_DIRECTORIES:
        seen.add(at)
        stream.seek(at)
        raw = stream.read(struct.calcsize(count))
        if len(raw) < struct.calcsize(count):
            return False
        stream.seek(struct.unpack(order + count, raw)[0] * entry, 1)
        raw = stream.read(struct.calcsize(pointer))
        if len(raw) < struct.calcsize(pointer):
            return False
        at = struct.unpack(order + pointer, raw)[0]
    return bool(seen)
