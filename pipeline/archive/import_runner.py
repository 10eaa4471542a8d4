"""`archive run`: ingest the documents of a manifest one by one, each with its row in the same transaction.

Each document is therefore ingested exactly once, even if the run is killed at any moment: a row with the
state `ingested` has its scan, and the next run tries a document without such a row again. Files that are
missing or rejected have rows too, and are also tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from psycopg.types.json import Jsonb

from pipeline.archive import import_log
from pipeline.archive.crosswalk import Crosswalk
from pipeline.archive.field_mapping import MappedFields, legacy_metadata_for, map_fields
from pipeline.archive.import_log import ImportRow
from pipeline.archive.manifest import Manifest, ManifestDocument, Problem
from pipeline.archive.migration_jobs import MigrationJob, scan_source
from pipeline.archive.source_files import Source, SourceLocator, assembled
from pipeline.config import Settings
from pipeline.errors import InvalidInput
from pipeline.ingest.intake_source import Origin, printable
from pipeline.ingest.registration import Enqueue, FileStillChanging, Registration, register
from pipeline.matching.legacy_index_evidence import PATIENT_CONFLICT
from pipeline.patients.candidates import mrn_holders
from pipeline.records import LegacyMetadata, Priority, Reason
from pipeline.store.blobs import Blobs, sha256_of
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json
from pipeline.store.schema_migrations import extend_page_text
from pipeline.store.scratch import DISK_FULL, DiskFull, Scratch
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")


@dataclass
class ImportRunner:
    """Ingests documents. `enqueue` puts the job of a scan into the queue, in the scan's transaction."""

    job: MigrationJob
    manifest: Manifest
    crosswalk: Crosswalk
    blobs: Blobs
    settings: Settings
    enqueue: Enqueue
    _batches: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._locator = SourceLocator(self.manifest)
        self._scratch = Scratch(self.settings.intake_scratch)

    def pending(
        self,
        documents: Iterable[ManifestDocument],
        ingested_keys: Callable[[list[str]], set[str]],
    ) -> Iterator[tuple[ManifestDocument, bool]]:
        """Yield each document, and whether it is still to be ingested.

        Args:
            documents: The documents of the manifest.
            ingested_keys: Returns those of some keys whose documents have been ingested.
        """
        remaining = iter(documents)
        while chunk := list(islice(remaining, import_log.CHUNK_ROWS)):
            ingested = ingested_keys([document.key for document in chunk])
            yield from ((document, document.key not in ingested) for document in chunk)

    def ingest(self, connection: Connection, document: ManifestDocument) -> str:
        """Ingest a document and return its state: ingested, missing or rejected.

        Raises:
            ServiceUnavailable: Nothing has been recorded.
        """
        fields = map_fields(document, self.manifest.mapping, self.crosswalk)
        sources = self._locator.sources(document)
        files = [source.file for source in sources if source.file is not None]
        row = ImportRow(
            document=document,
            state="ingested" if files else "missing",
            sources=sources,
            problems=(*fields.problems, *self._problems(connection, document, fields, sources)),
        )
        if not files:
            self._record(connection, row)
            return row.state
        try:
            self._register(connection, files, row, fields)
        except import_log.AlreadyImported:
            return "ingested"
        except (InvalidInput, OSError, FileStillChanging) as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:  # not the file's fault
                raise DiskFull from None
            problems = (*row.problems, rejection_problem(error))
            self._record(connection, replace(row, state="rejected", problems=problems))
            return "rejected"
        return row.state

    def _register(
        self, connection: Connection, files: list[Path], row: ImportRow, fields: MappedFields
    ) -> None:
        batch = self._batch(connection, row.document.batch)
        origin = Origin(
            source=scan_source(self.job.name),
            priority=Priority.BACKFILL,
            legacy_metadata=self._legacy_metadata(row.document, fields, row.sources),
        )
        with assembled(files, self._scratch) as file:
            stored_row = replace(row, hashes=self._store_sources(files))

            def record(connection: Connection, scan: Registration) -> None:
                problems = (*row.problems, *self._scan_problems(connection, row.document, fields, scan))
                ingested = replace(stored_row, problems=problems, scan=scan.scan, duplicate=scan.duplicate)
                import_log.record_row(connection, self.job, batch, ingested)

            register(
                file,
                connection,
                self.blobs,
                self.settings,
                enqueue=self.enqueue,
                origin=origin,
                name=scan_name(row.document),
                on_registered=record,
            )

    def _record(self, connection: Connection, row: ImportRow) -> None:
        import_log.record_row(connection, self.job, self._batch(connection, row.document.batch), row)

    def _batch(self, connection: Connection, name: str) -> int:
        """Return the id of a batch.

        It is asked for outside any transaction, so that the remembered id is committed. Each new batch also
        makes room for the text of pages, because a run may last for weeks.
        """
        if name not in self._batches:
            self._batches[name] = import_log.batch_id(connection, self.job, name)
            extend_page_text(connection)
        return self._batches[name]

    def _problems(
        self,
        connection: Connection,
        document: ManifestDocument,
        fields: MappedFields,
        sources: tuple[Source, ...],
    ) -> Iterator[Problem]:
        """Yield the problems that the folder and the database show before any file is opened."""
        for source in sources:
            if source.file is None:
                yield Problem(code="missing_file", detail=source.path)
        if fields.mrn and not mrn_holders(connection, fields.mrn):
            yield Problem(code="unknown_patient", detail=f"the patient index does not have {fields.mrn}")
        yield from import_log.duplicate_listings(connection, self.job, document, sources)

    def _legacy_metadata(
        self, document: ManifestDocument, fields: MappedFields, sources: tuple[Source, ...]
    ) -> LegacyMetadata:
        metadata = legacy_metadata_for(document, fields, self.manifest.mapping, self.settings.archive)
        missing = sum(source.file is None for source in sources)
        if not missing:
            return metadata
        detail = f"The legacy index lists {len(sources)} files, {missing} of them are missing."
        return replace(
            metadata, issues=(*metadata.issues, Reason(code="legacy_files_missing", detail=detail))
        )

    def _store_sources(self, files: list[Path]) -> tuple[str, ...]:
        """Store each of the files that are joined: the originals are what was scanned."""
        if len(files) == 1:
            return ()
        hashes = tuple(sha256_of(file) for file in files)
        for file, sha256 in zip(files, hashes, strict=True):
            self.blobs.put_file(file, sha256)
        return hashes

    def _scan_problems(
        self, connection: Connection, document: ManifestDocument, fields: MappedFields, scan: Registration
    ) -> Iterator[Problem]:
        """Yield the problems that are known once the file has been opened.

        The same pages for two patients go to review.
        """
        if scan.pages is not None and document.pages is not None and scan.pages != document.pages:
            yield Problem(code="page_count", detail=f"{document.pages} listed, {scan.pages} in the file")
        if scan.duplicate and fields.mrn:
            first = connection.execute(SQL["legacy_metadata_of_scan"], [scan.scan]).fetchone()
            if first and first["mrn"] not in (None, fields.mrn):
                yield Problem(
                    code="other_patient", detail=f"the same bytes are also listed for {first['mrn']}"
                )
                reasons = Jsonb(reasons_json([PATIENT_CONFLICT]))
                connection.execute(SQL["open_patient_review"], {"scan": scan.scan, "reasons": reasons})


def scan_name(document: ManifestDocument) -> str:
    """Return the name of the scan: the path of its file, or the document's number if files are joined."""
    if len(document.files) == 1:
        return printable(document.files[0])
    return f"{document.document or document.key}.tif"


def rejection_problem(error: InvalidInput | OSError | FileStillChanging) -> Problem:
    """Return the problem for a file that could not be ingested."""
    if isinstance(error, InvalidInput):
        return Problem(code=error.code, detail=str(error))
    if isinstance(error, OSError):
        return Problem(code="unreadable", detail=error.strerror or type(error).__name__)
    return Problem(code="unreadable", detail="another program is writing to it")
