"""The watched folder: which files are ingested and when, which wait, and what is left in the folder."""

from __future__ import annotations

import os
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from structlog.testing import capture_logs

from pipeline.config import Settings
from pipeline.errors import ServiceUnavailable
from pipeline.ingest.reconciliation import reconcile
from pipeline.ingest.watch import Watcher
from pipeline.store.blobs import Blobs, sha256_of
from pipeline.store.database import Connection, connect


def no_job(*_: object) -> None:
    """Enqueue nothing."""


def page(file: Path, shade: int = 255) -> Path:
    """Write a small scan; another shade gives other bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (60, 80), shade).save(file, format="TIFF")
    return file


@pytest.fixture
def intake(settings: Settings) -> Path:
    settings.intake_folder.mkdir(parents=True)
    return settings.intake_folder


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Files are ingested at the second poll."""
    return settings.model_copy(
        update={
            "intake": settings.intake.model_copy(
                update={"stable_seconds": 0.05, "poll_seconds": 0.05, "incomplete_grace_seconds": 0.6}
            )
        }
    )


@pytest.fixture
def watcher(quick: Settings, dsn: str, blobs: Blobs) -> Watcher:
    return Watcher(quick, lambda: connect(dsn), lambda: blobs, no_job)


def look(watcher: Watcher, times: int = 2) -> None:
    for _ in range(times):
        watcher.poll()
        time.sleep(0.06)
    watcher.poll()


def rows(connection: Connection, query: Any) -> list[dict[str, Any]]:
    return connection.execute(query).fetchall()


def test_a_stable_file_is_stored_and_moved_to_the_same_subfolders_of_done(
    watcher: Watcher, intake: Path, quick: Settings, connection: Connection, blobs: Blobs
) -> None:
    sha256 = sha256_of(page(intake / "STAT" / "box 17" / "a.tif"))
    look(watcher)
    done_file = quick.done_folder / date.today().isoformat() / "STAT" / "box 17" / "a.tif"
    assert sha256_of(done_file) == sha256
    assert blobs.exists(sha256)
    assert rows(
        connection,
        "select priority, batch.name from scan join ingest_event on scan_id = scan.id"
        " join batch on batch.id = batch_id",
    ) == [{"priority": 20, "name": "box 17"}]
    assert rows(connection, "select removed_at is null as here from ingest_event") == [{"here": False}]
    assert rows(connection, "select * from intake_file") == []


def test_a_file_that_comes_again_with_more_pages_is_not_filed_automatically(
    watcher: Watcher, intake: Path, connection: Connection
) -> None:
    first, second, other = (Image.new("L", (60, 80), shade) for shade in (10, 20, 30))
    first.save(intake / "scan.tif")
    look(watcher)
    first.save(intake / "scan.tif", save_all=True, append_images=[second])
    look(watcher)
    notes = [row["notes"] for row in rows(connection, "select notes from scan order by id")]
    assert [[note["code"] for note in each] for each in notes] == [["file_grew"], ["file_grew"]]
    other.save(intake / "scan.tif", save_all=True, append_images=[second, first])
    look(watcher)
    assert rows(connection, "select notes from scan order by id desc limit 1") == [{"notes": []}]


def test_a_file_that_is_never_ingested_is_reported_and_forgotten_when_it_goes(
    quick: Settings, dsn: str, blobs: Blobs, intake: Path, connection: Connection
) -> None:
    names = ("scan.pdf.part", ".pdf", ".hidden/a.tif", "box/.b.tif")
    for name in names:
        page(intake / name)
    (intake / "link.tif").symlink_to(intake / "scan.pdf.part")
    (intake / "Thumbs.db").touch()
    changed = {"report_ignored_after_seconds": 0.0}
    settings = quick.model_copy(update={"intake": quick.intake.model_copy(update=changed)})
    watcher = Watcher(settings, lambda: connect(dsn), lambda: blobs, no_job)
    watcher.poll()
    waiting = {file.path: file.waiting_reason for file in reconcile(connection).waiting}
    assert set(waiting) == {*names, "link.tif"}
    assert "rename" in waiting[".pdf"]
    assert "'.hidden'" in waiting[".hidden/a.tif"]
    (intake / ".pdf").rename(intake / "scan.tif")
    watcher._maintained_at = float("-inf")
    look(watcher)
    assert ".pdf" not in {file.path for file in reconcile(connection).waiting}
    assert reconcile(connection).files["gone"] == 0


def test_a_file_that_is_still_being_written_is_left_alone(watcher: Watcher, intake: Path) -> None:
    file = page(intake / "slow.tif")
    complete = file.read_bytes()
    for cut in range(4):
        file.write_bytes(complete[: len(complete) - 10 + cut])
        watcher.poll()
        assert file.exists()
        time.sleep(0.03)


@pytest.mark.parametrize(
    "name", ["a.tif.part", "a.TMP", "~$a.tif", ".a.tif", "a.tif~", "a.crdownload", "a.filepart", "Thumbs.db"]
)
def test_temporary_lock_and_system_files_are_never_ingested(
    name: str, watcher: Watcher, intake: Path, connection: Connection
) -> None:
    file = page(intake / name)
    look(watcher, 3)
    assert file.exists()
    assert rows(connection, "select * from ingest_event") == []


