"""The dashboard's numbers: intake, filing, the review queue, each person's work, model accuracy, storage."""

from __future__ import annotations

from typing import Any

from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.review.review_queue import queue_counts
from pipeline.web.review.review_reasons import KIND_LABELS, kind_label
from pipeline.web.ttl_cache import TtlCache

SQL = statements("pipeline.web")
Rows = list[dict[str, Any]]

# sums over a million sizes or three months of decisions hardly change within this time
CACHE_SECONDS = 60.0

_statistics_cache: TtlCache[dict[str, Any]] = TtlCache()


def dashboard_data(connection: Connection) -> dict[str, Any]:
    """Return the values of the dashboard's template at this moment."""
    reasons = queue_counts(connection).get("reason", [])
    statistics = _statistics_cache.get(connection)
    return {
        "now": connection.execute(SQL["dashboard_counts"]).fetchone(),
        "ages": connection.execute(SQL["review_ages"]).fetchall(),
        "reasons": [{"name": kind_label(row["key"]), "n": row["n"]} for row in reasons],
        "people": connection.execute(SQL["decisions_by_person"]).fetchall(),
        "closed": decisions_by_reason(connection.execute(SQL["decisions_by_reason"]).fetchall()),
        **(statistics or _statistics_cache.put(connection, _statistics(connection), CACHE_SECONDS)),
    }


def decisions_by_reason(rows: Rows) -> dict[str, Any]:
    """Return how many items each person closed, by reason.

    Returns:
        {"reasons": their labels, "people": [{"person", "counts" in the order of the labels}]}.
    """
    kinds = sorted({row["kind"] for row in rows}, key=list(KIND_LABELS).index)
    counts = {(row["person"], row["kind"]): row["n"] for row in rows}
    people = [
        {"person": person, "counts": [counts.get((person, kind), 0) for kind in kinds]}
        for person in dict.fromkeys(row["person"] for row in rows)
    ]
    return {"reasons": [KIND_LABELS[kind] for kind in kinds], "people": people}


def _statistics(connection: Connection) -> dict[str, Any]:
    """Return storage use and how often reviewers kept what the model proposed."""
    return {
        "storage": connection.execute(SQL["storage_totals"]).fetchone(),
        "agreement": connection.execute(SQL["model_agreement"]).fetchone(),
        "calibration": connection.execute(SQL["model_calibration"]).fetchall(),
    }
