"""What a file that was handed in holds: itself, or the scans of a ZIP, which is a batch.

A ZIP is taken whole or, where anything is wrong with it, quarantined whole.

Nothing is ever written under a name from the archive, so no path in it can escape; what a bomb may cost is
bounded."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.errors import BadInput
from pipeline.ingest.completeness import is_passing
from pipeline.ingest.parsing.file_types import HEAD, ZIP, kind_of
from pipeline.ingest.parsing.rejections import refusal
from pipeline.ingest.registration import spooled
from pipeline.store.blobs import CHUNK
from pipeline.store.scratch import Scratch

MOST_MEMBERS = 20_000
OFFICE_MARKS = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")
"""A ZIP with one of these is a document of some office program, not a batch."""
ENCRYPTED = 0x1
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A scan to be registered: where its bytes lie. `inside`: its path in the ZIP. `refused`: why the whole
    ZIP is not taken.
    """

    file: Path
    inside: str | None = None
    refused: BadInput | None = None


@contextmanager
def pieces(file: Path, scratch: Path, max_bytes: int, *, follow: bool) -> Iterator[Iterator[Piece]]:
    """The file itself, or one scan of a ZIP after the other; each lies there until the next is asked for.

    Raises OSError where the file cannot be read, and StillChanging; `follow`: also through a symbolic link.
    """
    if not is_archive(file):
        yield iter([Piece(file=file)])
        return
    with spooled(file, Scratch(scratch), follow=follow) as (copy, _, status):
        try:
            members(copy, max_bytes)
        except BadInput as error:
            yield iter([Piece(file=file, refused=error)])
            return
        with tempfile.NamedTemporaryFile(dir=scratch, prefix="new-") as member:
            scan = Path(member.name)
            yield (Piece(file=scan, inside=name) for name in unpacked(copy, scan, status.st_mtime_ns))


def is_archive(file: Path) -> bool:
    """Is it a ZIP by its content?"""
    with file.open("rb") as stream:
        return kind_of(stream.read(HEAD)) == ZIP


def members(file: Path, max_bytes: int) -> list[str]:
    """The names of the scans in a ZIP, after all of it has been unpacked once for a check. Raises
    BadInput.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if any(mark in archive.namelist() for mark in OFFICE_MARKS):
                raise refusal("unknown_kind", "an office document")
            infos = [info for info in archive.infolist() if _counts(info)]
            if len(infos) > MOST_MEMBERS or sum(info.file_size for info in infos) > max_bytes:
                raise refusal("too_large", "unpacked")
            if any(info.flag_bits & ENCRYPTED for info in infos):
                raise refusal("encrypted", "a ZIP with a password")
            if not infos:
                raise refusal("no_pages", "a ZIP without files")
            left = max_bytes
            for info in infos:
                left -= sum(len(chunk) for chunk in _bytes_of(archive, info, left))
            return [info.filename for info in infos]
    except BadInput:
        raise
    except DAMAGE as error:
        raise refusal("damaged", f"ZIP: {type(error).__name__}") from None


def unpacked(file: Path, to: Path, modified: int) -> Iterator[str]:
    """Write one scan after the other to the file `to`, with that time in ns; yields its name while it lies
    there.
    """
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if _counts(info):
                with to.open("wb") as out:
                    for chunk in _bytes_of(archive, info, info.file_size):
                        out.write(chunk)
                os.utime(to, ns=(modified, modified))
                yield info.filename


def _bytes_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
    """A member's bytes, checked against its CRC; BadInput where there are more than allowed, whatever its
    header says.
    """
    size = 0
    with archive.open(info) as stream:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > most:
                raise refusal("too_large", "unpacked")
            yield chunk


def _counts(info: zipfile.ZipInfo) -> bool:
    """Is it a file that somebody put there?"""
    parts = [part for part in PurePosixPath(info.filename).parts if part != ".."]
    return not info.is_dir() and not any(is_passing(part) for part in parts)
