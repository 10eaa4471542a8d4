"""What `chartloom archive run` does: import the documents as fast as the settings allow, make sure that
workers run, and wait until all documents are processed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typer

from pipeline.archive import import_log
from pipeline.archive.crosswalk import open_crosswalk
from pipeline.archive.import_runner import SQL, ImportRunner
from pipeline.archive.manifest import Manifest, ManifestDocument
from pipeline.archive.manifest_mapping import load_mapping
from pipeline.archive.migration_jobs import exclusive, open_job, scan_source
from pipeline.archive.throttle import Throttle
from pipeline.commands.common import emit, is_interactive, progress, report_outage
from pipeline.config import load_settings
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection
from pipeline.worker.client import RetryingConnection, TemporaryWorkers
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.status import live_workers

POLL_SECONDS = 0.2
"""How often a full queue is checked for room."""
REPORT_SECONDS = 60.0
"""How often progress is reported as a line, if standard error is not a terminal."""
ALL_IMPORTED, SOME_NOT_IMPORTED = 0, 2
"""Exit codes."""


class ProgressReporter:
    """Reports progress and the time left: a bar on a terminal, otherwise a line from time to time."""

    def __init__(self, total: int, advance: Callable[[float], None], *, bar_only: bool) -> None:
        self._total = total
        self._advance = advance
        self._bar_only = bar_only
        self._started = self._reported = time.monotonic()

    def report(self, done: Counter[str]) -> None:
        """Report progress. To be called after each document."""
        self._advance(1)
        now = time.monotonic()
        if self._bar_only or now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        handled, imported = done.total(), done.total() - done["before"]
        per_second = imported / (now - self._started)
        line = f"chartloom: {handled:,} of {self._total:,} documents, {per_second:.1f} per second"
        if per_second:
            line += f", {(self._total - handled) / per_second / 3600:.1f} h left at this pace"
        typer.echo(line, err=True)


@dataclass
class MigrationRun:
    """One run of the command. `report` is called after each document."""

    connection: RetryingConnection
    importer: ImportRunner
    throttle: Throttle
    workers: TemporaryWorkers
    report: Callable[[Counter[str]], None]

    def import_documents(self, documents: Iterable[ManifestDocument]) -> Counter[str]:
        """Import what is left, and return the number of documents by result: `before` for earlier runs."""
        done: Counter[str] = Counter()
        for listed, is_left in self.importer.pending(documents, self._imported_keys):
            done[self._import(listed) if is_left else "before"] += 1
            self.report(done)
        return done

    def _imported_keys(self, keys: list[str]) -> set[str]:
        return self.connection.run(lambda c: import_log.ingested_keys(c, self.importer.job, keys))

    def _import(self, listed: ManifestDocument) -> str:
        self._wait_for_room()
        return self.connection.run(lambda c: self.importer.ingest(c, listed))

    def _wait_for_room(self) -> None:
        """Wait until the settings allow another document."""
        self.workers.ensure()
        reported = None
        while (reason := self.throttle.waits_for(datetime.now().astimezone())) is not None:
            if reason not in (reported, "the workers"):
                typer.echo(f"chartloom: waiting for {reason}", err=True)
            reported = reason
            time.sleep(POLL_SECONDS)
            self.workers.ensure()

    def wait_until_processed(self) -> None:
        """Wait until every scan of the archive is processed."""
        source = scan_source(self.importer.job.name)
        while self.connection.run(lambda c: count(c, "count_unfinished", source)):
            time.sleep(POLL_SECONDS)
            self.workers.ensure()


def count(connection: Connection, name: str, value: object) -> int:
    """Return the count that a named statement yields."""
    row = connection.execute(SQL[name], [value]).fetchone()
    assert row is not None, "a count has a row"
    return int(row["count"])


def run_migration(
    name: str,
    file: Path,
    mapping: str,
    root: Path | None,
    links: Path | None,
    *,
    batch: str | None,
    as_json: bool,
    home: Path | None,
) -> int:
    """Import an archive and return the exit code of the command."""
    settings = load_settings(home)
    manifest = Manifest.at(file, root, load_mapping(mapping))

    def documents() -> Iterable[ManifestDocument]:
        return (d for d in manifest.documents(settings.archive) if batch in (None, d.batch))

    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(settings))
        connection = stack.enter_context(
            closing(RetryingConnection(installation.connect, installation.settings, report_outage))
        )
        numbers = stack.enter_context(open_crosswalk(links))
        archive = connection.run(lambda c: open_job(c, name, manifest))
        stack.enter_context(exclusive(stack.enter_context(installation.connect()), archive, batch))
        total = sum(1 for _ in documents())
        if batch is None:
            connection.run(lambda c: c.execute(SQL["count_listed"], {"archive": archive.id, "listed": total}))
        throttle = Throttle(
            settings=settings.archive,
            queued=lambda: connection.run(lambda c: count(c, "jobs_in_queue", throttle.max_queued())),
            workers=lambda: connection.run(lambda c: live_workers(c, settings.worker.stalled_worker_seconds)),
        )
        reporter = ProgressReporter(
            total, stack.enter_context(progress("Importing", total)), bar_only=is_interactive()
        )
        run = MigrationRun(
            connection,
            ImportRunner(
                archive, manifest, numbers, installation.blobs(), installation.settings, enqueue_scan
            ),
            throttle,
            TemporaryWorkers(installation.settings, connection, stack),
            reporter.report,
        )
        done = run.import_documents(documents())
        unlisted = 0
        if batch is None:
            unlisted = connection.run(lambda c: import_log.record_unlisted(c, archive, manifest))
            connection.run(lambda c: c.execute(SQL["finish_import"], {"archive": archive.id}))
        run.wait_until_processed()
    result = {
        "migration": name,
        "listed": total,
        **{state: done[state] for state in ("ingested", "before", "missing", "rejected")},
        "unlisted": unlisted,
    }
    emit(result) if as_json else typer.echo(", ".join(f"{key}: {value}" for key, value in result.items()))
    return SOME_NOT_IMPORTED if done["missing"] or done["rejected"] or unlisted else ALL_IMPORTED
