"""`migrate run`: hands the documents of a manifest to intake, one by one, each with its row in the same
transaction.

So a document is taken exactly once, whatever is killed whenever: a row that says `taken` has its scan, and a
document without such a row is tried again by the next run. Files that are not there or cannot be taken have
rows too, and are tried again as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from psycopg.types.json import Jsonb

from pipeline.archive import import_log
from pipeline.archive.crosswalk import Crosswalk
from pipeline.archive.field_mapping import Meaning, given_by, meaning_of
from pipeline.archive.import_log import Row
from pipeline.archive.manifest import Listed, Manifest, Problem
from pipeline.archive.migration_jobs import Archive, source_of
from pipeline.archive.source_files import Finder, Source, assembled
from pipeline.config import Settings
from pipeline.errors import InvalidInput
from pipeline.ingest.intake_source import Origin, printable
from pipeline.ingest.registration import Enqueue, Registration, FileStillChanging, register
from pipeline.matching.legacy_index_evidence import PATIENT_CONFLICT
from pipeline.patients.candidates import mrn_holders
from pipeline.records import LegacyMetadata, Priority, Reason
from pipeline.store.blobs import Blobs, sha256_of
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json
from pipeline.store.scratch import NO_ROOM, DiskFull, Scratch
from pipeline.store.sql import statements
from pipeline.store.schema_migrations import extend_page_text

SQL = statements("pipeline.archive")


@dataclass
class Feeder:
    """Hands documents in. `enqueue` puts a scan's job into the queue in its transaction."""

    archive: Archive
    manifest: Manifest
    numbers: Crosswalk
    blobs: Blobs
    settings: Settings
    enqueue: Enqueue
    _batches: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._finder = Finder(self.manifest)
        self._scratch = Scratch(self.settings.intake_scratch)

    def left(
        self, documents: Iterable[Listed], known: Callable[[list[str]], set[str]]
    ) -> Iterator[tuple[Listed, bool]]:
        """Each document, and whether it is still to be taken. `known`: the keys of those given that have been
        taken.
        """
        remaining = iter(documents)
        while chunk := list(islice(remaining, import_log.CHUNK)):
            taken = known([listed.key for listed in chunk])
            yield from ((listed, listed.key not in taken) for listed in chunk)

    def take(self, connection: Connection, listed: Listed) -> str:
        """Take a document in; its state: taken, missing or refused. Raises ServiceUnavailable, and then nothing is
        noted.
        """
        meaning = meaning_of(listed, self.manifest.mapping, self.numbers)
        sources = self._finder.sources(listed)
        files = [source.file for source in sources if source.file is not None]
        row = Row(
            listed=listed,
            state="ingested" if files else "missing",
            sources=sources,
            problems=(*meaning.problems, *self._problems(connection, listed, meaning, sources)),
        )
        if not files:
            self._note(connection, row)
            return row.state
        try:
            self._register(connection, files, row, meaning)
        except import_log.TakenMeanwhile:
            return "ingested"
        except (InvalidInput, OSError, FileStillChanging) as error:
            if isinstance(error, OSError) and error.errno in NO_ROOM:  # ours, not the file's
                raise DiskFull from None
            self._note(connection, replace(row, state="rejected", problems=(*row.problems, refusal_of(error))))
            return "rejected"
        return row.state

    def _register(self, connection: Connection, files: list[Path], row: Row, meaning: Meaning) -> None:
        batch = self._batch(connection, row.listed.batch)
        origin = Origin(
            source=source_of(self.archive.name),
            priority=Priority.BACKFILL,
            legacy_metadata=self._given(row.listed, meaning, row.sources),
        )
        with assembled(files, self._scratch) as file:
            kept = replace(row, hashes=self._keep(files))

            def also(connection: Connection, taken: Registration) -> None:
                problems = (*row.problems, *self._afterwards(connection, row.listed, meaning, taken))
                done = replace(kept, problems=problems, scan=taken.scan, duplicate=taken.duplicate)
                import_log.note(connection, self.archive, batch, done)

            register(
                file, connection, self.blobs, self.settings,
                enqueue=self.enqueue, origin=origin, name=name_of(row.listed), also=also,
            )  # fmt: skip

    def _note(self, connection: Connection, row: Row) -> None:
        import_log.note(connection, self.archive, self._batch(connection, row.listed.batch), row)

    def _batch(self, connection: Connection, name: str) -> int:
        """The batch's number; asked for outside of any transaction, so that what is remembered is committed.
        With each new one it is seen whether the text of pages needs room: a run may last for weeks."""
        if name not in self._batches:
            self._batches[name] = import_log.batch_of(connection, self.archive, name)
            extend_page_text(connection)
        return self._batches[name]

    def _problems(
        self, connection: Connection, listed: Listed, meaning: Meaning, sources: tuple[Source, ...]
    ) -> Iterator[Problem]:
        """What the files and the database know against a document."""
        for source in sources:
            if source.file is None:
                yield Problem(code="missing_file", detail=source.path)
        if meaning.mrn and not mrn_holders(connection, meaning.mrn):
            yield Problem(code="unknown_patient", detail=f"the patient index does not know {meaning.mrn}")
        yield from import_log.listed_before(connection, self.archive, listed, sources)

    def _given(self, listed: Listed, meaning: Meaning, sources: tuple[Source, ...]) -> LegacyMetadata:
        given = given_by(listed, meaning, self.manifest.mapping, self.settings.archive)
        missing = sum(source.file is None for source in sources)
        if not missing:
            return given
        detail = f"The old index lists {len(sources)} files, {missing} of them are not there."
        return replace(given, issues=(*given.issues, Reason(code="legacy_files_missing", detail=detail)))

    def _keep(self, files: list[Path]) -> tuple[str, ...]:
        """Store the bytes of files that are joined, each by itself: the original is what was scanned."""
        if len(files) == 1:
            return ()
        hashes = tuple(sha256_of(file) for file in files)
        for file, sha256 in zip(files, hashes, strict=True):
            self.blobs.put_file(file, sha256)
        return hashes

    def _afterwards(
        self, connection: Connection, listed: Listed, meaning: Meaning, taken: Registration
    ) -> Iterator[Problem]:
        """What is known against a document once its file has been opened. The same pages under two patients
        go to a person.
        """
        if taken.pages is not None and listed.pages is not None and taken.pages != listed.pages:
            yield Problem(code="page_count", detail=f"{listed.pages} listed, {taken.pages} there")
        if taken.duplicate and meaning.mrn:
            first = connection.execute(SQL["legacy_metadata_of_scan"], [taken.scan]).fetchone()
            if first and first["mrn"] not in (None, meaning.mrn):
                yield Problem(
                    code="other_patient", detail=f"the same bytes are listed for {first['mrn']} too"
                )
                reasons = Jsonb(reasons_json([PATIENT_CONFLICT]))
                connection.execute(SQL["open_patient_review"], {"scan": taken.scan, "reasons": reasons})


def name_of(listed: Listed) -> str:
    """What the scan is called: its path, or the number of the document whose pages were joined."""
    return printable(listed.files[0]) if len(listed.files) == 1 else f"{listed.document or listed.key}.tif"


def refusal_of(error: InvalidInput | OSError | FileStillChanging) -> Problem:
    """Why a file could not be taken."""
    if isinstance(error, InvalidInput):
        return Problem(code=error.code, detail=str(error))
    if isinstance(error, OSError):
        return Problem(code="unreadable", detail=error.strerror or type(error).__name__)
    return Problem(code="unreadable", detail="it is being written to")
