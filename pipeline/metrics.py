"""Metrics for Prometheus: what is measured. pipeline/metrics_listener.py serves it.

The web application serves the state of the installation, read from the database at each scrape within a
bounded time. Each machine's workers serve the time that the stages take there. Labels are codes and names of
the settings; nothing in a metric identifies a patient or a document. See docs/reference/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psycopg
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.errors import ServiceUnavailable
from pipeline.logs import get_logger
from pipeline.store.database import Connection, connect
from pipeline.store.sql import statements

log = get_logger(__name__)
SQL = statements("pipeline")

CONNECT_TIMEOUT_SECONDS = 2
STATEMENT_TIMEOUT_SECONDS = 2.0
"""Per query: a scrape ends within Prometheus's default timeout of 10 s even if the database is slow."""


@dataclass(frozen=True, slots=True)
class Query:
    """A gauge, or several that share a statement. Each row has the labels and one column for each gauge."""

    statement: str
    gauges: dict[str, str]
    """What each gauge means, by the name of its column; the metric is chartloom_ and that name."""
    labels: tuple[str, ...] = ()


QUERIES = (
    Query("metrics_jobs", {"jobs": "Jobs in the queue."}, ("queue", "state")),
    Query("metrics_scans", {"scans": "Scans by status."}, ("status",)),
    Query(
        "metrics_oldest_scan",
        {"oldest_received_scan_seconds": "Age of the oldest scan that waits; 0 if none does."},
    ),
    Query("metrics_quarantined", {"quarantined_scans": "Quarantined scans by reason code."}, ("code",)),
    Query("metrics_pages", {"pages": "Pages of processed scans by kind."}, ("kind",)),
    Query("metrics_documents", {"documents": "Documents by status."}, ("status",)),
    Query(
        "metrics_reviews",
        {
            "open_review_items": "Review items that wait for a person.",
            "oldest_review_item_seconds": "Age of the oldest open review item; 0 if there is none.",
        },
    ),
    Query("metrics_deliveries", {"deliveries": "Deliveries by state."}, ("destination", "state")),
    Query(
        "metrics_oldest_delivery",
        {"oldest_pending_delivery_seconds": "Age of the oldest pending delivery."},
        ("destination",),
    ),
)


class InstallationCollector(Collector):
    """The state of the installation, read from its database at each scrape."""

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open_connection = open_connection

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges. Without the database only chartloom_database_up is there, and it is 0."""
        up = GaugeMetricFamily("chartloom_database_up", "Whether the database answers (1) or not (0).", 0)
        failed = GaugeMetricFamily(
            "chartloom_metrics_query_failed", "Whether a query of this scrape failed.", labels=["query"]
        )
        try:
            with self._open_connection() as connection:
                up.samples[0] = up.samples[0]._replace(value=1.0)
                for query in QUERIES:
                    try:
                        yield from read_gauges(connection, query)
                        failed.add_metric([query.statement], 0)
                    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
                        failed.add_metric([query.statement], 1)
        except (ServiceUnavailable, psycopg.Error) as error:
            log.warning("metrics incomplete", error=type(error).__name__)
        yield failed
        yield up

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not query the database."""
        return []


def read_gauges(connection: Connection, query: Query) -> list[Metric]:
    """Return the gauges of a query, within STATEMENT_TIMEOUT_SECONDS.

    Raises:
        psycopg.errors.QueryCanceled: the query took longer.
    """
    with connection.transaction():
        timeout_ms = f"{STATEMENT_TIMEOUT_SECONDS * 1000:.0f}"
        connection.execute("select set_config('statement_timeout', %s, true)", [timeout_ms])
        rows = connection.execute(SQL[query.statement]).fetchall()
    gauges: list[Metric] = []
    for name, meaning in query.gauges.items():
        gauge = GaugeMetricFamily(f"chartloom_{name}", meaning, labels=query.labels)
        for row in rows:
            gauge.add_metric([str(row[label]) for label in query.labels], float(row[name]))
        gauges.append(gauge)
    return gauges


def installation_collector(dsn: str) -> InstallationCollector:
    """Return the collector of the installation with this database."""
    return InstallationCollector(lambda: connect(dsn, connect_timeout=CONNECT_TIMEOUT_SECONDS))
