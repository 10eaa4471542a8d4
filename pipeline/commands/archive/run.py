"""What `migrate run` does: hand the documents in as fast as the settings allow, with workers, and wait until
all are read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from pipeline.archive import import_log
from pipeline.archive.crosswalk import crosswalk
from pipeline.archive.import_runner import SQL, Feeder
from pipeline.archive.manifest import Listed, Manifest
from pipeline.archive.manifest_mapping import load_mapping
from pipeline.archive.migration_jobs import alone, begin, source_of
from pipeline.archive.throttle import Throttle
from pipeline.commands.common import emit, progress, watched
from pipeline.commands.ingest_run import Crew, Line
from pipeline.config import load_settings
from pipeline.runtime.installation import open_installation
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.status import live_workers

LOOK_SECONDS = 0.2  # how often it is seen whether the queue has room
TELL_SECONDS = 60.0  # how often a line tells how far it is, where no person watches
ALL_TAKEN, SOME_LEFT = 0, 2


@dataclass
class Run:
    """One run: what it did so far. `tell` is called after each document."""

    line: Line
    feeder: Feeder
    throttle: Throttle
    crew: Crew
    tell: Callable[[Counter[str]], None]

    def feed(self, documents: Any) -> Counter[str]:
        """Hand in what is left; documents by what became of them, those taken by earlier runs as `before`."""
        done: Counter[str] = Counter()
        for listed, wanted in self.feeder.left(documents, self._taken):
            done[self._take(listed) if wanted else "before"] += 1
            self.tell(done)
        return done

    def _taken(self, keys: list[str]) -> set[str]:
        """Those of these keys that are taken already."""
        return self.line.ask(lambda c: import_log.taken_keys(c, self.feeder.archive, keys))

    def _take(self, listed: Listed) -> str:
        self.wait()
        return self.line.ask(lambda c: self.feeder.take(c, listed))

    def wait(self) -> None:
        """Until the settings allow another document."""
        self.crew.muster()
        said = None
        while (why := self.throttle.wants(datetime.now().astimezone())) is not None:
            if why != said and why != "the workers":
                typer.echo(f"chartloom: waiting for {why}", err=True)
            said = why
            time.sleep(LOOK_SECONDS)
            self.crew.muster()

    def settle(self) -> None:
        """Until every scan of the archive is read."""
        source = source_of(self.feeder.archive.name)
        while self.line.ask(lambda c: count(c, "count_unfinished", source)):
            time.sleep(LOOK_SECONDS)
            self.crew.muster()


def count(connection: Any, name: str, value: object) -> int:
    """The number that a statement gives."""
    row = connection.execute(SQL[name], [value]).fetchone()
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
    """The command; its exit status."""
    settings = load_settings(home)
    manifest = Manifest.at(file, root, load_mapping(mapping))
    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(settings))
        line = stack.enter_context(closing(Line(installation)))
        numbers = stack.enter_context(crosswalk(links))
        archive = line.ask(lambda c: begin(c, name, manifest))
        stack.enter_context(alone(stack.enter_context(installation.connect()), archive, batch))
        total = sum(1 for listed in manifest.documents(settings.archive) if batch in (None, listed.batch))
        if batch is None:
            line.ask(lambda c: c.execute(SQL["count_listed"], {"archive": archive.id, "listed": total}))
        feeder = Feeder(archive, manifest, numbers, installation.blobs(), installation.settings, enqueue_scan)
        throttle = Throttle(
            settings=settings.archive,
            queued=lambda: line.ask(lambda c: count(c, "jobs_in_queue", throttle.most())),
            workers=lambda: line.ask(lambda c: live_workers(c, settings.worker.stalled_worker_seconds)),
        )
        teller = Teller(total, stack.enter_context(progress("Handing in", total)), quiet=watched())
        run = Run(line, feeder, throttle, Crew(installation.settings, line, stack), teller.tell)
        documents = (
            listed for listed in manifest.documents(settings.archive) if batch in (None, listed.batch)
        )
        done = run.feed(documents)
        unlisted = 0
        if batch is None:
            unlisted = line.ask(lambda c: import_log.note_unlisted(c, archive, manifest))
            line.ask(lambda c: c.execute(SQL["finish_import"], {"archive": archive.id}))
        run.settle()
    told = {
        "migration": name,
        "listed": total,
        **{k: done[k] for k in ("ingested", "before", "missing", "rejected")},
    }
    told["unlisted"] = unlisted
    emit(told) if as_json else typer.echo(", ".join(f"{key}: {value}" for key, value in told.items()))
    return SOME_LEFT if done["missing"] or done["rejected"] or unlisted else ALL_TAKEN


class Teller:
    """How far it is and when it will be done: a bar for a person, a line now and then for a log."""

    def __init__(self, total: int, advance: Callable[[float], None], *, quiet: bool) -> None:
        self._total = total
        self._advance = advance
        self._quiet = quiet
        self._begun = self._told = time.monotonic()

    def tell(self, done: Counter[str]) -> None:
        """Called after each document."""
        self._advance(1)
        now = time.monotonic()
        if self._quiet or now - self._told < TELL_SECONDS:
            return
        self._told = now
        handled, new = sum(done.values()), sum(done.values()) - done["before"]
        pace = new / (now - self._begun)
        left = f", {(self._total - handled) / pace / 3600:.1f} h left at this pace" if pace else ""
        typer.echo(
            f"chartloom: {handled:,} of {self._total:,} documents, {pace:.1f} a second{left}", err=True
        )
