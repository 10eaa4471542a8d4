"""The supervisor's figures: what came in, what was filed, what waits, who does what, how right the machine
is, what is kept.
"""

from __future__ import annotations

from typing import Any

from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.review.review_queue import counts
from pipeline.web.review.review_reasons import KINDS, kind
from pipeline.web.ttl_cache import kept

SQL = statements("pipeline.web")
Rows = list[dict[str, Any]]

# how old the figures may be that add up a million sizes or three months of decisions: they hardly move
SLOW_SECONDS = 60.0


def figures(connection: Connection) -> dict[str, Any]:
    """All figures of the page at this moment."""
    return {
        "now": connection.execute(SQL["figures"]).fetchone(),
        "ages": connection.execute(SQL["figures_ages"]).fetchall(),
        "reasons": [
            {"name": kind(row["key"]), "n": row["n"]} for row in counts(connection).get("reason", [])
        ],
        "people": connection.execute(SQL["figures_people"]).fetchall(),
        "settled": by_reason(connection.execute(SQL["figures_people_reasons"]).fetchall()),
        **kept(connection, "figures", lambda: _slow(connection), lambda _: SLOW_SECONDS),
    }


def by_reason(rows: Rows) -> dict[str, Any]:
    """What each person settled, by reason: {"reasons": their names, "people": [{"person", "counts" in their
    order, "n"}]}.
    """
    kinds = sorted({row["kind"] for row in rows}, key=list(KINDS).index)
    found = {(row["person"], row["kind"]): row["n"] for row in rows}
    people = [
        {"person": person, "counts": [found.get((person, kind), 0) for kind in kinds]}
        for person in dict.fromkeys(row["person"] for row in rows)
    ]
    return {"reasons": [KINDS[kind] for kind in kinds], "people": people}


def _slow(connection: Connection) -> dict[str, Any]:
    """Storage, and how machine and people agree."""
    return {
        "storage": connection.execute(SQL["figures_storage"]).fetchone(),
        "agreement": connection.execute(SQL["figures_agreement"]).fetchone(),
        "calibration": connection.execute(SQL["figures_calibration"]).fetchall(),
    }
