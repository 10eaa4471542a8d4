"""Workers on several machines: network namespaces with their own host name and home, and one database and
one store.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.index.scan_result import scan_result
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.worker.status import live_workers, status_json
from tests.support.machines import (
    COUNT_READINGS_SQL,
    WORKER_CODE,
    jobs_by_host,
    machines,
    may_create_machines,
)
from tests.support.scan_records import submitted_scan, until

NAMES = ("north", "south", "east")
SMALL_RANGES = "from pipeline.worker import page_ranges as r; r.LARGE_SCAN_PAGES, r.PAGES_PER_RANGE = 4, 2;"
FAST_SETTINGS = {"CHARTLOOM_WORKER__STALLED_WORKER_SECONDS": "3", "CHARTLOOM_OCR__SECOND_ENGINE": "never"}


@pytest.mark.skipif(not may_create_machines(), reason="only root may make network namespaces")
def test_three_machines_read_each_page_once_and_continue_when_one_is_lost(
    connection: Connection, blobs: Blobs, settings: Settings, tmp_path: Path
) -> None:
    connection.execute(COUNT_READINGS_SQL.encode())
    with machines(NAMES, settings) as (connected, variables):
        for machine in connected:
            machine.work(tmp_path / machine.name, variables | FAST_SETTINGS, SMALL_RANGES + WORKER_CODE)
        until(lambda: live_workers(connection, 3.0) == len(connected))
        scan = submitted_scan(
            connection, blobs, *(f"Page number {number} of the chart" for number in range(1, 17))
        )
        until(
            lambda: (
                len(jobs_by_host(connection)) >= 2
                and connection.execute("select 1 from times_read").fetchone()
            )
        )
        before = status_json(connection, 3.0)
        lost = next(machine for machine in connected if machine.name in jobs_by_host(connection))
        lost.lose()
        until(lambda: scan_result(connection, scan.id)["status"] != "received")
        until(lambda: live_workers(connection, 3.0) == 2)
        after = status_json(connection, 3.0)
    assert {worker["host"] for worker in before["workers"]} == set(NAMES)
    assert before["queue"]["live"]["waiting"] > 0
    assert before["oldest_waiting"] is not None
    assert {worker["host"] for worker in after["workers"]} == set(NAMES) - {lost.name}
    assert after["pages"] == {"done": 16, "waiting": 0}
    assert after["failures"]["faults"] == 0
    counted = connection.execute(
        "select count(*) as readings, count(distinct key) as pages, (select count(*) from page) as filed,"
        " (select count(*) from document_page) as in_documents from times_read"
    ).fetchone()
    assert counted == {"readings": 16, "pages": 16, "filed": 16, "in_documents": 16}