def test_a_pdf_without_its_end_waits_and_is_ingested_later(
    watcher: Watcher, intake: Path, connection: Connection
) -> None:
    file = intake / "cut.pdf"
    file.write_bytes(b"%PDF-1.7\n1 0 obj << /Type /Catalog >>")
    look(watcher)
    assert file.exists()
    time.sleep(0.6)
    watcher.poll()
    assert not file.exists()
    assert rows(connection, "select status, quarantine_code from scan") == [
        {"status": "quarantined", "quarantine_code": "damaged"}
    ]


@pytest.mark.parametrize(
    "name",
    [
        "two  spaces.tif",
        "émoji 📄.tif",
        "line\nbreak.TIF",
        "x" * 251 + ".tif",
        b"latin-\xe9.tif",
        "-rf.tif",
        "'; drop table scan;--.tif",
    ],
)
def test_files_with_unusual_names_are_ingested(
    name: str | bytes, watcher: Watcher, intake: Path, quick: Settings, connection: Connection
) -> None:
    file = intake / os.fsdecode(name)
    page(file)
    look(watcher)
    assert not file.exists()
    assert (quick.done_folder / date.today().isoformat() / os.fsdecode(name)).exists()
    assert len(rows(connection, "select * from scan where status = 'received'")) == 1


def test_two_files_with_a_name_of_maximum_length_are_both_moved_to_done(
    watcher: Watcher, intake: Path, quick: Settings
) -> None:
    name = "y" * 251 + ".tif"
    for shade in (10, 20):
        page(intake / name, shade)
        look(watcher)
    assert len(list((quick.done_folder / date.today().isoformat()).iterdir())) == 2


def test_symbolic_links_to_files_and_folders_are_not_followed(
    watcher: Watcher, intake: Path, tmp_path: Path, connection: Connection
) -> None:
    outside = page(tmp_path / "outside" / "secret.tif")
    (intake / "file.tif").symlink_to(outside)
    (intake / "folder").symlink_to(outside.parent)
    look(watcher)
    assert outside.exists()
    assert rows(connection, "select * from ingest_event") == []


def test_the_most_urgent_folder_is_ingested_first(
    watcher: Watcher, intake: Path, connection: Connection
) -> None:
    page(intake / "backfill" / "old.tif", 1)
    page(intake / "live.tif", 2)
    page(intake / "stat" / "now.tif", 3)
    look(watcher)
    assert [row["name"] for row in rows(connection, "select name from scan order by id")] == [
        "now.tif",
        "live.tif",
        "old.tif",
    ]


def test_a_zip_is_one_batch_of_its_files(
    watcher: Watcher, intake: Path, tmp_path: Path, connection: Connection
) -> None:
    with zipfile.ZipFile(intake / "box 3.ZIP", "w") as box:
        for shade, name in enumerate(("../../escape.tif", "b/page.tif", "__MACOSX/._page.tif")):
            box.write(page(tmp_path / f"{shade}.tif", shade), name)
    look(watcher)
    found = rows(
        connection,
        "select a.path, b.name as batch from ingest_event a join batch b on b.id = batch_id order by a.id",
    )
    assert found == [
        {"path": "box 3.ZIP/../../escape.tif", "batch": "box 3.ZIP"},
        {"path": "box 3.ZIP/b/page.tif", "batch": "box 3.ZIP"},
    ]
    assert list(intake.iterdir()) == []
    assert not (intake.parent.parent / "escape.tif").exists()


