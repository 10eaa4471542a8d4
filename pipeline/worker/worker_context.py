"""What a worker process keeps from job to job: its connection, the object store, the settings."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import psycopg

from pipeline.config import Settings
from pipeline.errors import ConfigurationError, MissingDependency, ServiceUnavailable
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, connect
from pipeline.store.process_tempdir import OwnFolder
from pipeline.store.scans import waiting_scan
from pipeline.store.scratch import Scratch
from pipeline.worker.scan_stages import Workshop

PASSING = (ServiceUnavailable, MissingDependency, ConfigurationError, psycopg.OperationalError, psycopg.InterfaceError)
"""Faults of the installation, not of the file in hand: a person or time mends them, and the file waits."""


@dataclass
class Bench:
    """A worker's own. Connections are opened when first needed, and again after they were lost."""

    settings: Settings
    _connection: Connection | None = field(default=None, init=False)
    _blobs: Blobs | None = field(default=None, init=False)
    _folder: OwnFolder | None = field(default=None, init=False)
    _original: str | None = field(default=None, init=False)

    @property
    def dsn(self) -> str:
        """How to reach the database."""
        assert self.settings.database.dsn is not None, "a worker is told where the database is"
        return self.settings.database.dsn.get_secret_value()

    @contextmanager
    def workshop(
        self, scan_id: int, pause: Callable[[], None], *, careful: bool = False
    ) -> Iterator[Workshop | None]:
        """A workshop for a scan that waits, None for one that is closed. Its scratch folder is gone
        afterwards in any case.
        """
        scan = waiting_scan(self.connection(), scan_id)
        if scan is None:
            yield None
            return
        folder = Path(mkdtemp(prefix="job-", dir=self.folder()))
        try:
            yield Workshop(
                scan,
                self.connection(),
                self.blobs(),
                self.settings,
                Scratch(folder),
                self.original,
                pause,
                careful,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def connection(self) -> Connection:
        """The worker's connection. Raises ServiceUnavailable."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.dsn)
        return self._connection

    def blobs(self) -> Blobs:
        """The object store. Raises ServiceUnavailable."""
        if self._blobs is None:
            self._blobs = Blobs.connect(self.settings.storage)
        return self._blobs

    def folder(self) -> Path:
        """The worker's own folder, for as long as it lives."""
        if self._folder is None or not self._folder.path.exists():
            self._folder, self._original = OwnFolder(self.settings.scratch_folder), None
        return self._folder.path

    def original(self, sha256: str) -> Path:
        """A scan's original, fetched from the store; kept until another is asked for, since ranges of one
        scan come in a row.
        """
        file = self.folder() / "original"
        if self._original != sha256:
            self._original = None
            self.blobs().fetch(sha256, file)
            self._original = sha256
        return file

    def close(self) -> None:
        """Give back what it holds."""
        if self._connection is not None:
            self._connection.close()
        if self._folder is not None:
            self._folder.close()


def passes(error: BaseException) -> bool:
    """Does the fault pass without anything being wrong with the file: a service away, the disk full?"""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(error, PASSING)
