"""The pictures of two pages tell whether they are scans of one paper."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from pipeline.matching.near_duplicates import ComparedPage, is_near_duplicate
from pipeline.matching.page_pictures import is_same_paper
from pipeline.ocr.output.preview import encode_preview
from pipeline.synthetic.scanner import Scanner
from tests.support.rescans import BLANK, FAX, GRAY, OFFICE, Pixels, handwritten, printed_page, rescanned

TEXT = (
    "Informed consent to the procedure. I have been told of the risks and of what else can be done, and my "
    "questions were answered. Name of the patient, date and signature, witness, physician, and interpreter. "
    * 3
)
FORM = printed_page(TEXT)
FILLED = handwritten(random.Random(1), FORM)
FILLED_BY_ANOTHER = handwritten(random.Random(2), FORM)


@pytest.mark.parametrize("scanners", [(OFFICE, OFFICE), (OFFICE, GRAY), (GRAY, GRAY), (OFFICE, FAX)])
@pytest.mark.parametrize("paper", [FORM, FILLED, handwritten(random.Random(3), BLANK)])
def test_two_scans_of_one_paper_show_the_same_paper(paper: Pixels, scanners: tuple[Scanner, Scanner]) -> None:
    first, second = (rescanned(seed, paper, scanner) for seed, scanner in enumerate(scanners, 1))
    assert is_same_paper(first, second)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (FILLED, FILLED_BY_ANOTHER),
        (FORM, FILLED),
        (FORM, handwritten(random.Random(5), FORM, words=1)),  # signed
        (handwritten(random.Random(3), BLANK), handwritten(random.Random(4), BLANK)),
    ],
    ids=["other handwriting", "empty and filled", "signed", "handwriting alone"],
)
@pytest.mark.parametrize("scanner", [OFFICE, GRAY, FAX])
def test_two_papers_are_never_taken_for_one_because_they_are_the_same_form(
    left: Pixels, right: Pixels, scanner: Scanner
) -> None:
    assert not is_same_paper(rescanned(1, left, scanner), rescanned(2, right, scanner))


def test_pages_on_which_a_difference_would_not_be_seen_are_not_the_same() -> None:
    grid = BLANK.copy()
    grid[:, ::8] = grid[::8, :] = 0
    for page in (BLANK, grid):
        assert not is_same_paper(encode_preview(page), encode_preview(page))
    assert not is_same_paper(b"no picture", encode_preview(FORM))


def test_two_short_results_with_other_numbers_are_not_duplicates() -> None:
    strips = [
        ComparedPage(text, lambda text=text: encode_preview(printed_page(text, 60)))  # type: ignore[misc]
        for text in ("Glucose 145 mg/dL", "Glucose 132 mg/dL")
    ]
    assert not is_near_duplicate(strips[:1], strips[1:])
    assert is_near_duplicate(strips[:1], strips[:1])


def test_a_page_is_found_although_it_lies_elsewhere_on_the_sheet() -> None:
    moved = cv2.warpAffine(
        FILLED, np.array([[0.97, 0, 60], [0, 0.97, 45]], np.float32), (1700, 2200), borderValue=(255.0,)
    )
    assert is_same_paper(encode_preview(FILLED), encode_preview(np.asarray(moved, np.uint8)))
