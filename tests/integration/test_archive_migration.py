"""An old archive is migrated: every fault in it is found, totals balance, and a kill loses nothing."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pikepdf
import pytest

from pipeline.archive import import_log
from pipeline.archive.crosswalk import open_crosswalk
from pipeline.archive.import_runner import ImportRunner
from pipeline.archive.manifest import Manifest
from pipeline.archive.manifest_mapping import load_mapping
from pipeline.archive.migration_jobs import MigrationJob, exclusive, job_named, open_job
from pipeline.archive.migration_plan import plan
from pipeline.archive.migration_report import write_report
from pipeline.archive.page_accounting import Reconciliation
from pipeline.archive.quality_sampling import draw_sample, samples
from pipeline.archive.sign_off import sign_batch
from pipeline.archive.source_files import SourceLocator
from pipeline.archive.verification import Verifier, verify_documents
from pipeline.config import Settings
from pipeline.errors import AlreadyRunning, Conflict, InvalidInput
from pipeline.flow import file_scan
from pipeline.index.document_actions import ReviewContext, file_document
from pipeline.ingest.registration import register
from pipeline.patients.bulk_load import LoadResult, read_csv, store_patients
from pipeline.store.blobs import Blobs, object_key
from pipeline.store.database import Connection
from pipeline.synthetic.legacy_archive import make_archive
from pipeline.synthetic.legacy_files import Archive as Made
from pipeline.synthetic.legacy_files import Kind
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.worker_context import WorkerContext

ONLY_READING_TELLS = {"quarantined", "blank_page", "legacy_patient_conflict", "other_patient", "not_joinable"}
"""What `plan` calls otherwise, or cannot know."""


class Killed(BaseException):
    """Simulates kill -9: nothing catches it."""


class Move:
    """The migration of an archive, with the program's own parts, in one process."""

    def __init__(
        self, made: Made, connection: Connection, blobs: Blobs, settings: Settings, **trust: str
    ) -> None:
        self.made, self.connection, self.blobs = made, connection, blobs
        once = settings.ocr.model_copy(update={"second_engine": "never"})
        self.settings = settings.model_copy(
            update={"archive": settings.archive.model_copy(update=trust), "ocr": once}
        )
        self.manifest = Manifest.at(made.manifest, None, load_mapping(made.kind))
        self.links = made.folder / "links.csv" if made.kind == "old-index" else None
        store_patients(
            connection, read_csv(made.folder / "patients.csv", LoadResult(), needed=("family",)), LoadResult()
        )

    def feed(self, *, killed_at: int | None = None) -> MigrationJob:
        """Import what is left; with `killed_at`, die after that many transactions have begun."""
        begun = 0

        def enqueue(connection: Connection, scan: int, priority: int) -> None:
            nonlocal begun
            begun += 1
            enqueue_scan(connection, scan, priority)
            if killed_at is not None and begun > killed_at:
                raise Killed

        archive = open_job(self.connection, "move", self.manifest)
        with open_crosswalk(self.links) as numbers:
            importer = ImportRunner(archive, self.manifest, numbers, self.blobs, self.settings, enqueue)
            documents = list(self.manifest.documents(self.settings.archive))
            self.connection.execute(
                "update migration_job set listed = %s where id = %s", [len(documents), archive.id]
            )
            for listed, wanted in importer.pending(
                documents, lambda keys: import_log.ingested_keys(self.connection, archive, keys)
            ):
                if wanted:
                    importer.ingest(self.connection, listed)
        import_log.record_unlisted(self.connection, archive, self.manifest)
        self.connection.execute(
            "update migration_job set import_finished_at = now() where id = %s", [archive.id]
        )
        return job_named(self.connection, "move")

    def read(self) -> None:
        """Do what the workers do."""
        context = WorkerContext(self.settings)
        waiting = self.connection.execute(
            "select id from scan where status = 'received' order by id"
        ).fetchall()
        for row in waiting:
            with context.stages_for(row["id"], lambda: None) as stages:
                assert stages is not None
                file_scan(stages.scan, stages)
        context.close()

    def verify(self, archive: MigrationJob) -> dict[str, tuple[str, str]]:
        """Verify, and return the result of each row."""
        verifier = Verifier(SourceLocator(self.manifest), self.connection, self.blobs, self.settings)
        found = verify_documents(verifier, archive.id, self.manifest.documents(self.settings.archive))
        results: dict[str, tuple[str, str]] = {
            listed.key: (check.result, check.detail) for listed, check in found
        }
        self.connection.execute(import_log.SQL["check_unlisted"], [archive.id])
        return results

    def report(
        self, archive: MigrationJob, out: Path
    ) -> tuple[Reconciliation, set[tuple[str, str]], list[dict[str, str]]]:
        """The account, the exceptions as (code, row), and the rows of what may be destroyed."""
        account = write_report(self.connection, archive, out)
        named = {(row["code"], row["row"]) for row in table(out / "exceptions.csv")}
        return account, named, table(out / "may-be-destroyed.csv")


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def moving(connection: Connection, blobs: Blobs, settings: Settings, tmp_path: Path) -> Callable[..., Move]:
    """Makes an archive of a kind and the way in for it."""

    def move(kind: Kind, documents: int, *, faults: int = 1, **trust: str) -> Move:
        made = make_archive(tmp_path / kind, kind, documents, faults=faults)
        return Move(made, connection, blobs, settings, **trust)

    return move


