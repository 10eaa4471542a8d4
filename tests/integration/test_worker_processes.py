"""Worker processes as they run in production: they file submitted scans, survive the death of another, and
stop on request.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
from psycopg import sql

from pipeline.config import OcrSettings, Settings, load_settings
from pipeline.index.scan_result import scan_result
from pipeline.index.search import search, search_pending
from pipeline.ocr.read_page import Reading, read_page
from pipeline.records import Page
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.worker import page_isolation, page_ranges, worker
from pipeline.worker.launcher import child_workers
from pipeline.worker.status import live_workers, status_json
from tests.support.environment import environment
from tests.support.scan_records import submitted_scan, until


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_closed(connection: Connection, scan: int) -> bool:
    return bool(scan_result(connection, scan)["status"] != "received")


@pytest.fixture
def two(settings: Settings) -> Settings:
    """Settings for two workers that count as stalled after three seconds."""
    changes = {
        "processes": 2,
        "stalled_worker_seconds": 3.0,
        "max_worker_memory_mb": 4000,
    }  # workers forked from the test process are large
    return settings.model_copy(update={"worker": settings.worker.model_copy(update=changes)})


@pytest.fixture
def pool(two: Settings) -> Iterator[BaseProcess]:
    with child_workers(two) as child:
        yield child


def test_workers_file_scans_and_survive_the_death_of_one(
    connection: Connection, blobs: Blobs, pool: BaseProcess
) -> None:
    until(lambda: live_workers(connection, 3.0) == 2)
    first = submitted_scan(connection, blobs, "Admission note zebra", "Second page giraffe")
    until(lambda: scan_result(connection, first.id)["status"] != "received")
    answer = scan_result(connection, first.id)
    assert [number for document in answer["documents"] for number in document["pages"]] == [1, 2]
    (hit,) = search(connection, "giraffe")
    assert hit.page == 2
    row = connection.execute("select pdf from document where id = %s", [hit.document]).fetchone()
    assert row is not None
    assert blobs.get(row["pdf"]).startswith(b"%PDF-")

    connection.execute(
        "select procrastinate_register_worker_v1()"
    )  # a worker of another machine that dies during its job
    interrupted = submitted_scan(connection, blobs, "A page about a walrus")
    connection.execute(
        "update procrastinate_jobs set status = 'doing',"
        " worker_id = (select max(id) from procrastinate_workers)"
    )
    assert pool.pid is not None
    os.kill(children(pool.pid)[0], signal.SIGKILL)
    until(lambda: scan_result(connection, interrupted.id)["status"] != "received")
    until(lambda: len(children(pool.pid or 0)) == 2)

    idle = {"waiting": 0, "running": 0, "retrying": 0}
    until(lambda: all(queue == idle for queue in status_json(connection, 3.0)["queue"].values()))
    state = status_json(connection, 3.0)
    assert state["scans"] == {"waiting": 0, "done": 2, "quarantined": 0}
    assert state["pages"] == {"done": 3, "waiting": 0}
    assert state["reviews"]["waiting"] == len(answer["documents"]) + 1


def test_the_workers_of_a_machine_report_the_time_of_their_stages(
    connection: Connection, blobs: Blobs, two: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("CHARTLOOM_METRICS__WORKER_PORT", str(port))
    monkeypatch.setenv("CHARTLOOM_WORKER__PROCESSES", "2")
    code = (
        "from pipeline.config import load_settings; from pipeline.worker.launcher import run_workers;"
        "run_workers(load_settings(), None, until=0)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, env={**os.environ, **environment(two)}
    ) as child:
        for text in ("First page", "Second page"):
            scan = submitted_scan(connection, blobs, text, f"{text} of the chart")
            until(partial(is_closed, connection, scan.id))
        served = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        assert child.stdin is not None
        child.stdin.close()
    assert "chartloom_worker_processes 2.0" in served
    assert 'chartloom_stage_seconds_count{stage="read"} 4.0' in served
    assert 'chartloom_stage_seconds_count{stage="segment"} 2.0' in served
    assert 'chartloom_stage_seconds_count{stage="commit"} 2.0' in served


def test_a_large_scan_is_read_in_ranges_each_page_once_and_is_findable_meanwhile(
    connection: Connection, blobs: Blobs, two: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [f"Page number {number} of the chart" for number in range(1, 7)]
    code = (
        "from pipeline.config import load_settings; from pipeline.worker import page_ranges as r;"
        "r.LARGE_SCAN_PAGES, r.PAGES_PER_RANGE = 4, 2;"
        "from pipeline.worker.launcher import run_workers; run_workers(load_settings(), None, until=0)"
    )
    monkeypatch.setenv("CHARTLOOM_WORKER__PROCESSES", "2")
    scan = submitted_scan(connection, blobs, *pages)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, env={**os.environ, **environment(two)}
    ) as child:
        until(lambda: search_pending(connection, "chart"))
        assert {hit.scan for hit in search_pending(connection, "chart")} == {scan.id}
        assert scan_result(connection, scan.id)["status"] == "received"
        until(lambda: scan_result(connection, scan.id)["status"] != "received")
        assert search_pending(connection, "chart") == []
        assert child.stdin is not None
        child.stdin.close()
    spans = connection.execute("select first, last from page_range order by first").fetchall()
    assert [(row["first"], row["last"]) for row in spans] == [(1, 2), (3, 4), (5, 6)]
    row = connection.execute(
        "select (select count(*) from ocr_cache) as readings, (select count(*) from page) as pages"
    ).fetchone()
    assert row == {"readings": 6, "pages": 6}
    assert page_ranges.range_pages(connection, scan)[-1][0].number == 6


def test_ocr_results_that_are_no_longer_needed_are_deleted(connection: Connection, two: Settings) -> None:
    old, new = "a" * 64, "b" * 64
    connection.cursor().executemany(
        "insert into ocr_cache (key, engine, page, created_at)"
        " values (%s, 'e', '{}', now() - make_interval(days => %s))",
        [(old, two.worker.ocr_cache_days + 1), (new, two.worker.ocr_cache_days - 1)],
    )
    with child_workers(two):
        until(lambda: [row["key"] for row in connection.execute("select key from ocr_cache")] == [new])


def test_workers_end_with_the_process_that_started_them(connection: Connection, two: Settings) -> None:
    with child_workers(two) as child:
        until(lambda: live_workers(connection, 3.0) >= 1)
        assert child.pid is not None
        workers = children(child.pid)
        os.kill(child.pid, signal.SIGKILL)  # the pool could not even unregister
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_stopping_workers_do_not_wait_forever_for_an_unavailable_database(
    connection: Connection, two: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SHUTDOWN_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(worker, "CONNECT_TIMEOUT_SECONDS", 0.5)
    with child_workers(two) as child:
        until(lambda: live_workers(connection, 3.0) == 2)
        assert child.pid is not None
        workers = children(child.pid)
        name = connection.info.dbname
        with psycopg.connect(
            connection.info.dsn, password=connection.info.password, dbname="postgres", autocommit=True
        ) as other:
            other.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(name)))
        others = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and pid <> pg_backend_pid()"
        )
        connection.execute(others, [name])
        os.kill(child.pid, signal.SIGTERM)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_workers_end_if_their_parent_ended_before_they_started() -> None:
    code = (
        "import os, time; from pipeline.worker.prefork import PreforkPool;"
        "gone, held = os.pipe(); os.close(held);"
        "PreforkPool([lambda: time.sleep(60)] * 2, print).run(gone)"
    )
    subprocess.run([sys.executable, "-c", code], timeout=20, check=True)


def test_a_page_that_kills_its_process_needs_review_and_the_other_pages_are_read(
    connection: Connection, blobs: Blobs, two: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash_on_two(page: Page, pixels: Path | None, settings: OcrSettings) -> Reading:
        if page.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return read_page(page, pixels, settings)

    monkeypatch.setattr(page_isolation, "read_page", crash_on_two)
    scan = submitted_scan(connection, blobs, "The first page", "The second page", "The third page")
    assert problems_after_one_worker(connection, two, scan.id) == [
        (1, None),
        (2, page_isolation.PAGE_KILLED_MESSAGE),
        (3, None),
    ]
    assert scan_result(connection, scan.id)["status"] == "review"


def problems_after_one_worker(
    connection: Connection, settings: Settings, scan: int
) -> list[tuple[int, str | None]]:
    """Let one worker process process a scan, and return the number and the problem of each page."""
    worker = settings.worker.model_copy(update={"processes": 1})
    with child_workers(settings.model_copy(update={"worker": worker})):
        until(lambda: scan_result(connection, scan)["status"] != "received")
    pages = connection.execute(
        "select number, problem from page where scan_id = %s order by number", [scan]
    ).fetchall()
    return [(page["number"], page["problem"]) for page in pages]


def test_a_page_on_which_the_library_of_tesseract_crashes_is_read_by_the_program_once(
    connection: Connection, blobs: Blobs, two: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crashes = tmp_path / "crashes"

    def crash_in_the_library(page: Page, pixels: Path | None, settings: OcrSettings) -> Reading:
        if page.number == 2 and settings.tesseract != "program":
            with crashes.open("a", encoding="utf-8") as file:
                file.write("crash\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return read_page(page, pixels, settings)

    monkeypatch.setattr(page_isolation, "read_page", crash_in_the_library)
    pages = ("The first page", "The second page", "The third page")
    read = [(1, None), (2, None), (3, None)]
    assert problems_after_one_worker(connection, two, submitted_scan(connection, blobs, *pages).id) == read
    again = submitted_scan(connection, blobs, *pages, "A page that makes the file another one")
    assert problems_after_one_worker(connection, two, again.id) == [*read, (4, None)]
    assert crashes.read_text(encoding="utf-8") == "crash\n"  # the second scan's page came from the cache


def test_a_page_that_never_finishes_ends_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_of_much = partial(
        hashlib.pbkdf2_hmac, "sha256", b"", b"", 1 << 27
    )  # as C code, which no exception can interrupt
    monkeypatch.setattr(page_isolation, "read_page", lambda *_: hash_of_much())
    short = load_settings(tmp_path).ocr.model_copy(update={"page_timeout_seconds": 0.1})
    reading = page_isolation.read_isolated(Page(scan="", number=7, image=None), None, short)
    assert reading.page.problem == page_isolation.PAGE_KILLED_MESSAGE
