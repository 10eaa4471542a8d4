"""Registration: bytes are stored and verified, then rows and job are committed together. The same bytes are
a duplicate, and rejected bytes are kept.
"""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from pipeline.config import Settings
from pipeline.ingest.intake_source import Origin
from pipeline.ingest.registration import IntakeEvent, Registration, register
from pipeline.records import Priority
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, connect


class Jobs:
    """Records what was enqueued, in the transaction that it is part of."""

    def __init__(self) -> None:
        self.scans: list[tuple[int, int]] = []

    def __call__(self, connection: Connection, scan: int, priority: int) -> None:
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        self.scans.append((scan, priority))


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "a page.tif"
    Image.new("1", (300, 400), 1).save(file, compression="group4", dpi=(200, 200))
    return file


def landing(path: str) -> IntakeEvent:
    return IntakeEvent(path=path, seen_ago=1.0)


def test_a_file_is_stored_byte_for_byte_and_its_job_enqueued_in_the_same_transaction(
    picture: Path, connection: Connection, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    registered = register(
        picture, connection, blobs, settings, enqueue=jobs, origin=Origin(priority=Priority.STAT)
    )
    assert registered.status == "stored"
    assert registered.pages == 1
    assert blobs.get(registered.sha256) == picture.read_bytes()
    assert jobs.scans == [(registered.scan, 20)]


def test_a_job_that_cannot_be_enqueued_leaves_no_row(
    picture: Path, connection: Connection, blobs: Blobs, settings: Settings
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no queue")

    with pytest.raises(RuntimeError):
        register(picture, connection, blobs, settings, enqueue=fails)
    assert connection.execute("select * from scan").fetchall() == []
    assert connection.execute("select * from ingest_event").fetchall() == []


def test_the_same_bytes_under_another_name_are_a_duplicate_of_the_first(
    picture: Path, tmp_path: Path, connection: Connection, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    first = register(picture, connection, blobs, settings, enqueue=jobs)
    (tmp_path / "again.tif").write_bytes(picture.read_bytes())
    second = register(tmp_path / "again.tif", connection, blobs, settings, enqueue=jobs)
    assert second.status == "duplicate"
    assert (second.scan, second.first_name) == (first.scan, "a page.tif")
    assert len(jobs.scans) == 1


def test_two_watchers_with_the_same_bytes_at_once_make_one_scan_and_one_duplicate(
    picture: Path, dsn: str, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    together, results = threading.Barrier(2), list[Registration]()

    def take() -> None:
        with connect(dsn) as own:
            together.wait()
            results.append(register(picture, own, blobs, settings, enqueue=jobs))

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.status for r in results) == ["duplicate", "stored"]
    assert len({r.scan for r in results}) == len(jobs.scans) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (b"Dear doctor, ...", "unknown_kind"), (b"%PDF-1.7\nnothing else", "damaged")],
)
def test_a_file_that_cannot_be_ingested_is_quarantined_with_its_bytes_and_a_reason(
    content: bytes,
    code: str,
    tmp_path: Path,
    connection: Connection,
    blobs: Blobs,
    settings: Settings,
    jobs: Jobs,
) -> None:
    (tmp_path / "bad.pdf").write_bytes(content)
    registered = register(tmp_path / "bad.pdf", connection, blobs, settings, enqueue=jobs)
    assert (registered.status, registered.code) == ("quarantined", code)
    assert registered.reason
    assert blobs.get(registered.sha256) == content
    assert jobs.scans == []


def test_a_file_whose_watcher_died_before_moving_it_is_not_its_own_duplicate(
    picture: Path, connection: Connection, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    first = register(picture, connection, blobs, settings, enqueue=jobs, event=landing("STAT/a page.tif"))
    again = register(picture, connection, blobs, settings, enqueue=jobs, event=landing("STAT/a page.tif"))
    assert again == first
    row = connection.execute("select count(*) as arrivals from ingest_event").fetchone()
    assert row == {"arrivals": 1}


def test_an_object_that_the_store_has_lost_is_stored_again_with_the_next_duplicate(
    picture: Path, connection: Connection, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    first = register(picture, connection, blobs, settings, enqueue=jobs)
    blobs._client.remove_object(blobs._bucket, f"{first.sha256[:2]}/{first.sha256[2:4]}/{first.sha256}")
    assert not blobs.exists(first.sha256)
    register(picture, connection, blobs, settings, enqueue=jobs)
    assert blobs.get(first.sha256) == picture.read_bytes()


def test_an_uploaded_file_that_comes_again_with_more_pages_is_reviewed_with_the_first(
    tmp_path: Path, connection: Connection, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    pages = [Image.new("L", (60, 80), shade) for shade in (10, 20, 30)]
    files = {"short": pages[:1], "other": pages[2:], "long": pages[:2]}

    def upload(content: str, name: str, source: str = "upload") -> int:
        file = tmp_path / f"{content}-{name}"
        files[content][0].save(file, save_all=True, append_images=files[content][1:])
        origin = Origin(source=source)
        return register(file, connection, blobs, settings, enqueue=jobs, origin=origin, name=name).scan

    def notes() -> dict[int, list[str]]:
        rows = connection.execute("select id, notes from scan order by id").fetchall()
        return {row["id"]: [note["code"] for note in row["notes"]] for row in rows}

    short, other = upload("short", "scan.tif"), upload("other", "scan.tif")
    assert notes() == {short: [], other: []}
    long = upload("long", "scan.tif")
    assert notes() == {short: ["file_grew"], other: [], long: ["file_grew"]}


def test_files_with_the_same_name_from_a_command_are_not_compared(
    tmp_path: Path, connection: Connection, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    pages = [Image.new("L", (60, 80), shade) for shade in (10, 20)]
    for folder, number in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        pages[0].save(tmp_path / folder / "1.tif", save_all=True, append_images=pages[1:number])
        register(tmp_path / folder / "1.tif", connection, blobs, settings, enqueue=jobs)
    assert connection.execute("select notes from scan").fetchall() == [{"notes": []}, {"notes": []}]


def test_a_symbolic_link_in_a_watched_folder_is_not_followed(
    picture: Path, tmp_path: Path, connection: Connection, blobs: Blobs, settings: Settings, jobs: Jobs
) -> None:
    (tmp_path / "link.tif").symlink_to(picture)
    with pytest.raises(OSError, match="symbolic"):
        register(tmp_path / "link.tif", connection, blobs, settings, enqueue=jobs, event=landing("link.tif"))
