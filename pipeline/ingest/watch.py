"""Watch the intake folder: take each file once it stands still, and let it leave when it is stored.

File events only wake the watcher; what it does follows from looking at the folder, so that a share without events works the
same. A file is claimed by an advisory lock of the database under its path: several watchers may share a folder, and the claim
of one that dies is gone with its connection. Until a file is stored and committed it lies in the folder.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import psycopg
import structlog

from pipeline.config import Settings
from pipeline.errors import BadInput, ChartloomError, ServiceAway
from pipeline.ingest import archive
from pipeline.ingest.batches import settle
from pipeline.ingest.complete import is_complete, is_passing
from pipeline.ingest.leaving import Changed, clean, leave
from pipeline.ingest.origin import origin_of, printable
from pipeline.ingest.register import SQL, Enqueue, Landing, Registered, StillChanging, register
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, away_is_an_error
from pipeline.store.scratch import NO_ROOM, NoRoom, Scratch

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

log = structlog.get_logger()

BUSY_SECONDS = 0.5  # between two looks at a folder that keeps changing
LONGEST_PAUSE = 60.0  # before a file that could not be taken is tried again; it starts with the poll and doubles
CLEANING_SECONDS = 3600.0
TURN_SECONDS = 5.0  # of taking files, before the folder is looked at again: something more urgent may have come
SETTLING_SECONDS = 30.0  # between two looks for batches that are complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A file as it was last seen; `since` is when it began to look so, by the monotonic clock."""

    size: int
    modified_ns: int
    since: float
    at: datetime
    tries: int = 0
    not_before: float = 0.0


