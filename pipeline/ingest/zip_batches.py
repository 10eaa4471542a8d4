"""The scans of a submitted file: the file itself, or the members of a ZIP file, which is a batch.

A ZIP file is ingested completely or, if anything is wrong with it, quarantined completely. No file is ever
written under a name from the ZIP file, so no path in it can escape. What a ZIP bomb can cost is limited.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.errors import InvalidInput
from pipeline.ingest.completeness import is_temporary_name
from pipeline.ingest.parsing.file_types import SIGNATURE_BYTES, ZIP, media_type_of
from pipeline.ingest.parsing.rejections import rejection
from pipeline.ingest.registration import spooled
from pipeline.store.blobs import CHUNK_BYTES
from pipeline.store.scratch import Scratch

MAX_MEMBERS = 20_000
OFFICE_DOCUMENT_ENTRIES = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")
"""A ZIP file with one of these entries is an office document, not a batch."""
ENCRYPTED_FLAG = 0x1
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    """A scan to be registered.

    Attributes:
        file: The file with its bytes.
        path_in_zip: Its path in the ZIP file; None if the file itself was submitted.
        rejection: Why the whole ZIP file is rejected.
    """

    file: Path
    path_in_zip: str | None = None
    rejection: InvalidInput | None = None


@contextmanager
def archive_members(
    file: Path, scratch: Path, max_bytes: int, *, follow: bool
) -> Iterator[Iterator[ArchiveMember]]:
    """Provide the file itself, or each scan of a ZIP file. A scan's file exists until the next one is asked
    for.

    Args:
        file: The submitted file.
        scratch: The folder for temporary files.
        max_bytes: The limit of the unpacked size.
        follow: Whether to follow a symbolic link.

    Raises:
        OSError: The file cannot be read.
        FileStillChanging: The file changed while it was being copied.
    """
    if not is_zip(file):
        yield iter([ArchiveMember(file=file)])
        return
    with spooled(file, Scratch(scratch), follow=follow) as (copy, _, status):
        try:
            checked_member_names(copy, max_bytes)
        except InvalidInput as error:
            yield iter([ArchiveMember(file=file, rejection=error)])
            return
        with tempfile.NamedTemporaryFile(dir=scratch, prefix="new-") as member:
            scan = Path(member.name)
            yield (
                ArchiveMember(file=scan, path_in_zip=name)
                for name in extract_members(copy, scan, status.st_mtime_ns)
            )


def is_zip(file: Path) -> bool:
    """Return whether the content of a file is a ZIP file."""
    with file.open("rb") as stream:
        return media_type_of(stream.read(SIGNATURE_BYTES)) == ZIP


def checked_member_names(file: Path, max_bytes: int) -> list[str]:
    """Return the names of the scans in a ZIP file, after unpacking all of it once as a check.

    Raises:
        InvalidInput: The ZIP file is rejected.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if any(mark in archive.namelist() for mark in OFFICE_DOCUMENT_ENTRIES):
                raise rejection("unknown_kind", "an office document")
            infos = [info for info in archive.infolist() if _is_scan(info)]
            if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > max_bytes:
                raise rejection("too_large", "unpacked")
            if any(info.flag_bits & ENCRYPTED_FLAG for info in infos):
                raise rejection("encrypted", "a ZIP with a password")
            if not infos:
                raise rejection("no_pages", "a ZIP without files")
            remaining_bytes = max_bytes
            for info in infos:
                remaining_bytes -= sum(len(chunk) for chunk in _bytes_of(archive, info, remaining_bytes))
            return [info.filename for info in infos]
    except InvalidInput:
        raise
    except ZIP_ERRORS as error:
        raise rejection("damaged", f"ZIP: {type(error).__name__}") from None


def extract_members(file: Path, to: Path, modified: int) -> Iterator[str]:
    """Write one scan after the other to the file `to`, modified at that time (ns), and yield its name each
    time.
    """
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if _is_scan(info):
                with to.open("wb") as out:
                    for chunk in _bytes_of(archive, info, info.file_size):
                        out.write(chunk)
                os.utime(to, ns=(modified, modified))
                yield info.filename


def _bytes_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
    """Yield the bytes of a member and check its CRC.

    Raises InvalidInput if there are more than `limit` bytes, whatever the header says.
    """
    size = 0
    with archive.open(info) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise rejection("too_large", "unpacked")
            yield chunk


def _is_scan(info: zipfile.ZipInfo) -> bool:
    """Return whether a member is a file that is neither temporary nor of the operating system."""
    parts = [part for part in PurePosixPath(info.filename).parts if part != ".."]
    return not info.is_dir() and not any(is_temporary_name(part) for part in parts)
