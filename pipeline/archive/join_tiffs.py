"""Join several TIFF files into one without decoding a page.

Only the directories are read and written again, so the same files always give the same bytes. The files must
be classic TIFFs of the same byte order. Tags that point at other directories (EXIF, sub-images) are left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InvalidInput
from pipeline.ingest.tiff import DATA_TAGS, NUMBER_FORMATS, VALUE_BYTES, Directory, Entry, NotTiff, TiffReader

POINTER_TAGS = {330, 34665, 34853, 40965}  # SubIFDs, EXIF, GPS, interoperability
OLD_JPEG_TAGS = {513, 514, 519, 520, 521}  # JPEG as in TIFF 6.0: its tables have offsets of their own
LONG = 4  # the type of a 32-bit number
INLINE_BYTES = 4  # a value of at most this size is in the directory itself
MAX_ENTRIES, MAX_VALUES = 1_000, 10_000_000
MAX_FILE_BYTES = 1 << 32  # of a classic TIFF


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a page with the bytes of its values."""

    number: int
    type: int
    count: int
    data: bytes


def join_tiffs(files: Sequence[Path], out: BinaryIO) -> None:
    """Write one TIFF with all pages of the files, in order. Raises InvalidInput (not_joinable), OSError."""
    out.write(bytes(8))
    order, link = "", 4  # `link`: where the offset of the next directory is to be written
    for file in files:
        try:
            with file.open("rb") as stream:
                tiff = TiffReader(stream)
                for tags in _pages(tiff, order):
                    link = _append(tiff, tags, out, link)
                order = tiff.order
        except NotTiff as error:
            raise InvalidInput(
                f"{file.name} cannot be joined with the other pages of its document: {error}.",
                "Convert it to a classic TIFF of the same byte order, or submit its document as one file.",
                "not_joinable",
            ) from None
    out.seek(0)
    out.write(b"II*\0" if order == "<" else b"MM\0*")


def _pages(tiff: TiffReader, order: str) -> Iterator[dict[int, Tag]]:
    """Yield the tags of each page, by number, without those that cannot be copied.

    Raises NotTiff if the file cannot be joined to others of that byte order.
    """
    if order not in ("", tiff.order):
        raise NotTiff("its byte order is different")
    if tiff.is_big:
        raise NotTiff("it is a BigTIFF")
    pages = 0
    for directory in tiff.directories():
        pages += 1
        yield _tags(tiff, directory)
    if not pages:
        raise NotTiff("it has no pages")


def _tags(tiff: TiffReader, directory: Directory) -> dict[int, Tag]:
    if directory.entries > MAX_ENTRIES:
        raise NotTiff("a directory is damaged")
    return {
        entry.tag: _tag(tiff, entry) for entry in tiff.entries(directory) if entry.tag not in POINTER_TAGS
    }


def _tag(tiff: TiffReader, entry: Entry) -> Tag:
    if entry.tag in OLD_JPEG_TAGS:
        raise NotTiff("it is compressed as JPEG in the old way of TIFF 6.0")
    if entry.type not in VALUE_BYTES or not 0 < entry.count <= MAX_VALUES:
        raise NotTiff("a tag is damaged")
    return Tag(entry.tag, entry.type, entry.count, tiff.value(entry))


def _append(tiff: TiffReader, tags: dict[int, Tag], out: BinaryIO, link: int) -> int:
    """Write a page's strips, values and directory. Return where its link to the next directory is."""
    moved = {
        offsets: _copy_strips(tiff, tags[offsets], tags.get(lengths), out)
        for offsets, lengths in DATA_TAGS.items()
        if offsets in tags
    }
    if not moved:
        raise NotTiff("a page has no data")
    directory = [tag for _, tag in sorted((tags | moved).items())]
    fields = []
    for tag in directory:
        if len(tag.data) <= INLINE_BYTES:
            fields.append(tag.data.ljust(INLINE_BYTES, b"\0"))
        else:
            fields.append(struct.pack(tiff.order + "I", _align(out)))
            out.write(tag.data)
    at = _align(out)
    out.write(struct.pack(tiff.order + "H", len(directory)))
    for tag, field in zip(directory, fields, strict=True):
        out.write(struct.pack(tiff.order + "HHI", tag.number, tag.type, tag.count) + field)
    end = out.tell()
    out.write(bytes(4))
    out.seek(link)
    out.write(struct.pack(tiff.order + "I", at))
    out.seek(0, 2)
    if out.tell() >= MAX_FILE_BYTES:
        raise NotTiff("together they are larger than a TIFF can be")
    return end


def _copy_strips(tiff: TiffReader, offsets: Tag, lengths: Tag | None, out: BinaryIO) -> Tag:
    """Copy the strips or tiles of a page. Return the tag that lists where they are now."""
    if lengths is None or lengths.count != offsets.count:
        raise NotTiff("it does not list how long its strips are")
    moved = []
    for at, length in zip(_numbers(offsets, tiff.order), _numbers(lengths, tiff.order), strict=True):
        moved.append(_align(out))
        out.write(tiff.bytes_at(at, length))
    return Tag(offsets.number, LONG, len(moved), struct.pack(f"{tiff.order}{len(moved)}I", *moved))


def _numbers(tag: Tag, order: str) -> tuple[int, ...]:
    if tag.type not in NUMBER_FORMATS:
        raise NotTiff("a tag is damaged")
    return struct.unpack(f"{order}{tag.count}{NUMBER_FORMATS[tag.type]}", tag.data)


def _align(out: BinaryIO) -> int:
    """Pad to the next even offset, where everything must begin, and return it."""
    if out.tell() % 2:
        out.write(b"\0")
    return out.tell()
