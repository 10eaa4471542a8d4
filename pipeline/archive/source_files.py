"""Locate the source files of a document and, if several files are its pages, join them into one.

Joining always writes the same bytes, so that `archive verify` can create the joined file again from its
sources and look for its hash.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.archive.join_tiffs import join_tiffs
from pipeline.archive.manifest import Manifest, ManifestDocument
from pipeline.ingest.intake_source import printable
from pipeline.store.scratch import Scratch

CACHED_FOLDERS = 256  # whose names are remembered: an index goes through an archive folder by folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of a document.

    Attributes:
        path: As it is spelled on disk, or as in the manifest if the file does not exist.
        file: None if the file does not exist.
    """

    path: str
    file: Path | None


class SourceLocator:
    """Locates the files of a manifest, regardless of letter case if the mapping asks for that."""

    def __init__(self, manifest: Manifest) -> None:
        self._root = manifest.root
        self._ignore_case = manifest.mapping.ignore_case
        self._names = lru_cache(CACHED_FOLDERS)(names_in)

    def sources(self, document: ManifestDocument) -> tuple[Source, ...]:
        """Return the files of a document, in order."""
        located = ((path, self.locate(path)) for path in document.files)
        return tuple(
            Source(path=printable(os.path.relpath(file, self._root)) if file else path, file=file)
            for path, file in located
        )

    def locate(self, path: str) -> Path | None:
        """Return the regular file of that path below the root; None if there is none."""
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
    """Return the names in a folder by their case-folded form; empty if the folder cannot be read."""
    try:
        return {name.casefold(): name for name in os.listdir(folder)}  # noqa: PTH208 - names alone, no stat
    except OSError:
        return {}


def is_file(file: Path) -> bool:
    """Return whether a regular file exists. One without permission counts: reading it reports the reason."""
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


@contextmanager
def assembled(files: Sequence[Path], scratch: Scratch) -> Iterator[Path]:
    """Provide one file with all the pages within the context: the only file, or the TIFFs joined in order.

    Raises:
        InvalidInput: (not_joinable) The files are not TIFFs that can be joined.
        OSError: A file cannot be read.
    """
    if len(files) == 1:
        yield files[0]
        return
    with TemporaryDirectory(dir=scratch.folder, prefix="new-") as folder:
        joined = Path(folder) / "joined.tif"
        with joined.open("wb") as out:
            join_tiffs(files, out)
        yield joined