def test_a_zip_bomb_is_quarantined_as_one_file(
    quick: Settings, dsn: str, blobs: Blobs, intake: Path, connection: Connection
) -> None:
    small = quick.model_copy(update={"intake": quick.intake.model_copy(update={"max_bytes": 1_000_000})})
    with zipfile.ZipFile(intake / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros.tif", bytes(50_000_000))
    look(Watcher(small, lambda: connect(dsn), lambda: blobs, no_job))
    assert rows(connection, "select status, quarantine_code from scan") == [
        {"status": "quarantined", "quarantine_code": "too_large"}
    ]


def test_a_file_waits_while_a_service_is_unavailable_and_is_ingested_afterwards(
    quick: Settings, dsn: str, blobs: Blobs, intake: Path
) -> None:
    away = True

    def opened() -> Blobs:
        if away:
            raise ServiceUnavailable("The object store does not answer.")
        return blobs

    file = page(intake / "Jane Doe.tif")
    watcher = Watcher(quick, lambda: connect(dsn), opened, no_job)
    with capture_logs() as logged:
        look(watcher, 5)
        assert file.exists()
        away = False
        look(watcher)
    assert not file.exists()
    events = [line["event"] for line in logged]
    assert events.count("intake paused") == events.count("intake resumed") == 1
    assert "Jane" not in str(logged)


def test_two_watchers_of_one_folder_ingest_every_file_once(
    quick: Settings, dsn: str, blobs: Blobs, intake: Path, connection: Connection
) -> None:
    for number in range(30):
        page(intake / f"{number}.tif", number)
    watchers = [Watcher(quick, lambda: connect(dsn), lambda: blobs, no_job) for _ in range(2)]
    threads = [threading.Thread(target=watcher.run) for watcher in watchers]
    for thread in threads:
        thread.start()
    wait_until(lambda: not list(intake.iterdir()))
    for watcher in watchers:
        watcher.stop()
    for thread in threads:
        thread.join()
    assert rows(
        connection, "select count(*) as n, count(*) filter (where duplicate) as twice from ingest_event"
    ) == [{"n": 30, "twice": 0}]
    assert rows(connection, "select path from intake_file") == []


def test_a_file_that_is_overwritten_after_it_was_stored_is_a_new_scan(
    quick: Settings, dsn: str, blobs: Blobs, intake: Path, connection: Connection
) -> None:
    file = page(intake / "scan.tif", 1)

    def overwrite(*_: object) -> None:
        if rows(connection, "select count(*) as n from scan")[0]["n"] == 0:
            page(file, 2)

    look(Watcher(quick, lambda: connect(dsn), lambda: blobs, overwrite), 4)
    assert rows(connection, "select count(*) as n from scan") == [{"n": 2}]
    assert not file.exists()


def test_a_file_that_disappears_before_it_was_stored_is_counted_as_gone(
    watcher: Watcher, intake: Path, connection: Connection
) -> None:
    file = page(intake / "recalled.tif")
    watcher.poll()
    file.unlink()
    watcher.poll()
    ledger = reconcile(connection)
    assert ledger.balanced
    assert (ledger.files["seen"], ledger.files["gone"]) == (1, 1)


def test_a_file_that_a_program_has_open_for_writing_waits_until_it_is_closed(
    watcher: Watcher, intake: Path, connection: Connection
) -> None:
    file = page(intake / "stalled copy.tif")
    with file.open("ab"):
        look(watcher, 3)
        assert file.exists()
        (waiting,) = reconcile(connection).waiting
        assert (waiting.path, "open for writing" in waiting.waiting_reason) == ("stalled copy.tif", True)
    look(watcher)
    assert not file.exists()
    assert reconcile(connection).waiting == ()


def test_a_stored_file_that_cannot_be_moved_is_stored_once_reported_and_moved_later(
    watcher: Watcher, intake: Path, quick: Settings, connection: Connection
) -> None:
    quick.done_folder.touch()  # a file instead of the folder
    file = page(intake / "a.tif")
    look(watcher, 4)
    assert file.exists()
    ledger = reconcile(connection)
    assert (ledger.files["seen"], ledger.files["in_progress"], ledger.waiting[0].stored) == (1, 1, True)
    quick.done_folder.unlink()
    wait_until(lambda: bool(watcher.poll()) and not file.exists())
    ledger = reconcile(connection)
    assert (ledger.files["seen"], ledger.waiting) == (1, ())


def test_a_restarted_watcher_does_not_count_a_stored_file_that_could_not_be_moved_again(
    quick: Settings, dsn: str, blobs: Blobs, intake: Path, connection: Connection
) -> None:
    quick.done_folder.touch()
    page(intake / "a.tif")
    for _ in range(2):
        look(Watcher(quick, lambda: connect(dsn), lambda: blobs, no_job))
    assert rows(connection, "select count(*) as n from ingest_event") == [{"n": 1}]


def test_the_folder_of_a_batch_is_removed_when_it_is_empty_and_idle_and_no_other_folder_is(
    quick: Settings, dsn: str, blobs: Blobs, intake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.ingest.watch.MAINTENANCE_INTERVAL_SECONDS", 0.0)
    at_once = quick.model_copy(update={"intake": quick.intake.model_copy(update={"batch_idle_seconds": 0.1})})
    watcher = Watcher(at_once, lambda: connect(dsn), lambda: blobs, no_job)
    page(intake / "STAT" / "box 17" / "front" / "a.tif")
    page(intake / "cardiology" / "b.tif", 1)
    (intake / "box 18").mkdir()  # a clerk has created it and gets the paper
    wait_until(lambda: bool(watcher.poll() or True) and not (intake / "STAT" / "box 17").exists())
    assert sorted(str(f.relative_to(intake)) for f in intake.rglob("*")) == ["STAT", "box 18", "cardiology"]


def test_a_tiff_with_missing_strips_waits(watcher: Watcher, intake: Path, tmp_path: Path) -> None:
    complete = page(tmp_path / "whole.tif").read_bytes()  # its directory precedes its only strip
    (intake / "cut.tif").write_bytes(complete[:-100])
    look(watcher)
    assert (intake / "cut.tif").exists()


def test_day_folders_of_done_are_removed_after_their_time_and_nothing_else_is(
    watcher: Watcher, intake: Path, quick: Settings
) -> None:
    for folder in ("2020-01-31", date.today().isoformat(), "keep me"):
        page(quick.done_folder / folder / "a.tif")
    look(watcher, 1)
    assert sorted(entry.name for entry in quick.done_folder.iterdir()) == [
        date.today().isoformat(),
        "keep me",
    ]


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
