"""Track the files of the intake folder: since when each is unchanged, and which are ready to ingest.

Only the monotonic clock is used here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pipeline.config import IntakeSettings
from pipeline.ingest.completeness import SYSTEM_NAMES, is_being_written, is_complete, is_temporary_name
from pipeline.ingest.intake_source import origin_of, printable, subfolder_meanings

MAX_RETRY_PAUSE_SECONDS = 60.0
"""A file that cannot be ingested is tried again after a pause. It starts at the poll interval and doubles."""
TEMPORARY_FILE = (
    "It has the name of a hidden or unfinished file, so it is not ingested."
    " If it is a finished scan, rename it."
)
IN_HIDDEN_FOLDER = "It is in the hidden folder {name!r}, so it is not ingested. Move it to another folder."
NOT_A_FILE = (
    "It is a link or not a regular file, so it is not ingested. Copy the file itself into the folder."
)
UNREADABLE_FOLDER = (
    "The folder cannot be read ({why}): give the account that runs Chartloom permission to read it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFile:
    """A file as it was last observed. Times are of the monotonic clock, in seconds.

    Attributes:
        first_seen: When the file was first observed.
        unchanged_since: When the file last changed, as far as it was observed.
        events: The ids of the ingest events if the file is stored and only has to leave the folder.
        waiting_reason: Why it waits, for a person.
    """

    size: int
    modified_ns: int
    first_seen: float
    unchanged_since: float
    attempts: int = 0
    not_before: float = 0.0
    events: tuple[int, ...] = ()
    waiting_reason: str | None = None

    def looks_like(self, status: os.stat_result) -> bool:
        """Return whether the file still has the same size and modification time."""
        return (self.size, self.modified_ns) == (status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class IgnoredFile:
    """A file or folder that is not ingested because of what it is. `reason` states that and what to do."""

    inside: PurePath
    size: int
    modified_ns: int
    reason: str


class IntakeFolder:
    """The files of a watched folder, and what is known about each."""

    def __init__(self, root: Path, settings: IntakeSettings) -> None:
        self.root = root
        self.files: dict[PurePath, ObservedFile] = {}
        self._settings = settings
        self._empty_since: dict[PurePath, float] = {}
        self._ignored: dict[PurePath, tuple[IgnoredFile, float]] = {}
        self._refreshed_at = 0.0

    def refresh(self) -> None:
        """Update what is known about the files."""
        now = self._refreshed_at = time.monotonic()
        present = dict(files_below(self.root))
        for inside, status in present.items():
            before = self.files.get(inside)
            if before is None or not before.looks_like(status):
                first_seen = before.first_seen if before else now
                self.files[inside] = ObservedFile(
                    size=status.st_size,
                    modified_ns=status.st_mtime_ns,
                    first_seen=first_seen,
                    unchanged_since=now,
                )
        for inside in self.files.keys() - present.keys():
            del self.files[inside]

    def ready(self) -> list[PurePath]:
        """Return the files that were unchanged for long enough at the last poll, so were seen at least twice.

        The most urgent come first, then the oldest. The files are not opened for this.
        """
        ready = [
            inside
            for inside, observed in self.files.items()
            if self._due(inside, observed) <= self._refreshed_at
        ]
        return sorted(ready, key=lambda inside: (-origin_of(inside).priority, self.files[inside].first_seen))

    def pause(self) -> float:
        """Return the seconds until the next file may be ingested, at most until the next poll."""
        now = time.monotonic()
        coming = [
            wait for inside, observed in self.files.items() if (wait := self._due(inside, observed) - now) > 0
        ]
        return min([self._settings.poll_seconds, *coming])

    def incomplete_reason(self, inside: PurePath) -> str | None:
        """Return why an unchanged file must not be ingested yet: it is open for writing, or has no end.

        A file without its end waits for at most incomplete_grace_seconds, a file that is open for writing
        until it is closed.

        Raises:
            OSError: The file cannot be read.
        """
        observed, file = self.files[inside], self.root / inside
        if is_being_written(file):
            return "Another program has it open for writing. It is ingested when that program closes it."
        waits = time.monotonic() < observed.unchanged_since + self._settings.incomplete_grace_seconds
        if waits and not is_complete(file):
            seconds = self._settings.incomplete_grace_seconds
            return f"It has no end yet: it may still be arriving. It is ingested after {seconds:.0f} s."
        return None

    def restart(self, inside: PurePath) -> None:
        """Start over with a file that changed while it was being ingested."""
        observed = self.files[inside]
        self.files[inside] = ObservedFile(
            size=observed.size,
            modified_ns=observed.modified_ns,
            first_seen=observed.first_seen,
            unchanged_since=time.monotonic(),
        )

    def postpone(self, inside: PurePath, reason: str, *, soon: bool = False) -> float:
        """Try the file again after a pause that doubles each time, or (`soon`) at the next poll. Return the
        pause.
        """
        observed, poll = self.files[inside], self._settings.poll_seconds
        pause = poll if soon else min(MAX_RETRY_PAUSE_SECONDS, poll * 2 ** min(observed.attempts, 10))
        self.files[inside] = replace(
            observed,
            attempts=observed.attempts + (not soon),
            not_before=time.monotonic() + pause,
            waiting_reason=reason,
        )
        return pause

    def empty_folders(self, quiet_seconds: float) -> list[PurePath]:
        """Return the batch folders that have been empty for that many seconds, the innermost first."""
        now, empty = time.monotonic(), set(empty_below(self.root))
        self._empty_since = {inside: self._empty_since.get(inside, now) for inside in empty}
        return [inside for inside, since in self._empty_since.items() if now - since >= quiet_seconds]

    def long_ignored(self, seconds: float) -> dict[PurePath, IgnoredFile]:
        """Return the files that are not ingested because of what they are, if they have not changed for that
        many seconds.
        """
        now, before = time.monotonic(), self._ignored
        self._ignored = {}
        for ignored in ignored_below(self.root):
            known, since = before.get(ignored.inside, (ignored, now))
            self._ignored[ignored.inside] = ignored, since if known == ignored else now
        return {inside: each for inside, (each, since) in self._ignored.items() if now - since >= seconds}

    def _due(self, inside: PurePath, observed: ObservedFile) -> float:
        of_folder = origin_of(inside).stable_seconds
        stable_seconds = self._settings.stable_seconds if of_folder is None else of_folder
        return max(observed.unchanged_since + stable_seconds, observed.not_before)


def files_below(root: Path, inside: PurePath | None = None) -> Iterator[tuple[PurePath, os.stat_result]]:
    """Yield (path below the folder, status) of its regular files, except those with temporary names.

    Symbolic links are not followed.
    """
    try:
        entries = list(os.scandir(root / inside if inside else root))
    except OSError:  # removed meanwhile, or not readable: tried again at the next poll
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


def ignored_below(root: Path, inside: PurePath | None = None, hidden_in: str = "") -> Iterator[IgnoredFile]:
    """Yield what is not ingested below the folder, with the reason: temporary and hidden files, links, and
    folders that cannot be read. The files of the operating system are left out.

    Args:
        root: The intake folder.
        inside: Only what is below this folder in it.
        hidden_in: The hidden or temporary folder that contains it.
    """
    try:
        entries = list(os.scandir(root / inside if inside else root))
    except OSError as error:
        if inside and not isinstance(error, FileNotFoundError):
            yield IgnoredFile(inside, 0, 0, UNREADABLE_FOLDER.format(why=error.strerror))
        return
    for entry in entries:
        if entry.name.casefold() in SYSTEM_NAMES:
            continue
        below = inside / entry.name if inside else PurePath(entry.name)
        with suppress(OSError):
            temporary = is_temporary_name(entry.name)
            status = entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                named = hidden_in or (printable(entry.name) if temporary else "")
                yield from ignored_below(root, below, named)
            elif hidden_in:
                reason = IN_HIDDEN_FOLDER.format(name=hidden_in)
                yield IgnoredFile(below, status.st_size, status.st_mtime_ns, reason)
            elif temporary:
                yield IgnoredFile(below, status.st_size, status.st_mtime_ns, TEMPORARY_FILE)
            elif not entry.is_file(follow_symlinks=False):
                yield IgnoredFile(below, status.st_size, status.st_mtime_ns, NOT_A_FILE)


def empty_below(root: Path) -> Iterator[PurePath]:
    """Yield the batch folders that contain nothing. Hidden folders, links and folders with a meaning are
    kept.
    """
    meanings = subfolder_meanings()
    for top, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_temporary_name(name)]
        inside = PurePath(top).relative_to(root)
        if not folders and not files and any(part.casefold() not in meanings for part in inside.parts):
            yield inside
