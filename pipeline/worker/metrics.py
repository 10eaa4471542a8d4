"""Serve the metrics of a machine's workers, from a process of their pool."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from pipeline.config import MetricsSettings
from pipeline.metrics_listener import start_metrics_server
from pipeline.worker.stage_seconds import StageSeconds

RETRY_INTERVAL_SECONDS = 30.0
"""How often an address in use is tried again: another pool on this machine may have it for a while."""


class WorkerCollector(Collector):
    """The number of worker processes and the time that their stages took."""

    def __init__(self, stage_seconds: StageSeconds, processes: int) -> None:
        self._stage_seconds = stage_seconds
        self._processes = processes

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        yield GaugeMetricFamily("chartloom_worker_processes", "Worker processes.", self._processes)
        stages = SummaryMetricFamily(
            "chartloom_stage_seconds",
            "Time that a stage takes: a page for open and read, a document for match, decide and build_pdf, "
            "else a scan.",
            labels=["stage"],
        )
        for stage, (calls, seconds) in self._stage_seconds.totals().items():
            stages.add_metric([stage], count_value=calls, sum_value=seconds)
        yield stages


def serve_worker_metrics(settings: MetricsSettings, stage_seconds: StageSeconds, processes: int) -> None:
    """Serve the metrics until this process is stopped."""
    collector = WorkerCollector(stage_seconds, processes)
    while start_metrics_server(settings, settings.worker_port, collector) is None:
        time.sleep(RETRY_INTERVAL_SECONDS)
    while True:
        time.sleep(RETRY_INTERVAL_SECONDS)
