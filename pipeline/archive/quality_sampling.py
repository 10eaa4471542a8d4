"""Measure the error rate of filing: draw documents at random and have people check them in the review queue.

The size is that of an acceptance sampling plan by attributes for a lot of N documents, as AIIM TR34 asks of
imaging projects: the smallest n for which a lot with the stated share of errors would show none in the sample
with a probability of at most 1 - confidence. Drawing is without replacement, so that probability is
hypergeometric (NIST/SEMATECH e-Handbook, 6.2.3). The interval around the measured share is the exact interval
of Clopper and Pearson (Biometrika 26, 1934, 404-413).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.archive.migration_jobs import MigrationJob
from pipeline.errors import InvalidInput
from pipeline.records import Reason
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
SAMPLE_REASON = Reason(
    code="quality_sample",
    detail="Drawn at random to measure the error rate of filing."
    " Check patient, type, date and pages, then file it.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample and its results so far.

    Attributes:
        batch: The batch that it was drawn from; None for all batches.
        found: The documents with errors: {"document", "wrong", "by"}.
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
        """The exact interval of the share of errors, with the confidence of the sample."""
        return exact_interval(self.errors, self.checked, self.confidence)

    @property
    def passed(self) -> bool | None:
        """Whether the error rate is below the limit with the confidence asked for; None until all are
        checked.
        """
        return None if self.checked < self.size else not self.errors


def sample_size(population: int, confidence: float, limit: float) -> int:
    """Return how many documents must all be right to show that a share of less than `limit` is wrong."""
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


def exact_interval(errors: int, checked: int, confidence: float) -> tuple[float, float]:
    """Return the exact two-sided interval of the share `errors` / `checked` (Clopper and Pearson)."""
    from scipy.stats import beta

    if not checked:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, errors, checked - errors + 1)) if errors else 0.0
    high = float(beta.ppf(1 - tail, errors + 1, checked - errors)) if errors < checked else 1.0
    return low, high


def draw_sample(
    connection: Connection,
    job: MigrationJob,
    batch: int | None,
    *,
    confidence: float,
    limit: float,
    seed: int,
    actor: str,
) -> Sample:
    """Draw a sample of the filed documents and put it into the review queue.

    Raises:
        InvalidInput: Nothing has been filed yet, or a share is out of range.
    """
    if not (0 < confidence < 1 and 0 < limit < 1):
        raise InvalidInput(
            "Confidence and error limit must be between 0 and 1.", "For example 0.95 and 0.01.", "bad_option"
        )
    with connection.transaction():
        filed = [
            row["id"]
            for row in connection.execute(SQL["filed_documents"], {"archive": job.id, "batch": batch})
        ]
        if not filed:
            raise InvalidInput(
                f"Nothing of the migration {job.name} is filed yet.",
                "Draw the sample when documents have been filed.",
                "nothing_filed",
            )
        chosen = sorted(random.Random(seed).sample(filed, sample_size(len(filed), confidence, limit)))
        row = connection.execute(
            SQL["draw_sample"],
            {
                "archive": job.id, "batch": batch, "seed": seed, "confidence": confidence, "limit": limit,
                "population": len(filed), "by": actor,
            },
        ).fetchone()  # fmt: skip
        assert row is not None
        connection.execute(
            SQL["open_sample_items"], {"documents": chosen, "reasons": Jsonb(reasons_json([SAMPLE_REASON]))}
        )
        connection.execute(SQL["record_sample_items"], {"sample": row["id"], "documents": chosen})
    return next(sample for sample in samples(connection, job) if sample.id == row["id"])


def samples(connection: Connection, job: MigrationJob) -> list[Sample]:
    """Return the samples of a migration, in the order they were drawn."""
    return [Sample(**row) for row in connection.execute(SQL["samples"], [job.id])]
