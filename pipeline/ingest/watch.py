"""Watch the intake folder: ingest each file once it is unchanged, and move it away when it is stored.

File events only wake the watcher. What it does follows from reading the folder, so a network share without
events works the same. A file is claimed by an advisory lock of the database on its path: several watchers can
share a folder, and the claims of a watcher that dies end with its connection. A file stays in the folder
until it is stored and committed.
"""

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

from pipeline.config import Settings
from pipeline.errors import ChartloomError, ServiceUnavailable
from pipeline.ingest.batches import close_batches
from pipeline.ingest.done_folder import FileModified, move_to_done, remove_expired_days
from pipeline.ingest.intake_folder import IntakeFolder
from pipeline.ingest.intake_source import origin_of, printable
from pipeline.ingest.registration import SQL, Enqueue, FileStillChanging, IntakeEvent, register
from pipeline.ingest.zip_batches import archive_members
from pipeline.logs import get_logger
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, translate_connection_errors
from pipeline.store.scratch import DISK_FULL, DiskFull, Scratch

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

log = get_logger(__name__)

MIN_POLL_SECONDS = 0.5  # for a folder that keeps changing
MAX_ROUND_SECONDS = 5.0
"""After this time of ingesting, the folder is read again: something more urgent may have arrived."""
STALE_COPY_SECONDS = 86_400.0
"""A temporary copy of this age belongs to a process that was killed. It shows a patient and is removed."""
MAINTENANCE_INTERVAL_SECONDS = 30.0
UNREADABLE_FILE = "It cannot be read ({why}): give the account that runs Chartloom permission to read it."
UNMOVABLE_FILE = (
    "It is stored and safe, but cannot be moved out of the folder ({why}):"
    " give the account that runs Chartloom permission to write there and in done."
)
FAILED_FILE = "It cannot be ingested now ({code}). See the log for details."


