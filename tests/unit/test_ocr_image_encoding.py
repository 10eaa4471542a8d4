"""The archived image of a page: what a person sees in it, and its size."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.ocr.image.pixels import GrayImage, PageImage
from pipeline.ocr.output import mrc, searchable_pdf
from pipeline.ocr.output.image_encoding import EncodedPage, encode_jpeg, encode_page

WHITE, DPI = 246, 200.0


def scan(noise: float = 2.0) -> GrayImage:
    """A gray scan at 200 dpi: print, a pencil line, a shaded band with print, a gray stamp; soft, with the
    scanner's noise.
    """
    page = Image.new("L", (1300, 1000), WHITE)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(34)
    draw.rectangle((80, 400, 1220, 470), fill=170)
    for number, text in enumerate(
        ("Lisinopril 10 mg, 0.5 tablet", "Potassium 4.1 mmol/L", "Reviewed", "Header of a table")
    ):
        draw.text((100, 60 + 115 * number), text, fill=20, font=font)
    draw.line((100, 560, 1000, 570), fill=190, width=2)
    draw.ellipse((800, 650, 1100, 900), outline=130, width=9)
    return scanned(np.asarray(page), noise)


def scanned(gray: GrayImage, noise: float) -> GrayImage:
    soft = np.asarray(cv2.GaussianBlur(gray, (0, 0), 0.8), np.float32)
    return np.clip(soft + np.random.default_rng(1).normal(0, noise, soft.shape), 0, 255).astype(np.uint8)


def coarse_scan() -> GrayImage:
    """Return the same page at half the resolution."""
    return np.asarray(cv2.resize(scan(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def archived(gray: GrayImage, dpi: float = DPI) -> EncodedPage:
    return encode_page(PageImage(gray=gray, color=None, bilevel=False), 75, dpi)


def encoded_size(encoded: EncodedPage) -> int:
    pictures = (
        (encoded.image,) if encoded.ink is None else (encoded.image, encoded.ink.shape, encoded.ink.tones)
    )
    return sum(len(picture.data) for picture in pictures)


def page_of(gray: GrayImage, dpi: float) -> bytes:
    height, width = gray.shape
    return searchable_pdf.page_pdf(
        archived(gray, dpi),
        searchable_pdf.PagePlacement(width=width, height=height, dpi=dpi, rotation=0, skew=0.0),
        [],
    )


def shown(gray: GrayImage, folder: Path, dpi: float = DPI, zoom: int = 1) -> GrayImage:
    """Return the page as poppler renders its PDF, `zoom` pixels for one of the scan in each direction."""
    file, (height, width) = folder / "page.pdf", gray.shape
    file.write_bytes(page_of(gray, dpi))
    size = ["-scale-to-x", str(zoom * width), "-scale-to-y", str(zoom * height)]
    subprocess.run(["pdftoppm", "-gray", "-singlefile", *size, str(file), str(folder / "shown")], check=True)
    return np.asarray(Image.open(folder / "shown.pgm"))


def test_print_pencil_shading_and_stamps_keep_their_darkness(tmp_path: Path) -> None:
    gray = scan()
    seen = shown(gray, tmp_path)
    away = np.abs(cv2.blur(gray, (5, 5)).astype(int) - cv2.blur(seen, (5, 5)))
    assert np.percentile(away, 99.9) < 40
    for part in (
        np.s_[555:575, 100:1000],
        np.s_[400:470, 600:1200],
        np.s_[640:910, 790:1110],
        np.s_[60:110, 100:600],
    ):
        assert float(seen[part].mean()) == pytest.approx(float(gray[part].mean()), abs=4)


def test_decimal_points_of_a_coarse_scan_stay_visible(tmp_path: Path) -> None:
    fine = Image.new("L", (2400, 900), 255)
    draw, font = ImageDraw.Draw(fine), ImageFont.load_default(40)
    for row in range(10):
        draw.text((60, 40 + 80 * row), "0.5 mg   12.25 ml   4.1 mmol/L   7.35   98.6", fill=0, font=font)
    coarse = np.asarray(
        cv2.resize(np.asarray(fine), None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), np.uint8
    )
    seen = shown(coarse, tmp_path, 90.0, zoom=6)
    _, _, boxes, centers = cv2.connectedComponentsWithStats((coarse < 170).astype(np.uint8))
    points = [
        (round(y), round(x))
        for (x, y), box in zip(centers, boxes, strict=True)
        if box[2] <= 4 and box[3] <= 4
    ]
    assert len(points) >= 30
    for y, x in points:
        point = int(coarse[y - 1 : y + 2, x - 1 : x + 2].min())
        point_seen = int(seen[6 * (y - 1) : 6 * (y + 2), 6 * (x - 1) : 6 * (x + 2)].min())
        assert 255 - point_seen > 0.8 * (255 - point)


def test_a_grayscale_scan_takes_less_than_a_third_of_its_jpeg() -> None:
    assert 3 * encoded_size(archived(scan())) < len(encode_jpeg(scan(), 75).data)


def test_a_photograph_and_a_soft_curve_on_a_grid_are_not_layered() -> None:
    texture = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, (700, 700)), (0, 0), 4)
    photograph = scan()
    photograph[250:950, 300:1000] = np.clip(120 + 60 * texture / texture.std(), 0, 255).astype(np.uint8)
    assert archived(photograph).ink is None
    curve = np.full((1000, 1300), WHITE, np.uint8)
    curve[::8], curve[:, ::8] = 150, 150
    across = np.arange(1300)
    cv2.polylines(
        curve, [np.stack([across, 500 + 200 * np.sin(across / 30)], axis=1).astype(np.int32)], False, 20, 3
    )
    assert archived(scanned(curve, 4.0)).ink is None
    assert archived(scan()).ink is not None


def test_only_print_is_distinguished_from_print_with_shading() -> None:
    page = Image.new("L", (1300, 1000), WHITE)
    ImageDraw.Draw(page).text((100, 100), "Potassium 4.1 mmol/L", fill=0, font=ImageFont.load_default(34))
    assert archived(scanned(np.asarray(page), 0.0)).only_print
    assert not archived(scan()).only_print


def test_a_page_is_separated_in_bands_as_it_is_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    in_bands = mrc.separate_layers(scan(), DPI)
    monkeypatch.setattr(mrc, "BAND_ROWS", 4000)
    whole = mrc.separate_layers(scan(), DPI)
    for name in ("ink", "paper", "tones"):
        assert np.array_equal(getattr(in_bands, name), getattr(whole, name))


def test_ink_is_painted_through_its_black_on_a_fine_scan_and_through_shades_on_a_coarse_one() -> None:
    with pikepdf.open(io.BytesIO(page_of(scan(), DPI))) as document:
        page = document.pages[0]
        assert page.Contents.read_bytes().split(b"Q\n")[0].endswith(b"cm /Page Do /Ink Do ")
        stencil = page.Resources.XObject.Ink.Mask
        assert stencil.ImageMask
        assert stencil.BitsPerComponent == 1
        assert "/ColorSpace" not in stencil
    with pikepdf.open(io.BytesIO(page_of(coarse_scan(), DPI / 2))) as document:
        ink = document.pages[0].Resources.XObject.Ink
        assert "/Mask" not in ink
        assert (ink.SMask.BitsPerComponent, ink.SMask.ColorSpace) == (2, pikepdf.Name.DeviceGray)


def test_a_coarse_scan_keeps_the_gray_edges_of_its_strokes(tmp_path: Path) -> None:
    coarse = coarse_scan()
    assert float(np.abs(coarse.astype(int) - shown(coarse, tmp_path, DPI / 2)).mean()) < 3
