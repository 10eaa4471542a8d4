"""Watch the intake folder: take each file once it stands still, and let it leave when it is stored.

File events only wake the watcher; what it does follows from looking at the folder, so that a share without
events works the same. A file is claimed by an advisory lock of the database under its path: several watchers
may share a folder, and the claim of one that dies is gone with its connection. Until a file is stored and
committed it lies in the folder."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import psycopg
import structlog

from pipeline.config import Settings
from pipeline.errors import ChartloomError, ServiceUnavailable
from pipeline.ingest.batches import close_batches
from pipeline.ingest.done_folder import FileModified, remove_expired_days, move_to_done
from pipeline.ingest.intake_folder import IntakeFolder
from pipeline.ingest.intake_source import origin_of, printable
from pipeline.ingest.registration import SQL, Enqueue, IntakeEvent, FileStillChanging, register
from pipeline.ingest.zip_batches import archive_members
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, translate_connection_errors
from pipeline.store.scratch import NO_ROOM, DiskFull, Scratch

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

log = structlog.get_logger()

BUSY_SECONDS = 0.5  # between two looks at a folder that keeps changing
TURN_SECONDS = (
    5.0  # of taking files, before the folder is looked at again: something more urgent may have come
)
LEFT_BEHIND_SECONDS = (
    86_400.0  # nobody has a copy in hand for a day: whoever made it was killed, and it shows a patient
)
TIDYING_SECONDS = (
    30.0  # between two looks for batches that rest, folders that are empty and days that are over
)
NOT_TAKEN = "It cannot be read ({why}): give the account that runs Chartloom the right to read it."
NOT_GONE = "It is stored and safe, but cannot leave the folder ({why}): let the account that runs Chartloom write there and in done."


class Watcher:
    """One watched folder. `connect` and `open_blobs` may raise ServiceUnavailable: the files then wait where they
    are.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], Connection],
        open_blobs: Callable[[], Blobs],
        enqueue: Enqueue,
    ) -> None:
        self._settings = settings
        self._connect, self._open_blobs, self._enqueue = connect, open_blobs, enqueue
        self._root = settings.intake_folder
        self._folder = IntakeFolder(self._root, settings.intake)
        self._told: set[PurePath] = set()
        self._open_connection: Connection | None = None
        self._open_store: Blobs | None = None
        self._trouble: str | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._tidied = float("-inf")

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
        """Look once at the whole folder and take what is ready. Returns the seconds after which to look
        again.
        """
        end = time.monotonic() + TURN_SECONDS
        self._folder.look()
        try:
            self._tell()
            for inside in self._folder.ready():  # as they were at that moment: still means seen alike twice
                if self._stopping or time.monotonic() > end:
                    return 0.0
                self._try(inside)
            self._tidy()
            self._untroubled()
        except ServiceUnavailable as error:
            self._troubled(error)
            return self._settings.intake.poll_seconds
        return self._folder.pause()

    def _try(self, inside: PurePath) -> None:
        """Take one file; what goes wrong with it alone is tried again later. Raises ServiceUnavailable."""
        stored = bool(self._folder.files[inside].arrivals)
        try:
            if not stored and (why := self._folder.unfinished(inside)):
                self._later(inside, why, soon=True)
                return
            with self._claimed(inside) as mine:
                if mine and self._folder.files[inside].looks_like((self._root / inside).lstat()):
                    self._take(inside)
        except (FileStillChanging, FileModified):
            self._left(inside)
            self._folder.again(inside)
        except ServiceUnavailable:
            raise
        except OSError as error:
            if error.errno in NO_ROOM:
                raise DiskFull from None
            if (self._root / inside).exists():
                stored = bool(self._folder.files[inside].arrivals)
                self._later(
                    inside,
                    (NOT_GONE if stored else NOT_TAKEN).format(why=error.strerror or type(error).__name__),
                )
        except (ChartloomError, psycopg.Error) as error:
            self._later(
                inside,
                f"It cannot be taken now ({getattr(error, 'code', type(error).__name__)}); the log says more.",
            )

    def _later(self, inside: PurePath, why: str, *, soon: bool = False) -> None:
        """Try it again in a while. The first time, and when the reason is another one, the ledger is told,
        and the log.
        """
        before = self._folder.files[inside]
        pause = self._folder.later(inside, why, soon=soon)
        if why != before.why:
            tell = log.info if soon else log.warning
            tell("file waits", why=why, size=before.size, arrivals=before.arrivals or None, next_try_in=pause)
            with translate_connection_errors():
                if before.arrivals:
                    self._connection().execute(
                        SQL["set_event_waiting_reason"], {"arrivals": list(before.arrivals), "waiting_reason": why}
                    )
                else:
                    self._connection().execute(SQL["set_file_waiting_reason"], {"path": printable(inside), "waiting_reason": why})

    def _take(self, inside: PurePath) -> None:
        """Store the file, unless that has been done, and let it leave the folder."""
        seen = self._folder.files[inside]
        if not seen.arrivals:
            self._check_room(seen.size)
            seen = replace(seen, arrivals=tuple(self._store_all(inside)))
            self._folder.files[inside] = seen
            self._told.discard(inside)
        done = self._settings.done_folder if self._settings.intake.on_success == "move" else None
        move_to_done(self._root / inside, inside, done, seen.size, seen.modified_ns)
        self._left(inside)
        del self._folder.files[inside]

    def _left(self, inside: PurePath) -> None:
        """What is stored of it lies in the folder no more: it has gone, or was written over."""
        if arrivals := self._folder.files[inside].arrivals:
            with translate_connection_errors():
                self._connection().execute(SQL["mark_removed"], [list(arrivals)])

    def _store_all(self, inside: PurePath) -> Iterator[int]:
        """Register the file, or each file of a ZIP; the numbers of their arrivals."""
        seen, file, path = self._folder.files[inside], self._root / inside, printable(inside)
        origin, now = origin_of(inside), time.monotonic()
        with archive_members(
            file, self._settings.intake_scratch, self._settings.intake.max_bytes, follow=False
        ) as found:
            for piece in found:
                member = piece.inside and printable(piece.inside)
                registered = register(
                    piece.file, self._connection(), self._store(), self._settings, enqueue=self._enqueue,
                    origin=replace(origin, batch=printable(inside.name)) if member else origin,
                    landing=IntakeEvent(path=f"{path}/{member}" if member else path, seen_ago=now - seen.first),
                    name=PurePath(member).name if member else None, refused=piece.refused,
                )  # fmt: skip
                log.info(
                    "file taken", scan=registered.scan, sha256=registered.sha256, status=registered.status,
                    pages=registered.pages, code=registered.code,
                )  # fmt: skip
                yield registered.ingest_event
        with translate_connection_errors():
            self._connection().execute(SQL["delete_stored_file"], [path])

    @contextmanager
    def _claimed(self, inside: PurePath) -> Iterator[bool]:
        """Whether the file is this watcher's for as long as the context lasts."""
        key = printable(inside)
        with translate_connection_errors():
            row = (
                self._connection()
                .execute("select pg_try_advisory_lock(hashtextextended(%s, 0)) as mine", [key])
                .fetchone()
            )
        mine = bool(row and row["mine"])
        try:
            yield mine
        finally:
            if mine and self._open_connection is not None:
                with suppress(psycopg.Error):
                    self._open_connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])

    def _tell(self) -> None:
        """Put what is in the folder on the ledger, and what has gone from it."""
        waiting = {inside: seen for inside, seen in self._folder.files.items() if not seen.arrivals}
        new, gone = waiting.keys() - self._told, self._told - waiting.keys()
        if not new and not gone:
            return
        now = time.monotonic()
        with translate_connection_errors(), self._connection().transaction(), self._connection().cursor() as cursor:
            cursor.executemany(
                SQL["record_file"],
                [
                    {"path": printable(f), "size": waiting[f].size, "seen_ago": now - waiting[f].first}
                    for f in sorted(new)
                ],
            )
            cursor.executemany(SQL["remove_file"], [{"path": printable(f)} for f in sorted(gone)])
        self._told = set(waiting)

    def _check_room(self, size: int) -> None:
        self._settings.scratch_folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._settings.scratch_folder).free < size + (
            self._settings.intake.min_free_disk_mb << 20
        ):
            raise DiskFull

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

    def _troubled(self, error: ServiceUnavailable) -> None:
        """One line when something goes away, not one for each try."""
        self._disconnect()
        if self._trouble != error.code:
            self._trouble = error.code
            log.warning("intake waits", why=error.code, detail=str(error), files=len(self._folder.files))

    def _untroubled(self) -> None:
        if self._trouble is not None:
            log.info("intake goes on", after=self._trouble, files=len(self._folder.files))
            self._trouble = None

    def _tidy(self) -> None:
        """Add up the batches that rest; remove the folders they came in, the days of done/ that are over,
        what is left over.
        """
        now = time.monotonic()
        if now - self._tidied < TIDYING_SECONDS:
            return
        self._tidied = now
        quiet = self._settings.intake.batch_idle_seconds
        with translate_connection_errors():
            for batch in close_batches(self._connection(), quiet):
                log.info(
                    "batch settled",
                    batch=batch.id,
                    files=batch.files,
                    pages=batch.pages,
                    balanced=not batch.differences,
                )
            for inside in self._folder.emptied(quiet):
                row = (
                    self._connection().execute(SQL["ingested_from_folder"], [f"{printable(inside)}/"]).fetchone()
                )
                if row and row["taken"]:
                    with suppress(OSError):  # something has come into it, or it is not ours to remove
                        (self._root / inside).rmdir()
            today = self._connection().execute("select current_date as today").fetchone()
        if today:
            remove_expired_days(self._settings.done_folder, self._settings.intake.done_days, today["today"])
        Scratch(self._settings.intake_scratch).sweep(LEFT_BEHIND_SECONDS)

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
            log.warning(
                "no file events, looking instead",
                why=type(error).__name__,
                every=self._settings.intake.poll_seconds,
            )
        try:
            yield
        finally:
            if observer is not None and observer.is_alive():
                observer.stop()
                observer.join()
