"""Strips of the second engine that are read in one run: of like width, and no more than there is room for."""

from __future__ import annotations

import pytest

from pipeline.ocr.engines.rapidocr_engine import ALIKE, ROOM, TOGETHER, WIDEST, alike


@pytest.mark.parametrize("widths", [[300] * 20, [WIDEST] * 3, [100, 900, 110, 2000, 880, 120, 700, 2100]])
def test_every_strip_is_read_once_with_those_of_like_width_in_bounded_memory(widths: list[int]) -> None:
    groups = alike(widths)
    assert sorted(number for group in groups for number in group) == list(range(len(widths)))
    for group in groups:
        widest = max(widths[number] for number in group)
        assert len(group) <= TOGETHER
        assert len(group) == 1 or widest * len(group) <= ROOM
        assert widest <= ALIKE * min(widths[number] for number in group) + 8


def test_narrow_strips_share_a_run() -> None:
    assert [len(group) for group in alike([300] * 20)] == [8, 8, 4]
