"""What is done to a page before it is read: dyes, photographs, bends and the print of the back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import load_settings
from pipeline.ocr.image import deskew
from pipeline.ocr.image.bleed_through import remove_bleed_through
from pipeline.ocr.image.ink_separation import separate_inks
from pipeline.ocr.image.page_curl import estimate_curl, flatten
from pipeline.ocr.image.page_detection import detect_page
from pipeline.ocr.image.pixels import GrayImage, page_image_from_pil
from pipeline.ocr.read_page import read_page
from pipeline.records import Page

LINE = "She reports no chest pain, no headache and no dizziness since Monday."
SIZE = 26
"""Pixels of the type; its usual letter has about 16."""
LETTER = 16.0


def print_of(line: str = LINE, shape: tuple[int, int] = (1400, 1080)) -> GrayImage:
    page = Image.new("L", (shape[1], shape[0]), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(SIZE)
    for y in range(100, shape[0] - 120, 48):
        draw.text((90, y), line, fill=10, font=font)
    return np.asarray(page)


def rgb(gray: GrayImage) -> GrayImage:
    return np.repeat(gray[:, :, None], 3, axis=2)


def dyed(picture: GrayImage, box: tuple[int, int, int, int], color: tuple[int, int, int]) -> GrayImage:
    out = picture.copy()
    x0, y0, x1, y1 = box
    out[y0:y1, x0:x1] = out[y0:y1, x0:x1].astype(int) * color // 255
    return out


def ink_seen(picture: GrayImage) -> GrayImage:
    return separate_inks(page_image_from_pil(Image.fromarray(picture)))


def test_print_under_a_marker_and_on_colored_paper_is_read_on_white() -> None:
    marked = ink_seen(dyed(rgb(print_of()), (80, 190, 900, 235), (120, 220, 255)))
    assert np.median(marked[190:235, 90:890]) > 240
    assert (marked[190:235, 90:890] < 60).mean() > 0.03
    pink = ink_seen(dyed(rgb(print_of()), (0, 0, 1080, 1400), (250, 190, 205)))
    assert np.median(pink) > 240


def test_a_stamp_across_print_is_lifted_and_print_in_the_same_dye_is_left() -> None:
    dye = Image.new("RGB", print_of().shape[::-1], "white")
    draw = ImageDraw.Draw(dye)
    draw.rectangle((200, 180, 620, 330), outline=(200, 40, 50), width=7)
    draw.text((90, 40), "RED PRINT", fill=(200, 40, 50), font=ImageFont.load_default(SIZE))
    seen = ink_seen((rgb(print_of()).astype(int) * np.asarray(dye) // 255).astype(np.uint8))
    assert (seen[60:90, 60:400] < 128).any()
    apart = np.abs(seen[170:340, 190:640].astype(int) - print_of()[170:340, 190:640])
    assert (apart > 70).mean() < 0.002


def test_the_colored_fringes_of_print_on_a_screen_are_no_stamp() -> None:
    plain = print_of()
    fringed = np.stack([plain, np.roll(plain, 1, axis=1), np.roll(plain, 2, axis=1)], axis=2)
    page = page_image_from_pil(Image.fromarray(fringed))
    assert np.array_equal(separate_inks(page), page.gray)


def test_a_page_without_color_is_the_same_picture() -> None:
    page = page_image_from_pil(Image.fromarray(print_of()))
    assert separate_inks(page) is page.gray


def photographed(page: GrayImage) -> tuple[GrayImage, np.ndarray]:
    """The page on a dark desk, seen askew; and its corners there."""
    height, width = page.shape
    corners = np.array([(130, 110), (1130, 170), (1180, 1490), (90, 1440)], np.float32)
    matrix = cv2.getPerspectiveTransform(
        np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32), corners
    )
    return np.asarray(cv2.warpPerspective(page, matrix, (1280, 1600), borderValue=70), np.uint8), corners


def test_the_sheet_in_a_photograph_is_found_to_three_pixels_and_a_scan_has_none() -> None:
    picture, corners = photographed(print_of())
    found = detect_page(picture)
    assert found is not None
    assert np.abs(found - corners).max() < 3
    assert detect_page(print_of()) is None
    edged = print_of().copy()
    edged[:, :60] = 0
    assert detect_page(edged) is None


def test_words_of_a_photographed_page_stand_over_their_ink_in_the_photograph(tmp_path: Path) -> None:
    picture, _ = photographed(print_of("Amelia Hartwell was seen for a follow-up of her blood pressure."))
    file = tmp_path / "photo.png"
    Image.fromarray(picture).save(file)
    settings = load_settings().ocr.model_copy(update={"second_engine": "never"})
    page = read_page(Page(scan="", number=1, image="0" * 64), file, settings).page
    assert (page.width, page.height) == picture.shape[::-1]
    assert page.text.count("Amelia Hartwell") > 20
    paper = cv2.dilate(picture, np.ones((9, 9), np.uint8))
    inside = [picture[w.box[1] : w.box[3], w.box[0] : w.box[2]] for w in page.words]
    around = [paper[w.box[1] : w.box[3], w.box[0] : w.box[2]] for w in page.words]
    assert (
        np.mean(
            [(i < 128).mean() > 0.08 and (a > 200).mean() > 0.9 for i, a in zip(inside, around, strict=True)]
        )
        > 0.95
    )


def bent(page: GrayImage, deep: float) -> GrayImage:
    x, y = np.meshgrid(np.arange(page.shape[1], dtype=np.float32), np.arange(page.shape[0], dtype=np.float32))
    lift = deep * np.sin(np.pi * x / page.shape[1])
    return np.asarray(
        cv2.remap(page, x, (y + lift).astype(np.float32), cv2.INTER_LINEAR, borderValue=255), np.uint8
    )


def test_bent_lines_are_made_straight_and_straight_ones_are_left_alone() -> None:
    page = bent(print_of(), 30)
    shift = estimate_curl(page, LETTER)
    assert shift is not None
    straight = flatten(page, shift)
    assert rows_of(straight) > 2.5 * rows_of(page)
    assert estimate_curl(print_of(), LETTER) is None


def rows_of(page: GrayImage) -> float:
    """How sharply ink gathers in rows."""
    return float(np.square(np.diff((page < 128).sum(axis=1).astype(float))).sum())


def test_print_of_the_back_is_lifted_and_faint_print_that_is_not_mirrored_stays() -> None:
    back = cv2.GaussianBlur(
        print_of("The back of this sheet says something else entirely.")[:, ::-1], (0, 0), 1.2
    )
    back = 255 - (255 - np.roll(back, 22, axis=0).astype(int)) * 3 // 10
    page = np.minimum(print_of(), back).astype(np.uint8)
    cleaned = remove_bleed_through(page, LETTER, lambda _: True)
    behind = cv2.erode(print_of(), np.ones((7, 7), np.uint8)) == 255
    assert (cleaned[behind] < 225).sum() < 0.05 * (page[behind] < 225).sum()
    assert ((print_of() < 60) & (cleaned < 90)).sum() > 0.98 * (print_of() < 60).sum()
    assert remove_bleed_through(page, LETTER, lambda _: False) is page
    alone = print_of()
    assert remove_bleed_through(alone, LETTER, lambda _: True) is alone


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_matrix_of_a_turn_says_where_a_point_goes(rotation: int) -> None:
    page = np.full((300, 200), 255, np.uint8)
    page[60:65, 150:155] = 0
    turned = deskew.remove_skew(deskew.rotate(page, rotation), 4.0)
    x, y, _ = deskew.upright_matrix((300, 200), rotation, 4.0) @ (152, 62, 1)
    rows, columns = np.nonzero(turned < 128)
    assert (columns.mean(), rows.mean()) == pytest.approx((x, y), abs=1.5)