@pytest.mark.parametrize("kind", ["csv", "old-index", "tree"])
def test_a_plan_of_every_kind_finds_every_fault_that_can_be_found_without_reading(
    moving: Callable[..., Move], connection: Connection, tmp_path: Path, kind: Kind
) -> None:
    move = moving(kind, 2)
    with open_crosswalk(move.links) as numbers:
        found = plan(
            move.manifest, numbers, move.settings, connection, depth="all", cores=4, out=tmp_path / "plan"
        )
    named = {
        (row["code"], row["row"] or f"file {row['path']}")
        for row in table(tmp_path / "plan" / "problems.csv")
    }
    planted = {(p.code, p.row) for p in move.made.planted}
    assert {fault for fault in planted if fault[0] not in ONLY_READING_TELLS} - named == set()
    unreadable = {row for code, row in named if code == "unreadable"}
    assert len(unreadable) == sum(p.code in ("quarantined", "not_joinable") for p in move.made.planted)
    assert (found.documents, found.pages_by) == (move.made.documents, "opened")
    assert connection.execute("select count(*) as n from scan").fetchone() == {"n": 0}


@pytest.mark.parametrize("kind", ["csv", "old-index", "tree"])
def test_a_killed_migration_imports_each_document_once_and_reports_every_fault(
    moving: Callable[..., Move], connection: Connection, tmp_path: Path, kind: Kind
) -> None:
    move = moving(kind, 1)
    for killed_at in (0, 2):
        with pytest.raises(Killed):
            move.feed(killed_at=killed_at)
    move.feed()
    move.read()
    second_run = move.feed()
    assert second_run.listed == move.made.documents
    found = move.verify(second_run)
    account, named, destroyable = move.report(second_run, tmp_path / "report")
    assert {(p.code, p.row) for p in move.made.planted} - named == set()
    assert account.differences == ()
    assert account.pages["in"] == move.made.pages
    assert account.pages["blank"] == 1
    assert [key for key, (result, _) in found.items() if result == "failed"] == []
    assert destroyable == []


def lose(blobs: Blobs, sha256: str) -> None:
    """Remove an object from the store, like a failing disk."""
    blobs._client.remove_object(blobs._bucket, object_key(sha256))


def file_item(connection: Connection, document: int, patient: int | None = None) -> None:
    """File a document of the review queue unchanged, or to another patient."""
    row = connection.execute(
        "update review_item i set claimed_by = 'ruth', claimed_until = now() + interval '1 hour'"
        " from document d"
        " where d.id = i.document_id and i.document_id = %s and i.closed_at is null"
        " returning i.id, d.revision, d.patient_id, d.type",
        [document],
    ).fetchone()
    assert row is not None
    context = ReviewContext(document=document, revision=row["revision"], actor="ruth", item=row["id"])
    with connection.transaction():
        file_document(connection, context, patient=patient or row["patient_id"], type=row["type"], fields={})


