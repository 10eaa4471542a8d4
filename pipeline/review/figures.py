"""The supervisor's figures: what came in, what was filed, what waits, who does what, how far the machine is right."""

from __future__ import annotations

from typing import Any

from pipeline.review.claims import REASONS, counts
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.review")


def figures(connection: Connection) -> dict[str, Any]:
    """All figures of the page at this moment."""
    now = connection.execute(SQL["figures"]).fetchone()
    agreement = connection.execute(SQL["figures_agreement"]).fetchone()
    reasons = [{"name": REASONS.get(row["key"], row["key"]), "n": row["n"]} for row in counts(connection).get("reason", [])]
    return {
        "now": now,
        "ages": connection.execute(SQL["figures_ages"]).fetchall(),
        "reasons": reasons,
        "people": connection.execute(SQL["figures_people"]).fetchall(),
        "agreement": agreement,
        "calibration": connection.execute(SQL["figures_calibration"]).fetchall(),
    }
