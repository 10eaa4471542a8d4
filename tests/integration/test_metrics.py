"""Metrics on a real database: the values are those of what was done, and no metric identifies a person."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from pipeline import metrics
from pipeline.config import load_settings
from pipeline.config.values import parse_network
from pipeline.index.filing import commit
from pipeline.metrics import InstallationCollector, installation_collector
from pipeline.metrics_listener import MAX_SCRAPES, metrics_server
from pipeline.records import Priority
from pipeline.store.database import Connection, connect
from pipeline.store.scans import quarantine
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.metrics import WorkerCollector
from pipeline.worker.stage_seconds import STAGES, StageSeconds
from tests.support.certificates import certificate
from tests.support.scan_records import BLOB, a_document, a_patient, a_scan, an_outcome, filed, needs_review


def read_values(dsn: str) -> Mapping[tuple[str, ...], float]:
    """Return every value, by the metric's name without its prefix and the values of its labels."""
    registry = CollectorRegistry()
    registry.register(installation_collector(dsn))
    return {
        (sample.name.removeprefix("chartloom_"), *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def test_an_empty_installation_has_all_queues_and_nothing_else(connection: Connection, dsn: str) -> None:
    values = read_values(dsn)
    assert values["database_up",] == 1
    assert {key: value for key, value in values.items() if key[0] == "jobs"} == {
        ("jobs", queue, state): 0 for queue in ("stat", "live", "backfill") for state in ("todo", "doing")
    }
    assert values["open_review_items",] == values["oldest_received_scan_seconds",] == 0
    assert not any(value for key, value in values.items() if key[0] == "metrics_query_failed")


def test_the_values_are_what_was_done(connection: Connection, dsn: str) -> None:
    patient = a_patient(connection, "7700001", "Ann", "Testman")
    done, broken, waiting = (a_scan(connection, data) for data in (b"done", b"broken", b"waiting"))
    outcome = an_outcome(
        done, ["text", "text", ""], filed(a_document([1]), patient), needs_review(a_document([2]))
    )
    commit(connection, outcome, [BLOB, BLOB])
    quarantine(connection, broken.id, "damaged", "The file is damaged.")
    connection.execute("update scan set received_at = now() - interval '1 hour' where id = %s", [waiting.id])
    connection.execute("update review_item set opened_at = now() - interval '2 hours'")
    enqueue_scan(connection, waiting.id, Priority.STAT)
    enqueue_scan(connection, waiting.id, Priority.STAT)
    enqueue_scan(connection, waiting.id, Priority.BACKFILL)
    values = read_values(dsn)
    expected = {
        ("jobs", "stat", "todo"): 2,
        ("jobs", "live", "todo"): 0,
        ("jobs", "backfill", "todo"): 1,
        ("scans", "done"): 1,
        ("scans", "received"): 1,
        ("scans", "quarantined"): 1,
        ("quarantined_scans", "damaged"): 1,
        ("pages", "content"): 2,
        ("pages", "blank"): 1,
        ("documents", "filed"): 1,
        ("documents", "review"): 1,
        ("open_review_items",): 1,
    }
    assert {key: values[key] for key in expected} == expected
    assert values["oldest_received_scan_seconds",] == pytest.approx(3600, abs=60)
    assert values["oldest_review_item_seconds",] == pytest.approx(7200, abs=60)


def test_the_delivery_backlog_is_counted_by_destination(connection: Connection, dsn: str) -> None:
    scan, patient = a_scan(connection), a_patient(connection, "7700001", "Ann", "Testman")
    commit(connection, an_outcome(scan, ["text"], filed(a_document([1]), patient)), [BLOB])
    connection.execute("insert into destination (name, kind, supports_update) values ('ehr', 'folder', true)")
    connection.execute(
        "insert into delivery (destination, document_id, change, edition, content, queued_at)"
        " select 'ehr', id, 'new', 1, '{}', now() - interval '30 minutes' from document"
    )
    values = read_values(dsn)
    assert values["deliveries", "ehr", "pending"] == 1
    assert values["oldest_pending_delivery_seconds", "ehr"] == pytest.approx(1800, abs=60)


def test_no_metric_identifies_a_patient_or_a_file(connection: Connection, dsn: str) -> None:
    scan = a_scan(connection, name="Testman, Ann 7700001.tif")
    patient = a_patient(connection, "7700001", "Ann", "Testman")
    commit(connection, an_outcome(scan, ["Testman"], filed(a_document([1]), patient)), [BLOB])
    port = free_port()
    with metrics_server(load_settings().metrics, port, installation_collector(dsn)):
        text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    assert 'chartloom_documents{status="filed"} 1.0' in text
    assert "Testman" not in text
    assert "7700001" not in text


def scrape(port: int, context: ssl.SSLContext | None = None) -> str:
    scheme = "https" if context else "http"
    with urlopen(f"{scheme}://127.0.0.1:{port}/metrics", timeout=10, context=context) as response:
        return response.read().decode()


def test_a_scraper_of_another_network_gets_nothing(dsn: str) -> None:
    for network, is_admitted in (("10.20.0.0/16", False), ("127.0.0.0/8", True)):
        port = free_port()
        changes = {"allowed_networks": (parse_network(network),)}
        settings = load_settings().metrics.model_copy(update=changes)
        with metrics_server(settings, port, installation_collector(dsn)):
            if is_admitted:
                assert "chartloom_database_up 1.0" in scrape(port)
            else:
                with pytest.raises(OSError):  # noqa: PT011 (closed in one of several ways)
                    scrape(port)


def test_a_scraper_needs_a_trusted_certificate_if_the_settings_say_so(dsn: str, tmp_path: Path) -> None:
    own, key = certificate(tmp_path, "hospital")
    agent = certificate(tmp_path, "agent")
    files = {"tls_certificate": own, "tls_key": key, "tls_client_ca": agent[0]}
    port, trusting = free_port(), ssl.create_default_context(cafile=str(own))
    with metrics_server(load_settings().metrics.model_copy(update=files), port, installation_collector(dsn)):
        with pytest.raises(OSError):  # noqa: PT011 (closed in one of several ways)
            scrape(port, trusting)
        trusting.load_cert_chain(*agent)
        assert "chartloom_database_up 1.0" in scrape(port, trusting)


def test_many_connections_that_send_nothing_need_few_threads(dsn: str) -> None:
    port = free_port()
    with metrics_server(load_settings().metrics, port, installation_collector(dsn)):
        before = threading.active_count()
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        time.sleep(0.5)
        assert threading.active_count() - before <= MAX_SCRAPES
        for connection in silent:
            connection.close()


def test_a_slow_query_is_bounded_and_reported(
    connection: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "STATEMENT_TIMEOUT_SECONDS", 0.2)
    with connect(dsn) as other, other.transaction():
        other.execute("lock table document in access exclusive mode")
        values = read_values(dsn)
    assert values["metrics_query_failed", "metrics_documents"] == 1
    assert values["metrics_query_failed", "metrics_pages"] == 0
    assert ("jobs", "live", "todo") in values


def test_an_unavailable_database_is_reported() -> None:
    dsn = f"host=127.0.0.1 port={free_port()} dbname=none"
    assert read_values(dsn) == {("database_up",): 0}


def test_registering_the_collector_does_not_query_the_database() -> None:
    def fail() -> Connection:
        raise AssertionError("the database was queried")

    CollectorRegistry().register(InstallationCollector(fail))


def test_an_address_in_use_does_not_stop_the_program(dsn: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        metrics_server(load_settings().metrics, listening.getsockname()[1], installation_collector(dsn)),
    ):
        pass


def work_in_child(stage_seconds: StageSeconds, process: int) -> None:
    for _ in range(3):
        with stage_seconds.measure("read", process):
            pass


def test_the_stages_of_all_worker_processes_are_added_up() -> None:
    stage_seconds = StageSeconds(2)
    for process in (0, 1, 1):  # the last one replaces a process that ended
        child = get_context("fork").Process(target=work_in_child, args=(stage_seconds, process))
        child.start()
        child.join()
    registry = CollectorRegistry()
    registry.register(WorkerCollector(stage_seconds, 2))
    counts = {
        stage: registry.get_sample_value("chartloom_stage_seconds_count", {"stage": stage})
        for stage in STAGES
    }
    assert counts == {stage: 9 if stage == "read" else 0 for stage in STAGES}
    assert registry.get_sample_value("chartloom_worker_processes") == 2
    assert (registry.get_sample_value("chartloom_stage_seconds_sum", {"stage": "read"}) or 0) > 0
