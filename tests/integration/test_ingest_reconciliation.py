"""Intake is reconciled, cover sheets close batches, and quarantined scans are retried or dismissed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from psycopg.types.json import Jsonb

from pipeline.config import Settings
from pipeline.errors import Conflict, NotFound
from pipeline.ingest.batches import ExpectedCounts, batches, close_batches, parse_cover_sheet
from pipeline.ingest.intake_source import Origin
from pipeline.ingest.quarantine import dismiss, quarantined_scan, quarantined_scans, retry
from pipeline.ingest.reconciliation import (
    file_histories,
    ledger_json,
    paper_retention,
    reconcile,
    verify_originals,
)
from pipeline.ingest.registration import Registration, register
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.store.scans import load_scan, quarantine
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.page_ranges import LARGE_SCAN_PAGES, dispatch_ranges


class Intake:
    """Submits files, and simulates the worker that files them."""

    def __init__(self, folder: Path, connection: Connection, blobs: Blobs, settings: Settings) -> None:
        self.folder, self.connection, self.blobs, self.settings = folder, connection, blobs, settings
        self.shade = 0

    def picture(self, pages: int = 1) -> Path:
        self.shade += 1
        first, *rest = [Image.new("L", (50, 60), self.shade + n) for n in range(pages)]
        file = self.folder / f"{self.shade}.tif"
        first.save(file, save_all=True, append_images=rest)
        return file

    def take(self, file: Path, batch: str | None = None) -> Registration:
        return register(
            file, self.connection, self.blobs, self.settings, enqueue=enqueue_scan, origin=Origin(batch=batch)
        )

    def file(
        self, registered: Registration, kinds: str = "content", status: str = "filed", codes: Any = ()
    ) -> None:
        """Finish the scan: a page of each kind, those with content in one document."""
        for number, kind in enumerate(kinds.split(), start=1):
            self.connection.execute(
                "insert into page (scan_id, number, kind, width, height, rotation, skew, confidence, codes)"
                " values (%s, %s, %s, 1, 1, 0, 0, 0, %s)",
                [registered.scan, number, kind, Jsonb(list(codes) if kind == "separator" else [])],
            )
        content = [n for n, kind in enumerate(kinds.split(), start=1) if kind in ("content", "unreadable")]
        if content:
            row = self.connection.execute(
                "insert into document (scan_id, pages, status, type, type_probability, pdf, machine_result,"
                " filed_at, filed_by)"
                " values (%s, %s, %s, 'other', 1, %s, '{}', now(), 'machine') returning id",
                [registered.scan, content, status, registered.sha256],
            ).fetchone()
            assert row is not None
            for position, number in enumerate(content, start=1):
                self.connection.execute(
                    "insert into document_page (document_id, scan_id, number, position, text)"
                    " values (%s, %s, %s, %s, '')",
                    [row["id"], registered.scan, number, position],
                )
            if status == "review":
                self.connection.execute(
                    "insert into review_item (scan_id, document_id, reasons, priority)"
                    " values (%s, %s, '[]', 10)",
                    [registered.scan, row["id"]],
                )
        self.connection.execute(
            "update scan set status = 'done', finished_at = now() where id = %s", [registered.scan]
        )


@pytest.fixture
def intake(tmp_path: Path, connection: Connection, blobs: Blobs, settings: Settings) -> Intake:
    return Intake(tmp_path, connection, blobs, settings)


def codes_of(connection: Connection) -> set[str]:
    return {fault.code for fault in reconcile(connection).faults}


def test_every_file_and_page_is_in_exactly_one_column(intake: Intake, connection: Connection) -> None:
    filed = intake.picture(3)
    intake.file(intake.take(filed), "content blank separator")
    intake.take(filed)
    intake.file(intake.take(intake.picture(2)), "content unreadable", "review")
    intake.take(intake.picture(4))
    (intake.folder / "empty.pdf").touch()
    intake.take(intake.folder / "empty.pdf")
    connection.execute("insert into intake_file (path, size) values ('arriving.pdf', 1)")
    ledger = reconcile(connection)
    assert ledger.balanced, ledger.faults
    files = {key: count for key, count in ledger.files.items() if count}
    assert files == {
        "seen": 6,
        "in_folder": 1,
        "duplicate": 1,
        "filed": 1,
        "review": 1,
        "quarantined": 1,
        "in_progress": 1,
    }
    pages = {key: count for key, count in ledger.pages.items() if count}
    assert pages == {
        "in": 9,
        "in_progress": 4,
        "blank": 1,
        "separator": 1,
        "filed": 1,
        "review": 2,
        "unreadable": 1,
    }
    assert ledger_json(ledger)["balanced"] is True


def test_a_page_without_an_outcome_is_a_discrepancy_of_its_scan(
    intake: Intake, connection: Connection
) -> None:
    registered = intake.take(intake.picture(3))
    intake.file(registered, "content content")
    faults = reconcile(connection).faults
    assert ("pages_missing", registered.scan) in {(fault.code, fault.scan) for fault in faults}


def test_a_page_of_no_document_an_orphaned_review_and_a_scan_without_a_job_are_discrepancies(
    intake: Intake, connection: Connection
) -> None:
    intake.file(intake.take(intake.picture()))
    connection.execute("delete from document_page")
    assert codes_of(connection) == {"page_in_no_document", "pages_sum"}
    intake.file(intake.take(intake.picture()), status="review")
    connection.execute("delete from review_item")
    assert "orphaned_review" in codes_of(connection)
    intake.take(intake.picture())
    connection.execute("update scan set received_at = now() - interval '1 hour'")
    assert "stalled" not in codes_of(connection)
    connection.execute("delete from procrastinate_jobs")
    assert "stalled" in codes_of(connection)


def test_an_original_that_the_store_has_lost_is_reported(
    intake: Intake, connection: Connection, blobs: Blobs
) -> None:
    kept, lost = intake.take(intake.picture()), intake.take(intake.picture())
    blobs._client.remove_object(blobs._bucket, f"{lost.sha256[:2]}/{lost.sha256[2:4]}/{lost.sha256}")
    faults = [fault for fault in verify_originals(connection, blobs) if fault]
    assert [(fault.code, fault.scan) for fault in faults] == [("original_lost", lost.scan)]
    assert kept.scan != lost.scan


def test_the_history_of_a_file_goes_from_its_arrival_to_its_filing(
    intake: Intake, connection: Connection
) -> None:
    intake.file(intake.take(intake.picture(2)), "content content")
    (life,) = file_histories(connection)
    assert life.pages == 2
    assert life.read_at is not None
    assert life.seen_at < life.stored_at <= life.read_at


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "CHARTLOOM/BATCH/1;name=box+17;files=3;documents=5;pages=40",
            ExpectedCounts(name="box 17", files=3, documents=5, pages=40),
        ),
        ("CHARTLOOM/BATCH/1;pages=12", ExpectedCounts(pages=12)),
        ("CHARTLOOM/BATCH/1;pages=-1;files=x;name=", ExpectedCounts()),
        ("CHARTLOOM:SEPARATOR", None),
        ("", None),
    ],
)
def test_the_code_of_a_cover_sheet_states_what_to_expect(text: str, expected: ExpectedCounts | None) -> None:
    assert parse_cover_sheet(text) == expected


def test_a_batch_that_agrees_with_its_cover_sheet_is_closed(intake: Intake, connection: Connection) -> None:
    codes = sheet("name=box;files=2;documents=2;pages=2")
    intake.file(intake.take(intake.picture(2), batch="box"), "separator content", codes=codes)
    intake.file(intake.take(intake.picture(), batch="box"))
    assert [batch.differences for batch in close_batches(connection, 0)] == [()]
    assert connection.execute("select balanced from batch").fetchall() == [{"balanced": True}]
    assert connection.execute("select * from review_item").fetchall() == []


def test_a_batch_with_a_missing_page_needs_review_and_shows_the_difference(
    intake: Intake, connection: Connection
) -> None:
    registered = intake.take(intake.picture(3))
    intake.file(registered, "separator content content", codes=sheet("name=box;pages=3"))
    close_batches(connection, 0)
    (item,) = connection.execute("select scan_id, reasons from review_item").fetchall()
    assert item["scan_id"] == registered.scan
    assert item["reasons"][0]["code"] == "batch_count_mismatch"
    assert "3 pages expected, 2 arrived" in item["reasons"][0]["detail"]
    assert reconcile(connection).files["review"] == 1


def sheet(text: str) -> list[dict[str, Any]]:
    """Return the codes of a batch cover sheet."""
    return [{"format": "QRCode", "text": f"CHARTLOOM/BATCH/1;{text}", "box": [0, 0, 1, 1]}]


def test_an_incomplete_batch_closes_automatically_when_the_rest_arrives(
    intake: Intake, connection: Connection
) -> None:
    intake.file(
        intake.take(intake.picture(2), batch="box"), "separator content", codes=sheet("files=2;pages=2")
    )
    close_batches(connection, 0)
    (short,) = batches(connection, include_closed=False)
    assert (short.state, short.differences) == (
        "incomplete",
        ("2 files expected, 1 arrived", "2 pages expected, 1 arrived"),
    )
    late = intake.take(intake.picture(), batch="box")
    assert close_batches(connection, 0) == []
    intake.file(late)
    close_batches(connection, 0)
    assert [batch.state for batch in batches(connection)] == ["closed"]
    assert connection.execute("select closed_by from review_item").fetchall() == [{"closed_by": "machine"}]


def test_the_reason_of_an_incomplete_batch_is_updated_when_it_changes(
    intake: Intake, connection: Connection
) -> None:
    intake.file(intake.take(intake.picture(2), batch="box"), "separator content", codes=sheet("files=3"))
    close_batches(connection, 0)
    intake.file(intake.take(intake.picture(), batch="box"))
    close_batches(connection, 0)
    (item,) = connection.execute("select reasons from review_item").fetchall()
    assert "3 files expected, 2 arrived" in item["reasons"][0]["detail"]


def test_no_paper_of_a_batch_may_be_shredded_before_the_batch_is_closed(
    intake: Intake, connection: Connection
) -> None:
    intake.file(intake.take(intake.picture(2), batch="box"), "separator content", codes=sheet("files=3"))
    intake.file(intake.take(intake.picture(), batch="box"))
    intake.file(intake.take(intake.picture()))
    assert [sheet.kept_for for sheet in paper_retention(connection)] == ["batch", "batch", None]
    close_batches(connection, 0)
    assert [sheet.kept_for for sheet in paper_retention(connection)] == ["review", "batch", None]
    connection.execute("update review_item set closed_at = now(), closed_by = 'pat'")
    assert [sheet.kept_for for sheet in paper_retention(connection)] == ["batch", "batch", None]
    close_batches(connection, 0)
    assert [batch.state for batch in batches(connection)] == ["closed_manually"]
    assert [sheet.kept_for for sheet in paper_retention(connection)] == [None, None, None]


def test_paper_is_kept_while_its_scan_is_processed_reviewed_quarantined_or_to_be_scanned_again(
    intake: Intake, connection: Connection
) -> None:
    intake.take(intake.picture())
    intake.file(intake.take(intake.picture()), status="review")
    (intake.folder / "empty.pdf").touch()
    held = intake.take(intake.folder / "empty.pdf")
    intake.file(intake.take(intake.picture()), status="withdrawn")
    assert [sheet.kept_for for sheet in paper_retention(connection)] == [
        "in_progress",
        "review",
        "quarantined",
        "rescan",
    ]
    dismiss(connection, held.scan, actor="pat", note="scanned again")
    assert next(sheet.kept_for for sheet in paper_retention(connection) if sheet.scan == held.scan) is None


@pytest.mark.parametrize("content", [b"", bytes(5000), b"%PDF-1.4\n", b"II*\0\0\0\0\0"])
def test_files_without_content_are_never_duplicates_of_each_other(
    intake: Intake, connection: Connection, content: bytes
) -> None:
    (intake.folder / "first.pdf").write_bytes(content)
    (intake.folder / "second.pdf").write_bytes(content)
    scans = [intake.take(intake.folder / name) for name in ("first.pdf", "second.pdf")]
    assert [scan.status for scan in scans] == ["quarantined", "quarantined"]
    assert len(quarantined_scans(connection)) == 2
    dismiss(connection, scans[0].scan, actor="pat", note="scanned again")
    assert [paper.kept_for for paper in paper_retention(connection)] == [None, "quarantined"]
    assert reconcile(connection).balanced


def test_a_damaged_file_that_comes_again_after_its_dismissal_needs_another_decision(
    intake: Intake, connection: Connection
) -> None:
    (intake.folder / "damaged.pdf").write_bytes(b"%PDF-1.4\n" + b"not a page " * 500)
    first = intake.take(intake.folder / "damaged.pdf")
    dismiss(connection, first.scan, actor="pat", note="scanned again")
    assert intake.take(intake.folder / "damaged.pdf").status == "duplicate"
    assert [scan.id for scan in quarantined_scans(connection)] == [first.scan]
    assert [paper.kept_for for paper in paper_retention(connection)] == [None, "quarantined"]
    dismiss(connection, first.scan, actor="pat", note="this one too")
    assert [paper.kept_for for paper in paper_retention(connection)] == [None, None]


def test_several_cover_sheets_of_a_batch_are_added_and_a_duplicate_counts_once(
    intake: Intake, connection: Connection
) -> None:
    for text in ("name=a;files=2;pages=2", "name=b;files=1;pages=1", "name=a;files=2;pages=2"):
        intake.file(intake.take(intake.picture(2), batch="archive"), "separator content", codes=sheet(text))
    close_batches(connection, 0)
    (batch,) = batches(connection)
    assert (batch.expected_files, batch.expected_pages, batch.state) == (3, 3, "closed")


def test_a_scan_of_only_a_cover_sheet_needs_no_review_and_is_not_one_of_the_files(
    intake: Intake, connection: Connection
) -> None:
    registered = intake.take(intake.picture(), batch="box")
    intake.file(registered, "separator", codes=sheet("files=1"))
    connection.execute(
        "insert into review_item (scan_id, reasons, priority) values (%s, %s, 10)",
        [registered.scan, Jsonb([{"code": "no_documents", "detail": "", "weight": None}])],
    )
    close_batches(connection, 0)
    (item,) = connection.execute("select kinds, reasons from review_item where closed_at is null").fetchall()
    assert item["kinds"] == ["batch"]
    assert "1 files expected, 0 arrived" in item["reasons"][0]["detail"]
    intake.file(intake.take(intake.picture(), batch="box"))
    close_batches(connection, 0)
    assert connection.execute("select 1 from review_item where closed_at is null").fetchall() == []
    assert [batch.state for batch in batches(connection)] == ["closed"]
    assert reconcile(connection).balanced


def test_a_large_scan_that_is_retried_is_distributed_to_all_workers_again(
    intake: Intake, connection: Connection, blobs: Blobs
) -> None:
    registered = intake.take(intake.picture(LARGE_SCAN_PAGES + 1))
    scan = load_scan(connection, registered.scan)
    assert dispatch_ranges(connection, scan, LARGE_SCAN_PAGES + 1)
    quarantine(connection, registered.scan, "fault", "A fault stopped this file.")
    assert (
        retry(connection, blobs, intake.settings, registered.scan, actor="pat", enqueue=enqueue_scan) is None
    )
    assert dispatch_ranges(connection, scan, LARGE_SCAN_PAGES + 1)


def test_a_batch_is_not_closed_while_its_files_arrive_or_are_processed(
    intake: Intake, connection: Connection
) -> None:
    registered = intake.take(intake.picture(), batch="box")
    assert close_batches(connection, 0) == []
    intake.file(registered)
    assert close_batches(connection, 600) == []
    assert len(close_batches(connection, 0)) == 1
    assert batches(connection, include_closed=False) == []


def test_a_batch_of_the_same_name_after_the_first_is_closed_is_a_new_one(
    intake: Intake, connection: Connection
) -> None:
    intake.file(intake.take(intake.picture(), batch="box"))
    close_batches(connection, 0)
    intake.file(intake.take(intake.picture(), batch="box"))
    assert [batch.files for batch in batches(connection)] == [1, 1]


def test_a_retry_after_the_limit_was_raised_ingests_the_scan_and_enqueues_it(
    intake: Intake, connection: Connection, blobs: Blobs
) -> None:
    few = intake.settings.model_copy(
        update={"intake": intake.settings.intake.model_copy(update={"max_pages": 1})}
    )
    registered = register(intake.picture(2), connection, blobs, few, enqueue=enqueue_scan)
    assert registered.code == "too_many_pages"
    refused = retry(connection, blobs, few, registered.scan, actor="pat", enqueue=enqueue_scan)
    assert refused is not None
    assert refused.code == "too_many_pages"
    assert (
        retry(connection, blobs, intake.settings, registered.scan, actor="pat", enqueue=enqueue_scan) is None
    )
    assert quarantined_scans(connection) == []
    assert codes_of(connection) == set()
    assert connection.execute("select status, pages_in from scan").fetchall() == [
        {"status": "received", "pages_in": 2}
    ]
    actions = connection.execute("select action, done_by from quarantine_action order by id").fetchall()
    assert [row["action"] for row in actions] == ["retry_failed", "retried"]


def test_a_dismissed_scan_leaves_the_list_and_keeps_its_bytes_and_reason(
    intake: Intake, connection: Connection, blobs: Blobs
) -> None:
    (intake.folder / "note.txt").write_bytes(b"Dear colleague")
    registered = intake.take(intake.folder / "note.txt")
    dismiss(connection, registered.scan, actor="pat", note="no scan")
    assert quarantined_scans(connection) == []
    (held,) = quarantined_scans(connection, include_dismissed=True)
    assert (held.code, held.dismissed_by) == ("unknown_kind", "pat")
    assert quarantined_scan(connection, registered.scan).actions[0]["note"] == "no scan"
    assert blobs.get(registered.sha256) == b"Dear colleague"
    assert reconcile(connection).files["dismissed"] == 1
    with pytest.raises(Conflict):
        dismiss(connection, registered.scan, actor="sam", note="again")


def test_a_scan_that_is_not_in_quarantine_cannot_be_retried_or_dismissed(
    intake: Intake, connection: Connection, blobs: Blobs
) -> None:
    registered = intake.take(intake.picture())
    with pytest.raises(NotFound):
        retry(connection, blobs, intake.settings, registered.scan, actor="pat", enqueue=enqueue_scan)
    with pytest.raises(NotFound):
        dismiss(connection, registered.scan, actor="pat", note="")
