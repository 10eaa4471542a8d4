"""How often filing goes wrong, measured: documents drawn at random, looked at by people in the review queue.

The size is that of a plan of acceptance sampling by attributes for a lot of N documents, as AIIM TR34 asks of
imaging projects: the smallest n for which a lot with the stated share of errors would show none in the sample
with a probability of at most 1 - confidence. Drawing is without replacement, so that probability is
hypergeometric (NIST/SEMATECH e-Handbook, 6.2.3). The interval around the measured share is Clopper's and
Pearson's exact one (Biometrika 26, 1934, 404-413)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.archive.migration_jobs import Archive
from pipeline.errors import BadInput
from pipeline.records import Reason
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
WHY = Reason(
    code="quality_sample",
    detail="Drawn at random to measure how often filing goes wrong: check patient, type, date, pages, then file it.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample and what came of it. `found`: the documents with errors: {"document", "wrong", "by"}. `batch`:
    None is all.
    """

    id: int
    batch: str | None
    batch_id: int | None
    seed: int
    confidence: float
    error_limit: float
    population: int
    drawn_at: datetime
    drawn_by: str
    size: int
    checked: int
    errors: int
    found: list[dict[str, Any]]

    @property
    def interval(self) -> tuple[float, float]:
        """Between what the share of errors is, with its confidence."""
        return interval(self.errors, self.checked, self.confidence)

    @property
    def passed(self) -> bool | None:
        """Are the errors below the limit, as surely as was asked for? None while not everything has been
        checked.
        """
        return None if self.checked < self.size else not self.errors


def size_for(population: int, confidence: float, limit: float) -> int:
    """How many of `population` documents must be right, all of them, to say that fewer than `limit` of all
    are wrong.
    """
    from scipy.stats import hypergeom

    wrong = max(1, ceil(limit * population))
    low, high = 1, max(1, population)
    while low < high:
        n = (low + high) // 2
        if hypergeom.pmf(0, population, wrong, n) <= 1 - confidence:
            high = n
        else:
            low = n + 1
    return min(low, population)


def interval(errors: int, checked: int, confidence: float) -> tuple[float, float]:
    """The exact two-sided interval of a share of `errors` in `checked`."""
    from scipy.stats import beta

    if not checked:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, errors, checked - errors + 1)) if errors else 0.0
    high = float(beta.ppf(1 - tail, errors + 1, checked - errors)) if errors < checked else 1.0
    return low, high


def draw(
    connection: Connection,
    archive: Archive,
    batch: int | None,
    *,
    confidence: float,
    limit: float,
    seed: int,
    by: str,
) -> Sample:
    """Draw a sample of what is filed and put it into the review queue. Raises BadInput where nothing is
    filed.
    """
    if not (0 < confidence < 1 and 0 < limit < 1):
        raise BadInput("Confidence and limit are shares.", "0.95 and 0.01, say.", "bad_option")
    with connection.transaction():
        filed = [
            row["id"]
            for row in connection.execute(SQL["filed_documents"], {"archive": archive.id, "batch": batch})
        ]
        if not filed:
            raise BadInput(
                f"Nothing of the migration {archive.name} is filed yet.",
                "Draw the sample later.",
                "nothing_filed",
            )
        chosen = sorted(random.Random(seed).sample(filed, size_for(len(filed), confidence, limit)))
        row = connection.execute(
            SQL["draw_sample"],
            {
                "archive": archive.id, "batch": batch, "seed": seed, "confidence": confidence, "limit": limit,
                "population": len(filed), "by": by,
            },
        ).fetchone()  # fmt: skip
        assert row is not None
        connection.execute(
            SQL["open_sample_items"], {"documents": chosen, "reasons": Jsonb(reasons_json([WHY]))}
        )
        connection.execute(SQL["note_sampled"], {"sample": row["id"], "documents": chosen})
    return next(sample for sample in samples(connection, archive) if sample.id == row["id"])


def samples(connection: Connection, archive: Archive) -> list[Sample]:
    """The archive's samples, in the order they were drawn."""
    return [Sample(**row) for row in connection.execute(SQL["samples"], [archive.id])]
