"""What a worker process keeps from job to job: its connection, the object store, the settings, a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from pipeline.config import Settings
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, connect
from pipeline.store.process_tempdir import ProcessTempdir
from pipeline.store.scans import waiting_scan
from pipeline.store.scratch import Scratch
from pipeline.worker.scan_stages import ScanStages
from pipeline.worker.stage_seconds import StageSeconds


@dataclass
class WorkerContext:
    """A worker's resources. Connections are opened when first needed, and again after they were lost."""

    settings: Settings
    stage_seconds: StageSeconds = field(default_factory=StageSeconds)
    process: int = 0
    """The number of this worker process on its machine, from 0."""
    _connection: Connection | None = field(default=None, init=False)
    _blobs: Blobs | None = field(default=None, init=False)
    _folder: ProcessTempdir | None = field(default=None, init=False)
    _original_sha256: str | None = field(default=None, init=False)

    @property
    def dsn(self) -> str:
        """The DSN of the database."""
        assert self.settings.database.dsn is not None, "a worker's settings name the database"
        return self.settings.database.dsn.get_secret_value()

    @contextmanager
    def stages_for(
        self, scan_id: int, check_abort: Callable[[], None], *, isolated: bool = False
    ) -> Iterator[ScanStages | None]:
        """Provide the stages for a waiting scan, or None if the scan is closed.

        The scan's scratch folder is removed at the end in any case.

        Args:
            scan_id: the scan.
            check_abort: raises if the worker is asked to stop; called between pages.
            isolated: read each page in a process of its own.
        """
        scan = waiting_scan(self.connection(), scan_id)
        if scan is None:
            yield None
            return
        folder = Path(mkdtemp(prefix="job-", dir=self.folder()))
        try:
            yield ScanStages(
                scan=scan,
                connection=self.connection(),
                blobs=self.blobs(),
                settings=self.settings,
                scratch=Scratch(folder),
                fetch_original=self.fetch_original,
                check_abort=check_abort,
                isolated=isolated,
                stage_seconds=self.stage_seconds,
                process=self.process,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def connection(self) -> Connection:
        """Return the worker's connection. Raises ServiceUnavailable."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.dsn)
        return self._connection

    def blobs(self) -> Blobs:
        """Return the object store. Raises ServiceUnavailable."""
        if self._blobs is None:
            self._blobs = Blobs.connect(self.settings.storage)
        return self._blobs

    def folder(self) -> Path:
        """Return the worker's temporary folder, which exists until the worker ends."""
        if self._folder is None or not self._folder.path.exists():
            self._folder, self._original_sha256 = ProcessTempdir(self.settings.scratch_folder), None
        return self._folder.path

    def fetch_original(self, sha256: str) -> Path:
        """Return a scan's original, fetched from the store.

        The file is kept until another original is fetched, because ranges of one scan often come in a row.
        """
        file = self.folder() / "original"
        if self._original_sha256 != sha256:
            self._original_sha256 = None
            self.blobs().fetch(sha256, file)
            self._original_sha256 = sha256
        return file

    def close(self) -> None:
        """Close the connection and remove the temporary folder."""
        if self._connection is not None:
            self._connection.close()
        if self._folder is not None:
            self._folder.close()
