"""What each destination is told is written by the transaction that changes a document, once, and in order."""

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
    made = tmp_path / "export"
    made.mkdir()
    archive.destination("archive", "folder", str(made))
    return made


def rows(folder: Path) -> list[dict[str, str]]:
    """Every index row of the folder, in order."""
    return [next(csv.DictReader(file.open(newline=""))) for file in sorted(folder.glob("*.csv"))]


def test_a_filed_document_is_announced_by_the_transaction_that_files_it(
    archive: Archive, folder: Path
) -> None:
    document = archive.file()
    assert archive.outbox_of("archive", document) == ["new 1 pending"]


def test_a_transaction_that_fails_announces_nothing(archive: Archive, folder: Path) -> None:
    document = archive.file()
    with archive.connection.transaction(force_rollback=True):
        document_actions.withdraw(archive.connection, archive.review_context(document))
    assert archive.outbox_of("archive", document) == ["new 1 pending"]


def test_each_correction_is_told_as_what_it_is(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, type="transfer_summary")
    archive.change(document, pdf=archive.blobs.put(a_pdf(2)))
    archive.change(document, patient=archive.tomasz)
    archive.withdraw(document)
    told = [
        "new 1 pending",
        "edit 1 pending",
        "replace 3 pending",
        "cancel 3 pending",
        "new 4 pending",
        "cancel 4 pending",
    ]
    assert archive.outbox_of("archive", document) == told


def test_a_decision_that_changes_nothing_is_not_told(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document)
    assert archive.outbox_of("archive", document) == ["new 1 pending"]


def test_an_undone_decision_is_told_back(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, type="transfer_summary")
    last = document_actions.last_decision(archive.connection, "mwhite")
    assert last is not None
    with archive.connection.transaction():
        document_actions.undo(archive.connection, last.id, "mwhite")
    assert archive.outbox_of("archive", document) == ["new 1 pending", "edit 1 pending", "edit 1 pending"]


def test_a_document_goes_back_into_review_and_returns_as_a_new_edition(
    archive: Archive, folder: Path
) -> None:
    document = archive.file()
    with archive.connection.transaction():
        document_actions.reopen(archive.connection, archive.review_context(document))
    archive.change(document)
    assert archive.outbox_of("archive", document) == ["new 1 pending", "cancel 1 pending", "new 3 pending"]


def test_merged_and_parted_patients_take_their_documents_along_everywhere(
    archive: Archive, folder: Path
) -> None:
    document = archive.file(archive.tomasz)
    merge(archive.connection, archive.tomasz.id, archive.martha.id, "mwhite")
    assert archive.outbox_of("archive", document) == ["new 1 pending", "cancel 1 pending", "new 2 pending"]
    unmerge(archive.connection, archive.tomasz.id, "mwhite")
    assert archive.outbox_of("archive", document)[3:] == ["cancel 2 pending", "new 3 pending"]


def test_a_destination_has_what_its_filter_lets_through_and_loses_what_no_longer_fits(
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


def test_the_ward_of_the_scan_goes_before_the_department_of_the_type(
    archive: Archive, tmp_path: Path
) -> None:
    archive.destination("surgery", "folder", str(tmp_path), departments=("surgery",))
    document = archive.file(type="operative_report")
    archive.connection.execute("update scan set department = 'billing'")
    archive.connection.execute("update document set revision = revision + 1")
    assert archive.outbox_of("surgery", document) == ["new 1 pending", "cancel 1 pending"]


def test_a_type_that_does_not_exist_is_refused_as_a_filter(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="lettre"):
        archive.destination("letters", "folder", str(tmp_path), types=("lettre",))


def test_a_destination_that_came_later_catches_up_once(archive: Archive, tmp_path: Path) -> None:
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


def test_a_folder_that_is_not_there_is_waited_for_and_never_made(archive: Archive, folder: Path) -> None:
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


def test_what_cannot_be_put_together_is_dead_and_holds_up_its_own_document_alone(
    archive: Archive, folder: Path
) -> None:
    lost = archive.file()
    archive.change(lost, pdf="f" * 64)
    archive.change(lost, type="letter")
    other = archive.file()
    assert archive.deliver() == 2
    assert archive.outbox_of("archive", lost) == ["new 1 delivered", "replace 2 failed", "edit 2 pending"]
    assert archive.outbox_of("archive", other) == ["new 1 delivered"]
    dead = outbox.deliveries(archive.connection, state="failed")[0]
    assert dead.problem == "build_failed"
    assert outbox.delivery(archive.connection, dead.id).held_up == [dead.id + 1]


def test_a_dead_delivery_is_replayed_or_dropped_with_a_reason(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, pdf="f" * 64)
    archive.deliver()
    dead = outbox.deliveries(archive.connection, state="failed")[0].id
    assert outbox.retry(archive.connection, "mwhite", destination="archive") == 1
    archive.deliver()
    assert archive.outbox_of("archive", document)[1] == "replace 2 failed"
    with pytest.raises(InvalidInput):
        outbox.discard(archive.connection, dead, "mwhite", " ")
    outbox.discard(archive.connection, dead, "mwhite", "made anew")
    with pytest.raises(Conflict):
        outbox.discard(archive.connection, dead, "mwhite", "again")
    archive.change(document, pdf=archive.blobs.put(a_pdf(3)))
    assert archive.deliver() == 1
    assert archive.outbox_of("archive", document) == [
        "new 1 delivered",
        "replace 2 discarded",
        "replace 3 delivered",
    ]


def test_an_old_state_that_is_replayed_is_not_the_last_word(archive: Archive, folder: Path) -> None:
    document = archive.file()
    archive.change(document, type="letter")
    archive.deliver()
    first = outbox.deliveries(archive.connection)[-1].id
    assert outbox.retry(archive.connection, "mwhite", ids=[first]) == 2
    for file in folder.iterdir():
        file.unlink()
    assert archive.deliver() == 2
    assert [row["type"] for row in rows(folder)] == ["discharge_summary", "letter"]


def test_one_process_alone_serves_a_destination(archive: Archive, folder: Path) -> None:
    archive.file()
    held = "select pg_try_advisory_lock(hashtext('chartloom deliveries'), hashtext('archive'))"
    archive.connection.execute(held)
    assert archive.deliver() == 0
    archive.connection.execute(held.replace("pg_try_advisory_lock", "pg_advisory_unlock"))
    assert archive.deliver() == 1


def test_doubted_documents_are_told_to_nobody(archive: Archive, folder: Path) -> None:
    from pipeline.index.filing import commit
    from tests.support.scan_records import BLOB, a_document, a_scan, an_outcome, needs_review

    commit(
        archive.connection,
        an_outcome(a_scan(archive.connection), ["x"], needs_review(a_document([1]), NO_PATIENT_NAMED)),
        [BLOB],
    )
    assert outbox.deliveries(archive.connection) == []
