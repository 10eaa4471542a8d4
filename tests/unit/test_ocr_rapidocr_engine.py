"""Batches of the second engine: strips of similar width, within the limits of a batch."""

from __future__ import annotations

import pytest

from pipeline.ocr.engines.rapidocr_engine import (
    MAX_BATCH_WIDTH_PX,
    MAX_STRIP_WIDTH_PX,
    MAX_STRIPS_PER_BATCH,
    MAX_WIDTH_RATIO,
    group_by_width,
)


@pytest.mark.parametrize(
    "widths", [[300] * 20, [MAX_STRIP_WIDTH_PX] * 3, [100, 900, 110, 2000, 880, 120, 700, 2100]]
)
def test_every_strip_is_in_one_batch_of_similar_width_and_bounded_memory(widths: list[int]) -> None:
    groups = group_by_width(widths)
    assert sorted(number for group in groups for number in group) == list(range(len(widths)))
    for group in groups:
        widest = max(widths[number] for number in group)
        assert len(group) <= MAX_STRIPS_PER_BATCH
        assert len(group) == 1 or widest * len(group) <= MAX_BATCH_WIDTH_PX
        assert widest <= MAX_WIDTH_RATIO * min(widths[number] for number in group) + 8


def test_narrow_strips_share_a_batch() -> None:
    assert [len(group) for group in group_by_width([300] * 20)] == [8, 8, 4]
