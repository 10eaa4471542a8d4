"""Read the directories of TIFF files: how many pages a file has, and whether all of it has arrived.

Nothing is decoded, and only directories and the values that they point to are read. Layout: TIFF 6.0, section
2, and BigTIFF with its 64-bit offsets.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
"""The first four bytes of a TIFF or BigTIFF, and struct's sign for its byte order."""
BIG_TIFF_HEADS = (b"II+\0", b"MM\0+")
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
"""Bytes of one value, by the type of its tag."""
NUMBER_FORMATS = {3: "H", 4: "I", 16: "Q"}
"""struct's format of the types that offsets and lengths have."""
DATA_TAGS = {273: 279, 324: 325}
"""The tags that list where the strips or tiles of a page begin, with the tags that list their lengths."""
MAX_PAGES = 100_000
MAX_CHECKED_STRIPS = 100_000  # per page


class NotTiff(Exception):
    """The file is not a TIFF whose directories can all be reached. The message says why."""


class TiffCutShort(NotTiff):
    """The file ends before something that it points to."""

    def __init__(self) -> None:
        super().__init__("it is cut short")


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, which is a page: where its entries begin in the file, and how many there are."""

    offset: int
    entries: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a directory. `field` is the offset of its value, or of the pointer to its value."""

    tag: int
    type: int
    count: int
    field: int


class TiffReader:
    """Reads a TIFF or BigTIFF of either byte order. Raises NotTiff."""

    def __init__(self, stream: BinaryIO) -> None:
        head = stream.read(4)
        if head not in BYTE_ORDERS:
            raise NotTiff("it is not a TIFF")
        self.order = BYTE_ORDERS[head]
        self.is_big = head in BIG_TIFF_HEADS
        self.size = stream.seek(0, os.SEEK_END)
        self._stream = stream
        self._pointer, self._entry_count = ("Q", "Q") if self.is_big else ("I", "H")

    def directories(self) -> Iterator[Directory]:
        """Yield every directory, in order. Raises NotTiff if one cannot be reached or if they form a loop."""
        seen: set[int] = set()
        at = self.read(8 if self.is_big else 4, self._pointer)[0]
        while at:
            if at in seen or len(seen) >= MAX_PAGES:
                raise NotTiff("its directories do not end")
            seen.add(at)
            (entries,) = self.read(at, self._entry_count)
            directory = Directory(at + struct.calcsize(self._entry_count), entries)
            yield directory
            (at,) = self.read(directory.offset + entries * self._entry_bytes, self._pointer)

    def entries(self, directory: Directory) -> Iterator[Entry]:
        """Yield the entries of a directory, in order."""
        for index in range(directory.entries):
            at = directory.offset + index * self._entry_bytes
            tag, type_, count = self.read(at, f"HH{self._pointer}")
            yield Entry(tag, type_, count, at + 4 + struct.calcsize(self._pointer))

    def value(self, entry: Entry, limit: int | None = None) -> bytes:
        """Return the bytes of an entry's values, or of the first `limit` of them."""
        count = entry.count if limit is None else min(entry.count, limit)
        value_bytes = VALUE_BYTES[entry.type]
        at = entry.field
        if entry.count * value_bytes > struct.calcsize(self._pointer):
            (at,) = self.read(entry.field, self._pointer)
        return self.bytes_at(at, count * value_bytes)

    def numbers(self, entry: Entry, limit: int | None = None) -> tuple[int, ...]:
        """Return an entry's values as numbers, or the first `limit` of them."""
        if entry.type not in NUMBER_FORMATS:
            raise NotTiff("a tag is damaged")
        data = self.value(entry, limit)
        form = NUMBER_FORMATS[entry.type]
        return struct.unpack(f"{self.order}{len(data) // struct.calcsize(form)}{form}", data)

    def read(self, at: int, form: str) -> tuple[int, ...]:
        """Return the numbers at an offset, in struct's format without the byte order."""
        return struct.unpack(self.order + form, self.bytes_at(at, struct.calcsize(self.order + form)))

    def bytes_at(self, at: int, length: int) -> bytes:
        """Return the bytes at an offset. Raises TiffCutShort."""
        if at + length > self.size:
            raise TiffCutShort
        self._stream.seek(at)
        data = self._stream.read(length)
        if len(data) < length:
            raise TiffCutShort
        return data

    @property
    def _entry_bytes(self) -> int:
        return 20 if self.is_big else 12


def page_count(file: Path) -> int:
    """Return the number of pages of a TIFF. Raises NotTiff, OSError."""
    with file.open("rb") as stream:
        return sum(1 for _ in TiffReader(stream).directories())


def has_arrived(stream: BinaryIO) -> bool:
    """Return whether all directories can be reached and the strips or tiles of each are within the file.

    A file whose directories are damaged in another way has arrived too: waiting for it does not help.
    """
    pages = 0
    try:
        tiff = TiffReader(stream)
        for directory in tiff.directories():
            pages += 1
            _check_strips(tiff, directory)
    except TiffCutShort:
        return False
    except NotTiff:
        pass
    return pages > 0


def _check_strips(tiff: TiffReader, directory: Directory) -> None:
    """Raise TiffCutShort if a strip or tile of the page ends after the end of the file."""
    numbers = {
        entry.tag: tiff.numbers(entry, MAX_CHECKED_STRIPS)
        for entry in tiff.entries(directory)
        if (entry.tag in DATA_TAGS or entry.tag in DATA_TAGS.values()) and entry.type in NUMBER_FORMATS
    }
    for offsets, lengths in DATA_TAGS.items():
        strips = zip(numbers.get(offsets, ()), numbers.get(lengths, ()), strict=False)
        if any(start + length > tiff.size for start, length in strips):
            raise TiffCutShort
