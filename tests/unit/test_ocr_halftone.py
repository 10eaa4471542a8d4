"""Halftone screens behind dark print, as a fax makes of a shaded band, are removed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.ocr.image.halftone import remove_halftone
from pipeline.ocr.image.pixels import GrayImage

LETTER = 20.0
BAND = (slice(100, 240), slice(60, 1140))


def page(ground: float, ink: int, paper: int = 255) -> GrayImage:
    """Return a bilevel page with a line of print on a halftone band (`ground`: share of dots), and lines of
    print on paper below.
    """
    picture = np.full((700, 1200), paper, np.uint8)
    dots = np.random.default_rng(2).random((140, 1080)) < ground
    picture[BAND] = np.where(dots, 0, 255)
    cv2.putText(picture, "Patient: Priya N. Chandra", (90, 190), 0, 1.2, ink, 4)
    for row in range(6):
        cv2.putText(picture, "Progesterone 200 mg once daily at bedtime", (90, 330 + 60 * row), 0, 1.0, 0, 3)
    return picture


@pytest.mark.parametrize("ground", [0.15, 0.3, 0.4])
def test_print_on_a_halftone_band_becomes_print_on_paper(ground: float) -> None:
    lifted = remove_halftone(page(ground, ink=0), LETTER)[BAND]
    strokes = page(0.0, ink=0)[BAND] < 128
    around = cv2.dilate(strokes.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert (lifted[20:-20, 20:-20][strokes[20:-20, 20:-20]] < 150).mean() > 0.85
    assert (lifted[20:-20, 20:-20][around[20:-20, 20:-20]] > 170).mean() > 0.97


def test_print_outside_the_band_keeps_every_pixel() -> None:
    picture = page(0.3, ink=0)
    assert np.array_equal(remove_halftone(picture, LETTER)[300:], picture[300:])


def test_a_page_of_print_and_one_with_the_specks_of_a_bad_fax_are_unchanged() -> None:
    plain = page(0.0, ink=0)
    specked = np.where(np.random.default_rng(4).random(plain.shape) < 0.005, 0, plain).astype(np.uint8)
    assert remove_halftone(plain, LETTER) is plain
    assert remove_halftone(specked, LETTER) is specked


def test_light_print_on_a_dark_halftone_band_is_left_to_the_step_that_inverts_dark_areas() -> None:
    picture = page(0.5, ink=255)
    assert np.array_equal(remove_halftone(picture, LETTER), picture)


def test_small_dense_print_on_a_page_of_large_letters_is_no_halftone() -> None:
    picture = page(0.0, ink=0)
    line = "intended only for the use of the individual or entity " * 2
    for row in range(9):
        cv2.putText(picture, line, (60, 112 + 14 * row), 0, 0.28, 0, 1)
    assert np.array_equal(remove_halftone(picture, LETTER), picture)