class Watcher:
    """One watched folder. `connect` and `open_blobs` may raise ServiceAway: the files then wait where they are."""

    def __init__(
        self, settings: Settings, connect: Callable[[], Connection], open_blobs: Callable[[], Blobs], enqueue: Enqueue
    ) -> None:
        self._settings = settings
        self._connect, self._open_blobs, self._enqueue = connect, open_blobs, enqueue
        self._root = settings.intake_folder
        self._files: dict[PurePath, Seen] = {}
        self._told: set[PurePath] = set()
        self._open_connection: Connection | None = None
        self._open_store: Blobs | None = None
        self._trouble: str | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._cleaned = self._settled = float("-inf")

    def run(self) -> None:
        """Watch until `stop` is called; the file at hand is finished."""
        self._root.mkdir(parents=True, exist_ok=True)
        with self._woken_by_events():
            while not self._stopping:
                self._wake.clear()
                pause = self.look()
                if not self._stopping:
                    time.sleep(min(pause, BUSY_SECONDS))
                    self._wake.wait(max(0.0, pause - BUSY_SECONDS))
        self._disconnect()

    def stop(self) -> None:
        """End `run`; may be called from a signal handler."""
        self._stopping = True
        self._wake.set()

    def look(self) -> float:
        """Look once at the whole folder and take what is ready. Returns the seconds after which to look again."""
        now = time.monotonic()
        self._note(dict(files_below(self._root)), now)
        self._clean(now)
        try:
            self._tell()
            for inside in self._ready(now):  # as they were at that moment: still means seen alike twice
                if self._stopping or time.monotonic() > now + TURN_SECONDS:
                    return 0.0
                self._try(inside)
            self._settle(time.monotonic())
            self._untroubled()
        except ServiceAway as error:
            self._troubled(error)
            return self._settings.intake.poll_seconds
        return self._pause(time.monotonic())

    def _note(self, found: dict[PurePath, os.stat_result], now: float) -> None:
        """Bring what is known of the files up to date."""
        for inside, status in found.items():
            known = self._files.get(inside)
            if known is None or (known.size, known.modified_ns) != (status.st_size, status.st_mtime_ns):
                at = known.at if known else datetime.now(UTC)
                self._files[inside] = Seen(size=status.st_size, modified_ns=status.st_mtime_ns, since=now, at=at)
        for inside in set(self._files) - set(found):
            del self._files[inside]

    def _ready(self, now: float) -> list[PurePath]:
        """The files that may be taken, most urgent first, then as they came."""
        ready = [inside for inside, seen in self._files.items() if self._due(inside, seen, now) <= now]
        return sorted(ready, key=lambda inside: (-origin_of(inside).priority, self._files[inside].at))

    def _due(self, inside: PurePath, seen: Seen, now: float) -> float:
        """When the file may be taken: it has stood still for long enough, and has its end or will never get it."""
        still = max(seen.since + self._settings.intake.stable_seconds, seen.not_before)
        if still > now:
            return still
        with suppress(OSError):
            if not is_complete(self._root / inside):
                return max(still, seen.since + self._settings.intake.incomplete_seconds)
        return still

    def _pause(self, now: float) -> float:
        waits = [max(seen.since + self._settings.intake.stable_seconds, seen.not_before) - now for seen in self._files.values()]
        coming = [wait for wait in waits if wait > 0]
        return min([self._settings.intake.poll_seconds, *coming])

    def _try(self, inside: PurePath) -> None:
        """Take one file; what goes wrong with it alone is tried again later. Raises ServiceAway."""
        seen = self._files[inside]
        try:
            with self._claimed(inside) as mine:
                if mine:
                    self._take(inside, seen)
        except (StillChanging, Changed):
            self._files[inside] = replace(seen, since=time.monotonic())  # it has to stand still again
        except ServiceAway:
            raise
        except OSError as error:
            if error.errno in NO_ROOM:
                raise NoRoom from None
            if (self._root / inside).exists():
                self._later(inside, seen, type(error).__name__)
        except (ChartloomError, psycopg.Error) as error:
            self._later(inside, seen, getattr(error, "code", type(error).__name__))

    def _later(self, inside: PurePath, seen: Seen, why: str) -> None:
        pause = min(LONGEST_PAUSE, self._settings.intake.poll_seconds * 2**seen.tries)
        if seen.tries == 0:
            log.warning("file cannot be taken now", why=why, size=seen.size, next_try_in=pause)
        self._files[inside] = replace(seen, tries=seen.tries + 1, not_before=time.monotonic() + pause)

    def _take(self, inside: PurePath, seen: Seen) -> None:
        """Register the file, or each file of a ZIP, and let it leave the folder."""
        file = self._root / inside
        self._check_room(seen.size)
        taken = self._archive(file, inside, seen) if archive.is_archive(file) else [self._one(file, inside, seen)]
        done = self._settings.done_folder if self._settings.intake.after == "move" else None
        leave(file, inside, done, seen.size, seen.modified_ns)
        with away_is_an_error():
            self._connection().execute(SQL["arrival_left"], [[registered.arrival for registered in taken]])
        self._files.pop(inside, None)
        self._told.discard(inside)

    def _one(self, file: Path, inside: PurePath, seen: Seen, refused: BadInput | None = None) -> Registered:
        landing = Landing(path=printable(inside), seen_at=seen.at, stable_at=datetime.now(UTC))
        return self._registered(
            register(
                file, self._connection(), self._store(), self._settings, enqueue=self._enqueue, origin=origin_of(inside),
                landing=landing, refused=refused,
            )
        )  # fmt: skip

    def _archive(self, file: Path, inside: PurePath, seen: Seen) -> list[Registered]:
        """The scans of a ZIP as one batch; the ZIP itself in quarantine where it cannot be taken."""
        try:
            archive.members(file, self._settings.intake.max_bytes)
        except BadInput as error:
            return [self._one(file, inside, seen, error)]
        origin = replace(origin_of(inside), batch=printable(inside.name))
        taken = []
        unpacking = Scratch(self._settings.scratch_folder / "intake").folder / f"new-archive-{os.getpid()}"
        try:
            for name in archive.unpacked(file, unpacking):
                landing = Landing(path=f"{printable(inside)}/{printable(name)}", seen_at=seen.at, stable_at=datetime.now(UTC))
                registered = register(
                    unpacking, self._connection(), self._store(), self._settings, enqueue=self._enqueue, origin=origin,
                    landing=landing, name=printable(PurePath(name).name),
                )  # fmt: skip
                taken.append(self._registered(registered))
        finally:
            unpacking.unlink(missing_ok=True)
        with away_is_an_error():
            self._connection().execute(SQL["sighting_stored"], [printable(inside)])
        return taken

    def _registered(self, registered: Registered) -> Registered:
        log.info(
            "file taken", scan=registered.scan, sha256=registered.sha256, status=registered.status, pages=registered.pages,
            code=registered.code,
        )  # fmt: skip
        return registered

    @contextmanager
    def _claimed(self, inside: PurePath) -> Iterator[bool]:
        """Whether the file is this watcher's for as long as the context lasts."""
        key = printable(inside)
        with away_is_an_error():
            row = self._connection().execute("select pg_try_advisory_lock(hashtextextended(%s, 0)) as mine", [key]).fetchone()
        mine = bool(row and row["mine"])
        try:
            yield mine and (self._root / inside).lstat() is not None
        finally:
            if mine and self._open_connection is not None:
                with suppress(psycopg.Error):
                    self._open_connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])

    def _tell(self) -> None:
        """Put what is in the folder on the ledger, and what has gone from it."""
        new, gone = set(self._files) - self._told, self._told - set(self._files)
        if not new and not gone:
            return
        with away_is_an_error(), self._connection().transaction(), self._connection().cursor() as cursor:
            cursor.executemany(
                SQL["see_file"],
                [{"path": printable(f), "size": self._files[f].size, "seen_at": self._files[f].at} for f in sorted(new)],
            )
            cursor.executemany(SQL["file_gone"], [{"path": printable(f)} for f in sorted(gone)])
        self._told = set(self._files)

    def _check_room(self, size: int) -> None:
        self._settings.scratch_folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._settings.scratch_folder).free < size + (self._settings.intake.min_free_mb << 20):
            raise NoRoom

    def _connection(self) -> Connection:
        if self._open_connection is None or self._open_connection.closed:
            self._open_connection = self._connect()
        return self._open_connection

    def _store(self) -> Blobs:
        if self._open_store is None:
            self._open_store = self._open_blobs()
        return self._open_store

    def _disconnect(self) -> None:
        if self._open_connection is not None:
            with suppress(psycopg.Error):
                self._open_connection.close()
        self._open_connection = self._open_store = None

    def _troubled(self, error: ServiceAway) -> None:
        """One line when something goes away, not one for each try."""
        self._disconnect()
        if self._trouble != error.code:
            self._trouble = error.code
            log.warning("intake waits", why=error.code, detail=str(error), files=len(self._files))

    def _untroubled(self) -> None:
        if self._trouble is not None:
            log.info("intake goes on", after=self._trouble, files=len(self._files))
            self._trouble = None

    def _clean(self, now: float) -> None:
        if now - self._cleaned >= CLEANING_SECONDS:
            self._cleaned = now
            clean(self._settings.done_folder, self._settings.intake.done_days)

    def _settle(self, now: float) -> None:
        """Add up the batches that are complete."""
        if now - self._settled >= SETTLING_SECONDS:
            self._settled = now
            with away_is_an_error():
                for batch in settle(self._connection(), self._settings.intake.batch_quiet_seconds):
                    log.info("batch settled", batch=batch.id, files=batch.files, pages=batch.pages, adds_up=not batch.differences)

    @contextmanager
    def _woken_by_events(self) -> Iterator[None]:
        """File events wake the watcher, where the file system sends any; where not, the poll does."""
        observer: BaseObserver | None = None
        try:
            from watchdog.events import FileSystemEvent, FileSystemEventHandler
            from watchdog.observers import Observer

            class Waking(FileSystemEventHandler):
                def on_any_event(_, event: FileSystemEvent) -> None:  # noqa: N805 - `self` is the watcher's
                    if event.event_type not in ("opened", "closed_no_write"):
                        self._wake.set()

            observer = Observer()
            observer.schedule(Waking(), str(self._root), recursive=True)
            observer.start()
        except OSError as error:
            log.warning("no file events, looking instead", why=type(error).__name__, every=self._settings.intake.poll_seconds)
        try:
            yield
        finally:
            if observer is not None and observer.is_alive():
                observer.stop()
                observer.join()


def files_below(root: Path, inside: PurePath | None = None) -> Iterator[tuple[PurePath, os.stat_result]]:
    """(path below the folder, state) of the regular files in it that are finished by their names. Links are not followed."""
    try:
        entries = list(os.scandir(root / inside if inside else root))
    except OSError:  # gone in between, or not ours to read: seen again at the next look
        return
    for entry in entries:
        below = inside / entry.name if inside else PurePath(entry.name)
        with suppress(OSError):
            if is_passing(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(root, below)
            elif entry.is_file(follow_symlinks=False):
                yield below, entry.stat(follow_symlinks=False)
