"""Preprocessing of a page: dyes, photographs, curl and bleed-through."""

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
"""Pixels of the type; its typical letter has about 16."""
LETTER = 16.0


def printed_page(line: str = LINE, shape: tuple[int, int] = (1400, 1080)) -> GrayImage:
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


def separated(picture: GrayImage) -> GrayImage:
    return separate_inks(page_image_from_pil(Image.fromarray(picture)))


def test_print_under_a_highlighter_and_on_colored_paper_becomes_print_on_white() -> None:
    marked = separated(dyed(rgb(printed_page()), (80, 190, 900, 235), (120, 220, 255)))
    assert np.median(marked[190:235, 90:890]) > 240
    assert (marked[190:235, 90:890] < 60).mean() > 0.03
    pink = separated(dyed(rgb(printed_page()), (0, 0, 1080, 1400), (250, 190, 205)))
    assert np.median(pink) > 240


def test_a_stamp_across_print_is_removed_and_print_in_the_same_dye_stays() -> None:
    dye = Image.new("RGB", printed_page().shape[::-1], "white")
    draw = ImageDraw.Draw(dye)
    draw.rectangle((200, 180, 620, 330), outline=(200, 40, 50), width=7)
    draw.text((90, 40), "RED PRINT", fill=(200, 40, 50), font=ImageFont.load_default(SIZE))
    result = separated((rgb(printed_page()).astype(int) * np.asarray(dye) // 255).astype(np.uint8))
    assert (result[60:90, 60:400] < 128).any()
    apart = np.abs(result[170:340, 190:640].astype(int) - printed_page()[170:340, 190:640])
    assert (apart > 70).mean() < 0.002


def test_a_form_printed_in_red_keeps_its_print_under_the_entries() -> None:
    is_print = printed_page() < 128
    is_entry = np.roll(printed_page("HALLOWAY", (1400, 1080)), 10, axis=0) < 128
    form = np.where(is_print[..., None], np.array((214, 50, 50), np.uint8), np.uint8(255))
    seen = separated(np.where(is_entry[..., None], np.uint8(0), form))
    assert seen[is_print & ~is_entry].mean() < 140
    assert seen[is_entry].max() < 60


def test_the_colored_fringes_of_print_are_not_a_stamp() -> None:
    plain = printed_page()
    fringed = np.stack([plain, np.roll(plain, 1, axis=1), np.roll(plain, 2, axis=1)], axis=2)
    page = page_image_from_pil(Image.fromarray(fringed))
    assert np.array_equal(separate_inks(page), page.gray)


def test_a_page_without_color_is_unchanged() -> None:
    page = page_image_from_pil(Image.fromarray(printed_page()))
    assert separate_inks(page) is page.gray


def photographed(page: GrayImage) -> tuple[GrayImage, np.ndarray]:
    """Return the page on a dark desk in perspective, and its corners there."""
    height, width = page.shape
    corners = np.array([(130, 110), (1130, 170), (1180, 1490), (90, 1440)], np.float32)
    matrix = cv2.getPerspectiveTransform(
        np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32), corners
    )
    return np.asarray(cv2.warpPerspective(page, matrix, (1280, 1600), borderValue=70), np.uint8), corners


def test_the_page_in_a_photograph_is_detected_to_three_pixels_and_a_scan_has_none() -> None:
    picture, corners = photographed(printed_page())
    found = detect_page(picture)
    assert found is not None
    assert np.abs(found - corners).max() < 3
    assert detect_page(printed_page()) is None
    edged = printed_page().copy()
    edged[:, :60] = 0
    assert detect_page(edged) is None


def test_words_of_a_photographed_page_are_over_their_ink_in_the_photograph(tmp_path: Path) -> None:
    picture, _ = photographed(printed_page("Amelia Hartwell was seen for a follow-up of her blood pressure."))
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


def test_curved_lines_are_straightened_and_straight_ones_are_unchanged() -> None:
    page = bent(printed_page(), 30)
    shift = estimate_curl(page, LETTER)
    assert shift is not None
    straight = flatten(page, shift)
    assert rows_of(straight) > 2.5 * rows_of(page)
    assert estimate_curl(printed_page(), LETTER) is None


def rows_of(page: GrayImage) -> float:
    """Return how sharply ink gathers in rows."""
    return float(np.square(np.diff((page < 128).sum(axis=1).astype(float))).sum())


def test_bleed_through_is_removed_and_faint_print_that_is_not_mirrored_stays() -> None:
    back = cv2.GaussianBlur(
        printed_page("The back of this sheet says something else entirely.")[:, ::-1], (0, 0), 1.2
    )
    back = 255 - (255 - np.roll(back, 22, axis=0).astype(int)) * 3 // 10
    page = np.minimum(printed_page(), back).astype(np.uint8)
    cleaned = remove_bleed_through(page, LETTER, lambda _: True)
    behind = cv2.erode(printed_page(), np.ones((7, 7), np.uint8)) == 255
    assert (cleaned[behind] < 225).sum() < 0.05 * (page[behind] < 225).sum()
    assert ((printed_page() < 60) & (cleaned < 90)).sum() > 0.98 * (printed_page() < 60).sum()
    assert remove_bleed_through(page, LETTER, lambda _: False) is page
    alone = printed_page()
    assert remove_bleed_through(alone, LETTER, lambda _: True) is alone


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_upright_matrix_maps_points_as_the_image_is_rotated(rotation: int) -> None:
    page = np.full((300, 200), 255, np.uint8)
    page[60:65, 150:155] = 0
    turned = deskew.remove_skew(deskew.rotate(page, rotation), 4.0)
    x, y, _ = deskew.upright_matrix((300, 200), rotation, 4.0) @ (152, 62, 1)
    rows, columns = np.nonzero(turned < 128)
    assert (columns.mean(), rows.mean()) == pytest.approx((x, y), abs=1.5)
