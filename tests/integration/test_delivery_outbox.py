"""The transaction that changes a document writes the deliveries to each destination, once and in order."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.delivery import outbox
from pipeline.errors import Conflict, InvalidInput
from pipeline.index import document_actions
from pipeline.patients.patient_merge import merge, unmerge
from tests.support.delivery_archive import Archive, a_pdf
from tests.support.scan_records import NO_PATIENT_NAMED


@pytest.fixture
def folder(archive: Archive, tmp_path: Path) -> Path:
    created = tmp_path / "export"
    created.mkdir()
    archive.destination("archive", "folder", str(created))
    return created


def rows(folder: Path) -> list[dict[str, str]]:
    """Return every index row of the folder, in order."""
    return [next(csv.DictReader(file.open(newline=""))) for file in sorted(folder.glob("*.csv"))]


def test_the_transaction_that_files_a_document_enqueues_its_delivery(archive: Archive, folder: Path) -> None:
    document = archive.file()
    assert archive.outbox_of("archive", document) == ["new 1 pending"]


def test_a_transaction_that_fails_enqueues_nothing(archive: Archive, folder: Path) -> None:
    document = archive.file()
    with archive.connection.transaction(force_rollback=True):
        document_actions.withdraw(archive.connection, archive.review_context(document))
    assert archive.outbox_of("archive", document) == ["new 1 pending"]


def test_each_correction_is_delivered_as_its_kind_of_change(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, type="transfer_summary")
    archive.change(document, pdf=archive.blobs.put(a_pdf(2)))
    archive.change(document, patient=archive.tomasz)
    archive.withdraw(document)
    expected = [
        "new 1 pending",
        "edit 1 pending",
        "replace 3 pending",
        "cancel 3 pending",
        "new 4 pending",
        "cancel 4 pending",
    ]
    assert archive.outbox_of("archive", document) == expected


def test_a_decision_that_changes_nothing_is_not_delivered(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document)
    assert archive.outbox_of("archive", document) == ["new 1 pending"]


def test_an_undone_decision_is_delivered_again(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, type="transfer_summary")
    last = document_actions.last_decision(archive.connection, "mwhite")
    assert last is not None
    with archive.connection.transaction():
        document_actions.undo(archive.connection, last.id, "mwhite")
    assert archive.outbox_of("archive", document) == ["new 1 pending", "edit 1 pending", "edit 1 pending"]


def test_a_document_that_is_reopened_and_filed_again_is_a_new_edition(archive: Archive, folder: Path) -> None:
    document = archive.file()
    with archive.connection.transaction():
        document_actions.reopen(archive.connection, archive.review_context(document))
    archive.change(document)
    assert archive.outbox_of("archive", document) == ["new 1 pending", "cancel 1 pending", "new 3 pending"]


def test_merging_and_unmerging_patients_moves_their_documents_at_every_destination(
    archive: Archive, folder: Path
) -> None:
    document = archive.file(archive.tomasz)
    merge(archive.connection, archive.tomasz.id, archive.martha.id, "mwhite")
    assert archive.outbox_of("archive", document) == ["new 1 pending", "cancel 1 pending", "new 2 pending"]
    unmerge(archive.connection, archive.tomasz.id, "mwhite")
    assert archive.outbox_of("archive", document)[3:] == ["cancel 2 pending", "new 3 pending"]


def test_a_destination_gets_what_matches_its_filter_and_loses_what_no_longer_does(
    archive: Archive, tmp_path: Path
) -> None:
    archive.destination("letters", "folder", str(tmp_path), types=("letter",))
    archive.destination("surgery", "folder", str(tmp_path), departments=("surgery",))
    document = archive.file()
    assert archive.outbox_of("letters", document) == archive.outbox_of("surgery", document) == []
    archive.change(document, type="letter")
    archive.change(document, type="operative_report")
    assert archive.outbox_of("letters", document) == ["new 2 pending", "cancel 2 pending"]
    assert archive.outbox_of("surgery", document) == ["new 3 pending"]


def test_the_department_of_the_scan_overrides_that_of_the_type(archive: Archive, tmp_path: Path) -> None:
    archive.destination("surgery", "folder", str(tmp_path), departments=("surgery",))
    document = archive.file(type="operative_report")
    archive.connection.execute("update scan set department = 'billing'")
    archive.connection.execute("update document set revision = revision + 1")
    assert archive.outbox_of("surgery", document) == ["new 1 pending", "cancel 1 pending"]


def test_an_unknown_type_is_rejected_as_a_filter(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="lettre"):
        archive.destination("letters", "folder", str(tmp_path), types=("lettre",))


def test_a_destination_that_was_added_later_is_backfilled_once(archive: Archive, tmp_path: Path) -> None:
    filed, withdrawn = archive.file(), archive.file()
    archive.withdraw(withdrawn)
    archive.destination("late", "folder", str(tmp_path))
    assert archive.outbox_of("late", filed) == []
    assert outbox.backfill(archive.connection, "late") == outbox.backfill(archive.connection, "late") == 1
    assert (archive.outbox_of("late", filed), archive.outbox_of("late", withdrawn)) == (["new 1 pending"], [])


def test_the_folder_shows_a_document_that_moved_to_another_patient(archive: Archive, folder: Path) -> None:
    document = archive.file(pages=2)
    archive.change(document, patient=archive.tomasz)
    assert archive.deliver() == 3
    assert [(row["change"], row["edition"], row["mrn"]) for row in rows(folder)] == [
        ("new", "1", "20012345"),
        ("cancel", "1", "20012345"),
        ("new", "2", "20055501"),
    ]
    first, cancelled, moved = rows(folder)
    assert (
        (folder / first["file"]).read_bytes()
        == (folder / moved["file"]).read_bytes()
        == a_pdf(2, "document 1")
    )
    assert (cancelled["file"], first["loinc"], first["pages"], first["author"]) == (
        "",
        "18842-5",
        "2",
        "Ruth Delacroix",
    )


def test_deliveries_wait_for_a_missing_folder_and_do_not_create_it(archive: Archive, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    document = archive.file()
    service = archive.service()
    from threading import Timer

    Timer(0.3, folder.with_name("elsewhere").rename, [folder]).start()
    assert service.run(once=True) == 1
    assert archive.outbox_of("archive", document) == ["new 1 delivered"]
    row = outbox.deliveries(archive.connection)[0]
    assert row.attempts > 1
    assert outbox.destinations(archive.connection)[0].failing_since is None


def test_a_delivery_that_cannot_be_built_fails_and_blocks_only_its_own_document(
    archive: Archive, folder: Path
) -> None:
    damaged = archive.file()
    archive.change(damaged, pdf="f" * 64)
    archive.change(damaged, type="letter")
    other = archive.file()
    assert archive.deliver() == 2
    assert archive.outbox_of("archive", damaged) == ["new 1 delivered", "replace 2 failed", "edit 2 pending"]
    assert archive.outbox_of("archive", other) == ["new 1 delivered"]
    failed = outbox.deliveries(archive.connection, state="failed")[0]
    assert failed.problem == "build_failed"
    assert outbox.delivery(archive.connection, failed.id).held_up == [failed.id + 1]


def test_a_failed_delivery_is_retried_or_discarded_with_a_reason(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, pdf="f" * 64)
    archive.deliver()
    failed = outbox.deliveries(archive.connection, state="failed")[0].id
    assert outbox.retry(archive.connection, "mwhite", destination="archive") == 1
    archive.deliver()
    assert archive.outbox_of("archive", document)[1] == "replace 2 failed"
    with pytest.raises(InvalidInput):
        outbox.discard(archive.connection, failed, "mwhite", " ")
    outbox.discard(archive.connection, failed, "mwhite", "created again")
    with pytest.raises(Conflict):
        outbox.discard(archive.connection, failed, "mwhite", "again")
    archive.change(document, pdf=archive.blobs.put(a_pdf(3)))
    assert archive.deliver() == 1
    assert archive.outbox_of("archive", document) == [
        "new 1 delivered",
        "replace 2 discarded",
        "replace 3 delivered",
    ]


def test_a_retried_old_delivery_is_followed_by_the_present_state(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, type="letter")
    archive.deliver()
    first = outbox.deliveries(archive.connection)[-1].id
    assert outbox.retry(archive.connection, "mwhite", ids=[first]) == 2
    for file in folder.iterdir():
        file.unlink()
    assert archive.deliver() == 2
    assert [row["type"] for row in rows(folder)] == ["discharge_summary", "letter"]


def test_only_one_process_serves_a_destination(archive: Archive, folder: Path) -> None:
    archive.file()
    lock = "select pg_try_advisory_lock(hashtext('chartloom deliveries'), hashtext('archive'))"
    archive.connection.execute(lock)
    assert archive.deliver() == 0
    archive.connection.execute(lock.replace("pg_try_advisory_lock", "pg_advisory_unlock"))
    assert archive.deliver() == 1


def test_documents_in_review_are_not_delivered(archive: Archive, folder: Path) -> None:
    from pipeline.index.filing import commit
    from tests.support.scan_records import BLOB, a_document, a_scan, an_outcome, needs_review

    commit(
        archive.connection,
        an_outcome(a_scan(archive.connection), ["x"], needs_review(a_document([1]), NO_PATIENT_NAMED)),
        [BLOB],
    )
    assert outbox.deliveries(archive.connection) == []
