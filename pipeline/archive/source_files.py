"""The files of a document where they lie: found, and where several are its pages, joined into one.

Joining writes the same bytes every time, so that `verify` can make them again from the sources and look for
their hash."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.archive.manifest import Listed, Manifest
from pipeline.archive.tiff import join
from pipeline.ingest.intake_source import printable
from pipeline.store.scratch import Scratch

FOLDERS = 256  # whose names are remembered: an index goes through an archive folder by folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of a document. `path` is as it is spelt on the disk; as the manifest has it where `file` is not
    there.
    """

    path: str
    file: Path | None


class Finder:
    """Finds a manifest's files, whatever the case of their letters where the mapping says so."""

    def __init__(self, manifest: Manifest) -> None:
        self._root = manifest.root
        self._ignore_case = manifest.mapping.ignore_case
        self._names = lru_cache(FOLDERS)(names_in)

    def sources(self, listed: Listed) -> tuple[Source, ...]:
        """The document's files, in order."""
        found = ((path, self.find(path)) for path in listed.files)
        return tuple(
            Source(path=printable(os.path.relpath(file, self._root)) if file else path, file=file)
            for path, file in found
        )

    def find(self, path: str) -> Path | None:
        """The regular file of that path below the root; None where there is none."""
        file = self._root / path
        if is_file(file):
            return file
        if not self._ignore_case:
            return None
        folder = self._root
        for part in Path(path).parts:
            name = self._names(folder).get(part.casefold())
            if name is None:
                return None
            folder = folder / name
        return folder if is_file(folder) else None


def names_in(folder: Path) -> dict[str, str]:
    """The names in a folder by their folded form; none where it is no folder that can be read."""
    try:
        return {name.casefold(): name for name in os.listdir(folder)}  # noqa: PTH208 - names alone, no stat
    except OSError:
        return {}


def is_file(file: Path) -> bool:
    """Is a regular file there? One that may not be looked at counts as there: reading it will say why not."""
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


@contextmanager
def assembled(files: Sequence[Path], scratch: Scratch) -> Iterator[Path]:
    """One file with all the pages, for as long as the context lasts: the only one, or the TIFFs joined in
    order.

    Raises BadInput (not_joinable) where they are no TIFFs that can be joined, OSError.
    """
    if len(files) == 1:
        yield files[0]
        return
    with TemporaryDirectory(dir=scratch.folder, prefix="new-") as folder:
        whole = Path(folder) / "joined.tif"
        with whole.open("wb") as out:
            join(files, out)
        yield whole
