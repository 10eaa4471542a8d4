"""Jobs: enqueued by the transaction that needs them, distributed in ranges, taken over, and the outcome of a
scan that fails.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from procrastinate.exceptions import JobAborted

from pipeline.config import Settings
from pipeline.errors import InvalidInput, ServiceUnavailable
from pipeline.records import Page, Priority, Scan
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, connect
from pipeline.store.scans import load_scan
from pipeline.store.sql import statements
from pipeline.worker import page_ranges, tasks
from pipeline.worker.db_retry import RetryingConnector
from pipeline.worker.fair_scheduling import FETCHES_PER_FAIR_TURN, FairJobManager
from pipeline.worker.job_queue import QUEUES, enqueue_scan
from pipeline.worker.tasks import MAX_WORKER_DEATHS, JobFailed, run_job
from pipeline.worker.worker import requeue_jobs_of_dead_worker
from pipeline.worker.worker_context import WorkerContext
from tests.support.scan_records import BLOB, a_scan


def jobs(connection: Connection) -> list[dict[str, Any]]:
    return connection.execute(
        "select task_name, queue_name, status, args from procrastinate_jobs order by id"
    ).fetchall()


def a_job(settings: Settings, attempts: int = 0, stopping: bool = False) -> Any:
    """Return the context that a task gets of its job."""
    context = {"worker": WorkerContext(settings)}
    return SimpleNamespace(
        additional_context=context, job=SimpleNamespace(attempts=attempts), should_abort=lambda: stopping
    )


def state(connection: Connection, scan: Scan) -> tuple[str, str | None]:
    row = connection.execute("select status, quarantine_code from scan where id = %s", [scan.id]).fetchone()
    assert row is not None
    return row["status"], row["quarantine_code"]


def fail_with(error: Exception) -> Callable[[Any], None]:
    def work(_: Any) -> None:
        raise error

    return work


def test_a_job_is_enqueued_by_the_transaction_that_needs_it_or_not_at_all(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        enqueue_scan(connection, a_scan(connection).id, Priority.STAT)
    assert jobs(connection) == []
    with connection.transaction():
        enqueue_scan(connection, 5, Priority.STAT)
    assert [(job["task_name"], job["queue_name"], job["args"]) for job in jobs(connection)] == [
        ("scan", "stat", {"scan": 5})
    ]


def test_a_small_scan_is_not_split_into_ranges(connection: Connection) -> None:
    assert not page_ranges.dispatch_ranges(connection, a_scan(connection), page_ranges.LARGE_SCAN_PAGES)
    assert jobs(connection) == []


def test_a_large_scan_is_split_into_ranges_once_and_joined_once(connection: Connection, dsn: str) -> None:
    scan, pages = a_scan(connection), page_ranges.LARGE_SCAN_PAGES + 5
    assert page_ranges.dispatch_ranges(connection, scan, pages)
    assert not page_ranges.dispatch_ranges(connection, scan, pages)
    spans = [range(job["args"]["first"], job["args"]["last"] + 1) for job in jobs(connection)]
    assert [number for span in spans for number in span] == list(range(1, pages + 1))
    with connect(dsn) as other:
        for span in reversed(spans):
            assert len([job for job in jobs(connection) if job["task_name"] == "scan"]) == 0
            assert page_ranges.range_pages(connection, scan) == []
            opened = [(Page(scan=scan.sha256, number=n, image=BLOB, dpi=200.0), BLOB) for n in span]
            page_ranges.close_range(other, scan, span[0], opened)
            page_ranges.close_range(connection, scan, span[0], opened)
    assert len([job for job in jobs(connection) if job["task_name"] == "scan"]) == 1
    assert [page.number for page, _ in page_ranges.range_pages(connection, scan)] == list(range(1, pages + 1))


def test_a_file_that_cannot_be_processed_is_quarantined_with_its_reason(
    connection: Connection, settings: Settings, blobs: Blobs
) -> None:
    scan = a_scan(connection)
    run_job(a_job(settings), scan.id, fail_with(InvalidInput("The file is damaged.", code="damaged")))
    assert state(connection, scan) == ("quarantined", "damaged")


def test_an_internal_error_is_retried_and_then_quarantines_the_scan(
    connection: Connection, settings: Settings, blobs: Blobs
) -> None:
    scan = a_scan(connection)
    with pytest.raises(JobFailed):
        run_job(a_job(settings), scan.id, fail_with(ValueError("secret text of a page")))
    assert state(connection, scan) == ("received", None)
    run_job(
        a_job(settings, attempts=settings.worker.max_retries),
        scan.id,
        fail_with(ValueError("secret text of a page")),
    )
    assert state(connection, scan) == ("quarantined", "fault")


def test_the_text_of_a_page_is_not_logged(
    connection: Connection, settings: Settings, blobs: Blobs, caplog: pytest.LogCaptureFixture
) -> None:
    scan = a_scan(connection)
    run_job(a_job(settings, attempts=99), scan.id, fail_with(ValueError("secret text of a page")))
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


def test_a_transient_failure_is_waited_out(
    connection: Connection, settings: Settings, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "INITIAL_BACKOFF_SECONDS", 0.01)
    scan, faults = a_scan(connection), [ServiceUnavailable("away"), OSError(28, "disk full"), None]

    def work(_: Any) -> None:
        if (fault := faults.pop(0)) is not None:
            raise fault

    run_job(a_job(settings), scan.id, work)
    assert faults == []
    assert state(connection, scan) == ("received", None)


def test_a_stopping_worker_returns_its_job_while_it_waits(connection: Connection, settings: Settings) -> None:
    scan = a_scan(connection)
    with pytest.raises(JobAborted):
        run_job(a_job(settings, stopping=True), scan.id, fail_with(ServiceUnavailable("away")))
    assert state(connection, scan) == ("received", None)


def test_a_scan_that_kills_its_workers_is_quarantined(connection: Connection, settings: Settings) -> None:
    scan = a_scan(connection)
    run_job(a_job(settings), scan.id, fail_with(AssertionError("must not run")), deaths=MAX_WORKER_DEATHS)
    assert state(connection, scan) == ("quarantined", "fault")


def test_a_closed_scan_is_not_processed(connection: Connection, settings: Settings) -> None:
    scan = a_scan(connection)
    connection.execute("update scan set status = 'done', finished_at = now() where id = %s", [scan.id])
    run_job(a_job(settings), scan.id, fail_with(AssertionError("must not run")))
    assert state(connection, scan) == ("done", None)


def test_the_job_of_a_stalled_worker_is_taken_over_once_and_that_of_a_live_one_is_not(
    connection: Connection, dsn: str
) -> None:
    for number in (1, 2):
        enqueue_scan(connection, number, Priority.LIVE)
        connection.execute("select procrastinate_register_worker_v1()")
        connection.execute("select procrastinate_fetch_job_v2(null, %s)", [number])
    connection.execute(
        "update procrastinate_workers set last_heartbeat = now() - interval '5 minutes' where id = 1"
    )
    take_over = statements("pipeline.worker")["take_over"]
    job_ids = [row["id"] for _ in range(2) for row in connection.execute(take_over, {"seconds": 60.0})]
    assert len(job_ids) == 1
    assert [(job["status"], job["args"]) for job in jobs(connection)] == [
        ("todo", {"scan": 1}),
        ("doing", {"scan": 2}),
    ]


def test_backfill_progresses_while_live_work_never_ends(connection: Connection, dsn: str) -> None:
    for priority, count in ((Priority.BACKFILL, 3), (Priority.LIVE, 60)):
        for _ in range(count):
            enqueue_scan(connection, 1, priority)

    async def fetch(count: int) -> list[str]:
        connector = RetryingConnector(conninfo=dsn, min_size=1, max_size=1)
        await connector.open_async()
        manager = FairJobManager(connector)
        worker = await manager.register_worker()
        found = [await manager.fetch_job(list(QUEUES), worker) for _ in range(count)]
        await connector.close_async()
        return [job.queue for job in found if job]

    queues = asyncio.run(fetch(4 * FETCHES_PER_FAIR_TURN))
    assert queues.count("backfill") == 2
    assert queues[: FETCHES_PER_FAIR_TURN - 1] == ["live"] * (FETCHES_PER_FAIR_TURN - 1)


def test_a_scan_is_loaded_by_its_number_as_it_was_stored(connection: Connection) -> None:
    scan = a_scan(connection, priority=Priority.BACKFILL)
    assert load_scan(connection, scan.id) == scan


def test_the_death_of_a_worker_counts_against_its_job_and_the_loss_of_a_machine_does_not(
    connection: Connection, settings: Settings
) -> None:
    enqueue_scan(connection, 1, Priority.LIVE)
    own_host = socket.gethostname()
    for number, pid in enumerate((100, 101), 1):
        connection.execute("select procrastinate_register_worker_v1()")
        connection.execute(
            "insert into worker (id, host, pid) values (%s, %s, %s)",
            [number, own_host if number == 1 else "far", pid],
        )
        connection.execute("select procrastinate_fetch_job_v2(null, %s)", [number])
        requeue_jobs_of_dead_worker(settings, pid)
    assert [(job["status"], job["args"]) for job in jobs(connection)] == [("doing", {"scan": 1, "deaths": 1})]


def test_the_original_of_a_scan_is_fetched_once_for_all_the_ranges_that_a_worker_reads_of_it(
    settings: Settings, blobs: Blobs
) -> None:
    first, second = blobs.put(b"a large scan"), blobs.put(b"another")
    worker = WorkerContext(settings)
    fetched = worker.fetch_original(first).stat().st_mtime_ns
    assert worker.fetch_original(first).stat().st_mtime_ns == fetched
    assert worker.fetch_original(second).read_bytes() == b"another"
    assert len(list(worker.folder().glob("original*"))) == 1
    worker.close()
    assert list(settings.scratch_folder.glob("worker-*")) == []
