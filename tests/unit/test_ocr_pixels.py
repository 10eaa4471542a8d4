"""Connected components and downscaling, which every step of reading uses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.ocr.image.pixels import connected_components, downscale, paint_components


def test_a_page_with_more_specks_than_16_bits_can_number_is_labeled() -> None:
    specks = np.zeros((600, 600), np.uint8)
    specks[::2, ::2] = 255
    count, labels, stats, _ = connected_components(specks)
    assert count == 300 * 300 + 1
    assert labels.max() == 300 * 300
    assert (stats[1:, 4] == 1).all()
    assert np.array_equal(paint_components(labels, np.arange(count) > 0), specks)


def test_only_chosen_components_are_painted() -> None:
    page = np.zeros((20, 40), np.uint8)
    page[2:5, 2:5] = page[10:12, 30:33] = 255
    _, labels, _, _ = connected_components(page)
    only_first = page.copy()
    only_first[10:] = 0
    assert np.array_equal(paint_components(labels, np.array([False, True, False])), only_first)


def test_components_are_the_same_in_16_and_in_32_bits() -> None:
    page = (np.random.default_rng(4).random((300, 201)) < 0.1).astype(np.uint8)
    found = connected_components(page)
    wanted = cv2.connectedComponentsWithStats(page, connectivity=8)
    assert found[1].dtype == np.uint16
    assert found[0] == wanted[0]
    assert all(np.array_equal(np.asarray(found[at]), np.asarray(wanted[at])) for at in (1, 2, 3))


@pytest.mark.parametrize("factor", [1.0, 0.7, 0.5, 0.3, 0.125])
def test_a_downscaled_page_keeps_its_proportions_and_its_ink(factor: float) -> None:
    page = np.full((801, 603), 255, np.uint8)
    page[200:400, 100:500] = 0
    small = downscale(page, factor)
    assert small.shape == pytest.approx((801 * factor, 603 * factor), abs=2)
    assert (small < 128).mean() == pytest.approx((page < 128).mean(), rel=0.05)


def test_a_single_pixel_is_not_downscaled_to_nothing() -> None:
    assert downscale(np.zeros((1, 1), np.uint8), 0.125).shape == (1, 1)
