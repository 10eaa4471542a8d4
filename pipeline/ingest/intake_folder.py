"""What is in the intake folder, since when it looks so, and what of it may be taken now. Only the monotonic
clock counts here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pipeline.config import IntakeSettings
from pipeline.ingest.completeness import is_being_written, is_complete, is_temporary_name
from pipeline.ingest.intake_source import subfolder_meanings, origin_of

MAX_RETRY_PAUSE_SECONDS = (
    60.0  # before a file that could not be taken is tried again; it starts with the poll and doubles
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFile:
    """A file as it was last seen. `first`: when it was seen first, `since`: when it began to look so, by the
    monotonic clock.

    `arrivals`: it is stored, under these numbers, and has only to leave the folder.
    """

    size: int
    modified_ns: int
    first: float
    since: float
    tries: int = 0
    not_before: float = 0.0
    arrivals: tuple[int, ...] = ()
    why: str | None = None

    def looks_like(self, status: os.stat_result) -> bool:
        """Is it still as it was?"""
        return (self.size, self.modified_ns) == (status.st_size, status.st_mtime_ns)


class IntakeFolder:
    """The files of a watched folder and what is known of each."""

    def __init__(self, root: Path, settings: IntakeSettings) -> None:
        self.root = root
        self.files: dict[PurePath, ObservedFile] = {}
        self._settings = settings
        self._empty: dict[PurePath, float] = {}
        self._looked = 0.0

    def look(self) -> None:
        """Bring what is known of the files up to date."""
        now = self._looked = time.monotonic()
        found = dict(files_below(self.root))
        for inside, status in found.items():
            known = self.files.get(inside)
            if known is None or not known.looks_like(status):
                first = known.first if known else now
                self.files[inside] = ObservedFile(
                    size=status.st_size, modified_ns=status.st_mtime_ns, first=first, since=now
                )
        for inside in self.files.keys() - found.keys():
            del self.files[inside]

    def ready(self) -> list[PurePath]:
        """The files that had stood still for long enough at the last look, so were seen alike twice: most
        urgent first, then as they came. They are not opened for this."""
        ready = [inside for inside, seen in self.files.items() if self._due(seen) <= self._looked]
        return sorted(ready, key=lambda inside: (-origin_of(inside).priority, self.files[inside].first))

    def pause(self) -> float:
        """Seconds until the next file may be taken, at most until the next poll."""
        now = time.monotonic()
        coming = [wait for seen in self.files.values() if (wait := self._due(seen) - now) > 0]
        return min([self._settings.poll_seconds, *coming])

    def unfinished(self, inside: PurePath) -> str | None:
        """Why a file that stands still is not to be taken yet: somebody is writing it, or it has no end.
        Raises OSError.

        One without its end is waited for no longer than incomplete_grace_seconds; one that is open for writing for
        as long as it is."""
        seen, file = self.files[inside], self.root / inside
        if is_being_written(file):
            return "Another program has it open for writing: it is taken when that program closes it."
        waits = time.monotonic() < seen.since + self._settings.incomplete_grace_seconds
        if waits and not is_complete(file):
            return f"It has no end yet: it may still be arriving, and is taken after {self._settings.incomplete_grace_seconds:.0f} s."
        return None

    def again(self, inside: PurePath) -> None:
        """The file changed under our hands: it has to stand still again."""
        seen = self.files[inside]
        self.files[inside] = ObservedFile(
            size=seen.size, modified_ns=seen.modified_ns, first=seen.first, since=time.monotonic()
        )

    def later(self, inside: PurePath, why: str, *, soon: bool = False) -> float:
        """Try the file again after a pause that doubles each time, or at the next poll; the pause in
        seconds.
        """
        seen, poll = self.files[inside], self._settings.poll_seconds
        pause = poll if soon else min(MAX_RETRY_PAUSE_SECONDS, poll * 2 ** min(seen.tries, 10))
        self.files[inside] = replace(
            seen, tries=seen.tries + (not soon), not_before=time.monotonic() + pause, why=why
        )
        return pause

    def emptied(self, quiet_seconds: float) -> list[PurePath]:
        """Folders of batches in which nothing has been for so long, the innermost first. Those with a meaning
        are none.
        """
        now, found = time.monotonic(), set(empty_below(self.root))
        self._empty = {inside: self._empty.get(inside, now) for inside in found}
        return [inside for inside, since in self._empty.items() if now - since >= quiet_seconds]

    def _due(self, seen: ObservedFile) -> float:
        return max(seen.since + self._settings.stable_seconds, seen.not_before)


def files_below(root: Path, inside: PurePath | None = None) -> Iterator[tuple[PurePath, os.stat_result]]:
    """(path below the folder, state) of the regular files in it that are finished by their names. Links are
    not followed.
    """
    try:
        entries = list(os.scandir(root / inside if inside else root))
    except OSError:  # gone in between, or not ours to read: seen again at the next look
        return
    for entry in entries:
        below = inside / entry.name if inside else PurePath(entry.name)
        with suppress(OSError):
            if is_temporary_name(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(root, below)
            elif entry.is_file(follow_symlinks=False):
                yield below, entry.stat(follow_symlinks=False)


def empty_below(root: Path) -> Iterator[PurePath]:
    """The folders of batches with nothing in them at all. A hidden folder, a link and a folder with a meaning
    are left alone.
    """
    meanings = subfolder_meanings()
    for top, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_temporary_name(name)]
        inside = PurePath(top).relative_to(root)
        if not folders and not files and any(part.casefold() not in meanings for part in inside.parts):
            yield inside
