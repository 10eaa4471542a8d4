"""Long strips (receipts, ECGs) are read in parts, at the size that they state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import load_settings
from pipeline.ocr.read_page import Reading, plausible_dpi, read_page
from pipeline.ocr.recognition.recognize import strip_cuts
from pipeline.records import Page

LINES = tuple(f"Sample {number}: potassium 4.{number % 10} mmol" for number in range(60))


def receipt() -> Image.Image:
    strip = Image.new("L", (620, 4800), 255)
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(28)
    for number, line in enumerate(LINES):
        draw.text((60, 100 + 77 * number), line, fill=0, font=font)
    return strip


def read(strip: Image.Image, folder: Path) -> Reading:
    strip.save(folder / "strip.png")
    settings = load_settings().ocr.model_copy(update={"second_engine": "never"})
    return read_page(Page(scan="", number=1, image="0" * 64, dpi=200.0), folder / "strip.png", settings)


def test_every_line_of_a_receipt_is_read_once_and_in_order(tmp_path: Path) -> None:
    page = read(receipt(), tmp_path).page
    expected, found = " ".join(LINES).split(), [word.text for word in page.words]
    assert len(found) == len(expected)
    assert sum(map(str.__eq__, found, expected)) >= 0.98 * len(expected)
    tops = [word.box[1] for word in page.words if word.text == "potassium"]
    assert tops == sorted(tops)
    assert len(tops) <= len(LINES)
    assert page.dpi == 200


def test_a_strip_is_cut_between_lines() -> None:
    strip = np.asarray(receipt())
    cuts = strip_cuts(strip)
    assert len(cuts) > 4
    assert all(strip[cut].min() == 255 for cut in cuts[1:-1])
    assert (cuts[0], cuts[-1]) == (0, 4800)


def test_a_strip_with_faint_ink_is_not_blank_and_keeps_its_resolution(tmp_path: Path) -> None:
    strip = Image.new("L", (4800, 620), 255)
    ImageDraw.Draw(strip).line((0, 300, 4800, 300), fill=225, width=1)
    assert not read(strip, tmp_path).page.blank
    assert plausible_dpi(200.0, 4800, 620) == 200
