"""TIFF files as they lie: how many pages one has, and several joined into one without touching a strip of
any.

Only the directories are read and written anew, so nothing is decoded and the same files always give the same
bytes. Layout: TIFF 6.0, section 2. Joined are classic TIFFs of one byte order; tags that point at other
directories (EXIF, sub-images) are left out."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import BadInput

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value by its type."""
DATA = {273: 279, 324: 325}
"""The tags that say where a page's strips or tiles lie, with those that say how long each is."""
POINTERS = {330, 34665, 34853, 40965}  # SubIFDs, EXIF, GPS, interoperability
OLD_JPEG = {513, 514, 519, 520, 521}  # TIFF 6.0's own JPEG: its tables lie at offsets of their own
MOST_PAGES, MOST_ENTRIES, MOST_VALUES = 100_000, 1_000, 10_000_000


class NotTiff(Exception):
    """The file is no TIFF whose directories can all be reached; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag of a page: its type, how many values, and their bytes as they lie in the file."""

    tag: int
    type: int
    count: int
    data: bytes


def page_count(file: Path) -> int:
    """How many pages a TIFF of either kind has. Raises NotTiff, OSError."""
    with file.open("rb") as stream:
        head = stream.read(16)
        order, big = _order(head), head[2:4] in (b"+\0", b"\0+")
        count, entry, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
        at = struct.unpack_from(order + pointer, head.ljust(16, b"\0"), 8 if big else 4)[0]
        pages = 0
        while at:
            pages += 1
            if pages > MOST_PAGES:
                raise NotTiff("its directories do not end")
            (entries,) = _read(stream, at, order + count)
            (at,) = _read(stream, at + struct.calcsize(order + count) + entries * entry, order + pointer)
    return pages


def join(files: Sequence[Path], out: BinaryIO) -> None:
    """Write one TIFF with all pages of the files, in order. Raises BadInput (not_joinable), OSError."""
    out.write(bytes(8))
    order, link = "", 4  # where the offset of the next directory is to be written
    for file in files:
        try:
            with file.open("rb") as stream:
                order = _same_order(stream, order)
                for page in _pages(stream, order):
                    link = _append(stream, page, out, order, link)
        except NotTiff as error:
            raise BadInput(
                f"{file.name} cannot be joined with the other pages of its document: {error}.",
                "Convert it to a classic TIFF of the same byte order, or have its document handed in as one file.",
                "not_joinable",
            ) from None
    out.seek(0)
    out.write(b"II*\0" if order == "<" else b"MM\0*")


def _same_order(stream: BinaryIO, before: str) -> str:
    order = _order(stream.read(4))
    if before and order != before:
        raise NotTiff("its byte order is another")
    return order


def _order(head: bytes) -> str:
    """struct's sign of the byte order."""
    if head[:4] in (b"II*\0", b"II+\0"):
        return "<"
    if head[:4] in (b"MM\0*", b"MM\0+"):
        return ">"
    raise NotTiff("it is no TIFF")


def _read(stream: BinaryIO, at: int, form: str) -> tuple[int, ...]:
    stream.seek(at)
    raw = stream.read(struct.calcsize(form))
    if len(raw) < struct.calcsize(form):
        raise NotTiff("it is cut short")
    return struct.unpack(form, raw)


def _pages(stream: BinaryIO, order: str) -> Iterator[list[Entry]]:
    """The pages' tags, those that can be taken along."""
    version, at = _read(stream, 2, order + "HI")
    if version != 42:
        raise NotTiff("it is a BigTIFF")
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) > MOST_PAGES:
            raise NotTiff("its directories do not end")
        seen.add(at)
        (entries,) = _read(stream, at, order + "H")
        if entries > MOST_ENTRIES:
            raise NotTiff("a directory is damaged")
        raw: tuple[Any, ...] = _read(stream, at + 2, order + "HHI4s" * entries + "I")
        yield [
            _entry(stream, order, *raw[4 * n : 4 * n + 4])
            for n in range(entries)
            if raw[4 * n] not in POINTERS
        ]
        at = raw[-1]
    if not seen:
        raise NotTiff("it has no page")


def _entry(stream: BinaryIO, order: str, tag: int, kind: int, count: int, value: bytes) -> Entry:
    if tag in OLD_JPEG:
        raise NotTiff("it is compressed as TIFF 6.0's old JPEG")
    size = SIZES.get(kind, 0) * count
    if not size or count > MOST_VALUES:
        raise NotTiff("a tag is damaged")
    if size <= 4:
        return Entry(tag, kind, count, value[:size])
    (at,) = struct.unpack(order + "I", value)
    stream.seek(at)
    data = stream.read(size)
    if len(data) < size:
        raise NotTiff("it is cut short")
    return Entry(tag, kind, count, data)


def _append(stream: BinaryIO, page: list[Entry], out: BinaryIO, order: str, link: int) -> int:
    """Write a page's data, values and directory; where its own link to the next one stands."""
    tags = {entry.tag: entry for entry in page}
    moved = {
        tag: _copy_data(stream, tags[tag], tags.get(DATA[tag]), out, order) for tag in DATA if tag in tags
    }
    if not moved:
        raise NotTiff("a page has no data")
    directory = [moved.get(entry.tag, entry) for entry in sorted(page, key=lambda entry: entry.tag)]
    values = []
    for entry in directory:
        if len(entry.data) <= 4:
            values.append(entry.data.ljust(4, b"\0"))
        else:
            values.append(struct.pack(order + "I", _align(out)))
            out.write(entry.data)
    at = _align(out)
    out.write(struct.pack(order + "H", len(directory)))
    for entry, value in zip(directory, values, strict=True):
        out.write(struct.pack(order + "HHI", entry.tag, entry.type, entry.count) + value)
    end = out.tell()
    out.write(bytes(4))
    out.seek(link)
    out.write(struct.pack(order + "I", at))
    out.seek(0, 2)
    if out.tell() >= 1 << 32:
        raise NotTiff("together they are larger than a TIFF can be")
    return end


def _copy_data(stream: BinaryIO, places: Entry, lengths: Entry | None, out: BinaryIO, order: str) -> Entry:
    """Copy strips or tiles; the tag that says where they lie now."""
    if lengths is None or lengths.count != places.count:
        raise NotTiff("it does not say how long its strips are")
    moved = []
    for at, size in zip(_numbers(places, order), _numbers(lengths, order), strict=True):
        moved.append(_align(out))
        stream.seek(at)
        data = stream.read(size)
        if len(data) < size:
            raise NotTiff("it is cut short")
        out.write(data)
    return Entry(places.tag, 4, len(moved), struct.pack(f"{order}{len(moved)}I", *moved))


def _numbers(entry: Entry, order: str) -> tuple[int, ...]:
    if entry.type not in (3, 4):
        raise NotTiff("a tag is damaged")
    return struct.unpack(f"{order}{entry.count}{'H' if entry.type == 3 else 'I'}", entry.data)


def _align(out: BinaryIO) -> int:
    """The next even place, where everything must begin."""
    if out.tell() % 2:
        out.write(b"\0")
    return out.tell()