def test_only_verified_and_signed_files_without_open_reviews_may_be_destroyed(
    moving: Callable[..., Move], connection: Connection, blobs: Blobs, tmp_path: Path
) -> None:
    move = moving("csv", 3, faults=0)
    archive = move.feed()
    assert {result for result, _ in move.verify(archive).values()} == {"failed"}, "nothing has been read"
    move.read()
    assert set(move.verify(archive).values()) == {("verified", "")}

    drawn = draw_sample(connection, archive, None, confidence=0.95, limit=0.01, seed=7, actor="ruth")
    assert (drawn.size, drawn.population, drawn.passed) == (3, 3, None)
    filed = connection.execute(
        "select id, patient_id from document where status = 'filed' order by id"
    ).fetchall()
    with pytest.raises(InvalidInput, match="may not sign"):
        sign_batch(connection, archive, "box000", actor="ruth", terminal="here")
    connection.execute("insert into account (name, role) values ('ruth', 'supervisor')")
    sign_batch(connection, archive, "box000", actor="ruth", terminal="here")
    _, _, destroyable = move.report(archive, tmp_path / "before")
    assert destroyable == [], "all wait for review"

    file_item(connection, filed[0]["id"])
    file_item(connection, filed[1]["id"], patient=filed[0]["patient_id"])
    (measured,) = samples(connection, archive)
    assert (measured.checked, measured.errors, measured.found[0]["wrong"]) == (2, 1, ["patient"])
    file_item(connection, filed[2]["id"])
    (measured,) = samples(connection, archive)
    assert (measured.passed, measured.interval[0] > 0) == (False, True)

    account, _, destroyable = move.report(archive, tmp_path / "after")
    assert {row["path"] for row in destroyable} == {
        path for d in move.manifest.documents(move.settings.archive) for path in d.files
    }
    assert {row["signed_by"] for row in destroyable} == {"ruth"}
    assert account.differences == ()
    with pikepdf.open(tmp_path / "after" / "report.pdf") as pdf:
        assert "Migration move" in str(pdf.docinfo["/Title"])
    audited = connection.execute(
        "select account, detail ->> 'batch' as batch from audit where action = 'sign_archive_batch'"
    )
    assert audited.fetchall() == [{"account": "ruth", "batch": "box000"}]

    row = connection.execute("select sha256 from scan order by id limit 1").fetchone()
    assert row is not None
    lose(blobs, row["sha256"])
    assert sorted(result for result, _ in move.verify(archive).values()) == ["failed", "verified", "verified"]
    with pytest.raises(Conflict, match="1 have failed"):
        sign_batch(connection, archive, "box000", actor="ruth", terminal="here")
    assert move.report(archive, tmp_path / "lost")[2] == []


def test_a_file_that_reappears_is_ingested_by_the_next_run_and_its_batch_must_be_signed_again(
    moving: Callable[..., Move], connection: Connection, tmp_path: Path
) -> None:
    move = moving("csv", 2, faults=0)
    file = move.manifest.root / next(iter(move.manifest.documents(move.settings.archive))).files[0]
    content = file.read_bytes()
    file.unlink()
    archive = move.feed()
    account, named, _ = move.report(archive, tmp_path / "one")
    assert (account.rows["missing"], ("missing_file", "2") in named) == (1, True)
    file.write_bytes(content)
    account, named, _ = move.report(move.feed(), tmp_path / "two")
    assert (account.rows["missing"], account.rows["waiting"]) == (0, 2)


def test_a_scan_that_a_clerk_submitted_before_is_reported_as_a_duplicate(
    moving: Callable[..., Move], connection: Connection, blobs: Blobs, tmp_path: Path
) -> None:
    move = moving("csv", 1, faults=0)
    (listed,) = move.manifest.documents(move.settings.archive)
    register(move.manifest.root / listed.files[0], connection, blobs, move.settings, enqueue=enqueue_scan)
    account, named, _ = move.report(move.feed(), tmp_path / "report")
    assert (account.rows["duplicate"], named) == (1, {("duplicate", "2")})


def test_two_runs_of_one_archive_exclude_each_other_but_two_batches_do_not(
    moving: Callable[..., Move], connection: Connection, settings: Settings
) -> None:
    archive = open_job(connection, "move", moving("csv", 1).manifest)
    with ExitStack() as stack:
        context = WorkerContext(settings)
        other = context.connection()
        stack.callback(context.close)
        stack.enter_context(exclusive(connection, archive, "box000"))
        stack.enter_context(exclusive(other, archive, "box001"))
        for batch in ("box000", None):
            with pytest.raises(AlreadyRunning), exclusive(other, archive, batch):
                pass


def test_a_manifest_that_has_changed_since_the_first_run_is_another_migration(
    moving: Callable[..., Move], connection: Connection
) -> None:
    move = moving("csv", 1)
    archive = open_job(connection, "move", move.manifest)
    with move.made.manifest.open("a", encoding="utf-8") as stream:
        stream.write("new.pdf,1,1,box,1,,\n")
    with pytest.raises(InvalidInput, match="new name"):
        archive.open_manifest()
    with pytest.raises(InvalidInput, match="new name"):
        open_job(connection, "move", move.manifest)
