"""The words about totals: nothing is called balanced while a count differs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.commands.ingest_run import format_batch
from pipeline.commands.reconcile import format_total
from pipeline.ingest.batches import Batch
from pipeline.ingest.reconciliation import Discrepancy, Ledger

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def batch(*, closed: bool, balanced: bool | None, quarantined: int, item: int | None = None) -> Batch:
    return Batch(
        id=1, name="box", opened_at=NOW, closed_at=NOW if closed else None, balanced=balanced, item=item,
        item_settled_by=None, expected_files=1, expected_documents=None, expected_pages=None, files=1,
        duplicates=0, quarantined=quarantined, in_progress=0, documents=1, pages=1, quiet_seconds=9.0, scan=1,
    )  # fmt: skip


def ledger(*batches: Batch, faults: tuple[Discrepancy, ...] = ()) -> Ledger:
    return Ledger(files={}, pages={}, batches=batches, waiting=(), faults=faults, notes={})


BALANCED = batch(closed=True, balanced=True, quarantined=0)
CHANGED = batch(closed=True, balanced=True, quarantined=1)
INCOMPLETE = batch(closed=False, balanced=None, quarantined=1, item=7)


def test_a_batch_without_differences_is_balanced() -> None:
    assert format_batch(BALANCED).endswith("; balanced")
    assert format_total(ledger(BALANCED)) == "The counts are balanced."


@pytest.mark.parametrize("differing", [CHANGED, INCOMPLETE])
def test_a_difference_is_never_called_balanced(differing: Batch) -> None:
    assert "NOT BALANCED" in format_batch(differing)
    assert "1 of its files are in quarantine" in format_batch(differing)
    assert format_total(ledger(BALANCED, differing)).endswith("1 batch is NOT balanced.")


def test_a_discrepancy_has_precedence() -> None:
    fault = Discrepancy(code="stalled", scan=1, detail="")
    assert format_total(ledger(CHANGED, faults=(fault,))) == "The counts are NOT balanced."