class Watcher:
    """Watches one folder.

    `connect` and `open_blobs` may raise ServiceUnavailable: the files then stay in the folder.
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
        self._recorded: set[PurePath] = set()
        self._recorded_ignored: set[PurePath] = set()
        self._open_connection: Connection | None = None
        self._open_store: Blobs | None = None
        self._outage: str | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._maintained_at = float("-inf")

    def run(self) -> None:
        """Watch until `stop` is called. The current file is finished."""
        self._root.mkdir(parents=True, exist_ok=True)
        with self._woken_by_file_events():
            while not self._stopping:
                self._wake.clear()
                pause = self.poll()
                if not self._stopping:
                    time.sleep(min(pause, MIN_POLL_SECONDS))
                    self._wake.wait(max(0.0, pause - MIN_POLL_SECONDS))
        self._disconnect()

    def stop(self) -> None:
        """End `run`. May be called from a signal handler."""
        self._stopping = True
        self._wake.set()

    def poll(self) -> float:
        """Read the whole folder once and ingest what is ready. Return the seconds until the next poll."""
        end = time.monotonic() + MAX_ROUND_SECONDS
        self._folder.refresh()
        try:
            self._record_files()
            for inside in self._folder.ready():  # as of this poll, so that each was seen unchanged twice
                if self._stopping or time.monotonic() > end:
                    return 0.0
                self._try_file(inside)
            self._maintain()
            self._resume_intake()
        except ServiceUnavailable as error:
            self._pause_intake(error)
            return self._settings.intake.poll_seconds
        return self._folder.pause()

    def _try_file(self, inside: PurePath) -> None:
        """Ingest one file, or postpone it if its own problem prevents that. Raises ServiceUnavailable."""
        is_stored = bool(self._folder.files[inside].events)
        try:
            if not is_stored and (reason := self._folder.incomplete_reason(inside)):
                self._postpone(inside, reason, soon=True)
                return
            with self._claimed(inside) as is_mine:
                if is_mine and self._folder.files[inside].looks_like((self._root / inside).lstat()):
                    self._ingest(inside)
        except (FileStillChanging, FileModified):
            self._mark_removed(inside)
            self._folder.restart(inside)
        except ServiceUnavailable:
            raise
        except OSError as error:
            if error.errno in DISK_FULL:
                raise DiskFull from None
            if (self._root / inside).exists():
                reason = UNMOVABLE_FILE if self._folder.files[inside].events else UNREADABLE_FILE
                self._postpone(inside, reason.format(why=error.strerror or type(error).__name__))
        except (ChartloomError, psycopg.Error) as error:
            code = getattr(error, "code", type(error).__name__)
            self._postpone(inside, FAILED_FILE.format(code=code))

    def _postpone(self, inside: PurePath, reason: str, *, soon: bool = False) -> None:
        """Try a file again later. A new reason is logged and recorded for the reconciliation."""
        before = self._folder.files[inside]
        pause = self._folder.postpone(inside, reason, soon=soon)
        if reason == before.waiting_reason:
            return
        write = log.info if soon else log.warning
        write("file waiting", why=reason, size=before.size, events=before.events or None, next_try_in=pause)
        with translate_connection_errors():
            if before.events:
                params: dict[str, object] = {"arrivals": list(before.events), "waiting_reason": reason}
                self._connection().execute(SQL["set_event_waiting_reason"], params)
            else:
                params = {"path": printable(inside), "waiting_reason": reason}
                self._connection().execute(SQL["set_file_waiting_reason"], params)

    def _ingest(self, inside: PurePath) -> None:
        """Store the file, unless that has been done, and move it out of the folder."""
        observed = self._folder.files[inside]
        if not observed.events:
            self._check_disk_space(observed.size)
            observed = replace(observed, events=tuple(self._store_all(inside)))
            self._folder.files[inside] = observed
            self._recorded.discard(inside)
        done = self._settings.done_folder if self._settings.intake.on_success == "move" else None
        move_to_done(self._root / inside, inside, done, observed.size, observed.modified_ns)
        self._mark_removed(inside)
        del self._folder.files[inside]

    def _mark_removed(self, inside: PurePath) -> None:
        """Record that the stored version of a file is no longer in the folder."""
        if events := self._folder.files[inside].events:
            with translate_connection_errors():
                self._connection().execute(SQL["mark_removed"], [list(events)])

    def _store_all(self, inside: PurePath) -> Iterator[int]:
        """Register the file, or each member of a ZIP file. Yield the ids of the ingest events."""
        file, path, origin = self._root / inside, printable(inside), origin_of(inside)
        seen_ago = time.monotonic() - self._folder.files[inside].first_seen
        with archive_members(
            file, self._settings.intake_scratch, self._settings.intake.max_bytes, follow=False
        ) as members:
            for member in members:
                name = member.path_in_zip and printable(member.path_in_zip)
                result = register(
                    member.file,
                    self._connection(),
                    self._store(),
                    self._settings,
                    enqueue=self._enqueue,
                    origin=replace(origin, batch=printable(inside.name)) if name else origin,
                    event=IntakeEvent(path=f"{path}/{name}" if name else path, seen_ago=seen_ago),
                    name=PurePath(name).name if name else None,
                    rejection=member.rejection,
                )
                log.info(
                    "file ingested",
                    scan=result.scan,
                    sha256=result.sha256,
                    status=result.status,
                    pages=result.pages,
                    code=result.code,
                )
                yield result.ingest_event
        with translate_connection_errors():
            self._connection().execute(SQL["delete_stored_file"], [path])

    @contextmanager
    def _claimed(self, inside: PurePath) -> Iterator[bool]:
        """Claim the file for this watcher within the context. Yield whether that worked."""
        key = printable(inside)
        lock = "select pg_try_advisory_lock(hashtextextended(%s, 0)) as mine"
        with translate_connection_errors():
            row = self._connection().execute(lock, [key]).fetchone()
        is_mine = bool(row and row["mine"])
        try:
            yield is_mine
        finally:
            if is_mine and self._open_connection is not None:
                with suppress(psycopg.Error):
                    self._open_connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])

    def _record_files(self) -> None:
        """Record for the reconciliation which files are new in the folder, and which have gone."""
        waiting = {inside: file for inside, file in self._folder.files.items() if not file.events}
        new, gone = waiting.keys() - self._recorded, self._recorded - waiting.keys()
        if not new and not gone:
            return
        now = time.monotonic()
        new_files = [
            {
                "path": printable(inside),
                "size": waiting[inside].size,
                "seen_ago": now - waiting[inside].first_seen,
            }
            for inside in sorted(new)
        ]
        with (
            translate_connection_errors(),
            self._connection().transaction(),
            self._connection().cursor() as cursor,
        ):
            cursor.executemany(SQL["record_file"], new_files)
            cursor.executemany(SQL["remove_file"], [{"path": printable(inside)} for inside in sorted(gone)])
        self._recorded = set(waiting)

    def _record_ignored_files(self) -> None:
        """Record for the reconciliation the files that will never be ingested, after the stated time."""
        ignored = self._folder.long_ignored(self._settings.intake.report_ignored_after_seconds)
        connection = self._connection()
        for inside in ignored.keys() - self._recorded_ignored:
            file = ignored[inside]
            log.warning("file ignored", why=file.reason, size=file.size)
            params: dict[str, object] = {"path": printable(inside), "size": file.size, "seen_ago": 0.0}
            with connection.transaction():
                connection.execute(SQL["record_file"], params)
                connection.execute(
                    SQL["set_file_waiting_reason"], {"path": params["path"], "waiting_reason": file.reason}
                )
        for inside in self._recorded_ignored - ignored.keys() - self._recorded:
            connection.execute(SQL["delete_stored_file"], [printable(inside)])
        self._recorded_ignored = set(ignored)

    def _check_disk_space(self, size: int) -> None:
        self._settings.scratch_folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._settings.scratch_folder).free
        if free < size + (self._settings.intake.min_free_disk_mb << 20):
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

    def _pause_intake(self, error: ServiceUnavailable) -> None:
        """Disconnect, and log the outage once instead of at each attempt."""
        self._disconnect()
        if self._outage != error.code:
            self._outage = error.code
            log.warning("intake paused", why=error.code, detail=str(error), files=len(self._folder.files))

    def _resume_intake(self) -> None:
        if self._outage is not None:
            log.info("intake resumed", after=self._outage, files=len(self._folder.files))
            self._outage = None

    def _maintain(self) -> None:
        """Close batches, and remove empty batch folders, expired days of done/ and stale copies."""
        now = time.monotonic()
        if now - self._maintained_at < MAINTENANCE_INTERVAL_SECONDS:
            return
        self._maintained_at = now
        idle_seconds = self._settings.intake.batch_idle_seconds
        with translate_connection_errors():
            self._record_ignored_files()
            for batch in close_batches(self._connection(), idle_seconds):
                log.info(
                    "batch checked",
                    batch=batch.id,
                    files=batch.files,
                    pages=batch.pages,
                    balanced=not batch.differences,
                )
            for inside in self._folder.empty_folders(idle_seconds):
                path = f"{printable(inside)}/"
                row = self._connection().execute(SQL["ingested_from_folder"], [path]).fetchone()
                if row and row["has_files"]:
                    with suppress(OSError):  # a new file has arrived in it, or there is no permission
                        (self._root / inside).rmdir()
            today = self._connection().execute("select current_date as today").fetchone()
        if today:
            remove_expired_days(self._settings.done_folder, self._settings.intake.done_days, today["today"])
        Scratch(self._settings.intake_scratch).sweep(STALE_COPY_SECONDS)

    @contextmanager
    def _woken_by_file_events(self) -> Iterator[None]:
        """Wake the watcher at file events. Without events, polling alone finds new files."""
        observer: BaseObserver | None = None
        try:
            from watchdog.events import FileSystemEvent, FileSystemEventHandler
            from watchdog.observers import Observer

            class WakeUp(FileSystemEventHandler):
                def on_any_event(_, event: FileSystemEvent) -> None:  # noqa: N805 - `self` is the watcher's
                    if event.event_type not in ("opened", "closed_no_write"):
                        self._wake.set()

            observer = Observer()
            observer.schedule(WakeUp(), str(self._root), recursive=True)
            observer.start()
        except OSError as error:
            log.warning(
                "no file events, polling instead",
                why=type(error).__name__,
                every=self._settings.intake.poll_seconds,
            )
        try:
            yield
        finally:
            if observer is not None and observer.is_alive():
                observer.stop()
                observer.join()
