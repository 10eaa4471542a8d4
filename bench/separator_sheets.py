"""Measure how many separator sheets and codes are read: rotated, skewed, faxed, pale and small. No services,
no scans: all images are drawn here.

    python -m bench.separator_sheets [--every N]      every Nth image of each kind, for a quick check

A line for each kind of sheet: how many of its images (four right angles, seven skews up to 15 degrees) are
read, for each way of scanning. Needs poppler's pdftoppm."""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.classify import separator_sheets
from pipeline.ocr.barcodes.decode import read_barcodes
from pipeline.ocr.image.deskew import remove_skew, rotate
from pipeline.ocr.image.pixels import GrayImage

DPI = 300
ROTATIONS = (0, 90, 180, 270)
SKEW_DEGREES = (-15.0, -8.0, -3.0, 0.0, 3.0, 8.0, 15.0)
FAX_NOISE = 40.0
"""Standard deviation of the noise in gray values before a fax reduces them to black and white."""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args(argv)
    print("| sheet | " + " | ".join(SCANNING_METHODS) + " |\n|---|" + "---|" * len(SCANNING_METHODS))
    for name, text, sheet in draw_sheets():
        results = []
        for scan in SCANNING_METHODS.values():
            positions = list(itertools.product(ROTATIONS, SKEW_DEGREES))[:: options.every]
            read = sum(
                text in {code.text for code in read_barcodes(scan(remove_skew(rotate(sheet, t), s)))}
                for t, s in positions
            )
            results.append(f"{read} of {len(positions)}")
        print(f"| {name} | " + " | ".join(results) + " |", flush=True)


def draw_sheets() -> Iterator[tuple[str, str, GrayImage]]:
    """Yield (name, text of the code, the sheet at 300 dpi)."""
    own_sheets = (
        separator_sheets.separator_sheet(),
        separator_sheets.patient_cover_sheet("409-7394"),
        separator_sheets.batch_cover_sheet("Ward 3", 2, 12, 40),
    )
    for sheet, image in zip(own_sheets, print_sheets(own_sheets), strict=True):
        yield sheet.heading, sheet.payload, image
    yield "Patch T, bars alone", "T", draw_patch_code("NWNW")
    yield (
        "Code 128, 4 inches",
        separator_sheets.SEPARATOR_CODE,
        draw_form("Code128", separator_sheets.SEPARATOR_CODE, 4.0, 1.0, lines=3),
    )
    yield "Code 128 label on a form, 2 inches", "PT4097394", draw_form("Code128", "PT4097394", 2.0, 0.4)
    yield "Code 39 on a form, 2.5 inches", "FRM-1042", draw_form("Code39", "FRM-1042", 2.5, 0.4)
    yield (
        "QR on a form, 0.9 inches",
        "FORM:1042;MRN:4097394",
        draw_form("QRCode", "FORM:1042;MRN:4097394", 0.9, 0.9),
    )


def print_sheets(sheets: Sequence[separator_sheets.SeparatorSheet]) -> list[GrayImage]:
    """Return the images of Chartloom's sheets as they are printed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "s.pdf").write_bytes(separator_sheets.render_sheets_pdf(sheets))
        subprocess.run(["pdftoppm", "-r", str(DPI), "-gray", "-png", "s.pdf", "s"], cwd=folder, check=True)
        images = [
            cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(Path(folder).glob("s-*.png"))
        ]
    return [np.asarray(image, np.uint8) for image in images]


def draw_patch_code(bars: str) -> GrayImage:
    """Return a sheet with a patch code along its upper edge, as Kodak draws it: bars of 0.2 (W) and 0.08
    inches (N), 4 inches long.
    """
    image, y = np.full((11 * DPI, 8 * DPI + DPI // 2), 255, np.uint8), DPI // 4
    for bar in bars:
        thickness = round((0.2 if bar == "W" else 0.08) * DPI)
        image[y : y + thickness, 700:1900] = 0
        y += thickness + round(0.08 * DPI)
    return image


def draw_form(format: str, text: str, width: float, height: float, lines: int = 40) -> GrayImage:
    """Return a form with a code in its upper right corner. `width`, `height`: of the code in inches; `lines`:
    lines of text.
    """
    import zxingcpp

    image = np.full((11 * DPI, 8 * DPI + DPI // 2), 255, np.uint8)
    drawing = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, format)).to_image(
        scale=8, add_quiet_zones=False
    )
    size = (round(width * DPI), round(height * DPI))
    image[200 : 200 + size[1], 2350 - size[0] : 2350] = cv2.resize(
        np.array(drawing), size, interpolation=cv2.INTER_AREA
    )
    for line in range(lines):
        y = 660 + 60 * line
        cv2.putText(image, f"{line}. The patient was told of the risks and consents.", (200, y), 0, 1.4, 0, 3)
        if line % 5 == 0:
            cv2.line(image, (180, y + 14), (2350, y + 14), 0, 3)
    return image


def resize(image: GrayImage, across: float, down: float) -> GrayImage:
    """Return the image at `across` x `down` dots per inch."""
    size = (round(image.shape[1] * across / DPI), round(image.shape[0] * down / DPI))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def fax_scanner(down: int) -> Callable[[GrayImage], GrayImage]:
    """Return a fax at 204 x `down` dots per inch: black and white, every sixtieth line lost, then made square
    as intake does.
    """

    def fax(image: GrayImage) -> GrayImage:
        small = resize(image, 204, down).astype(np.float32)
        black = np.where(
            small + np.random.default_rng(3).normal(0, FAX_NOISE, small.shape) > 128, 255, 0
        ).astype(np.uint8)
        black[::60] = 255
        square = (black.shape[1], round(black.shape[0] * 204 / down))
        return np.asarray(cv2.resize(black, square, interpolation=cv2.INTER_LINEAR), np.uint8)

    return fax


def gray_scanner(low: int, high: int, dpi: int = 200, size: float = 1.0) -> Callable[[GrayImage], GrayImage]:
    """Return an office scanner: gray images with little noise. `low`, `high`: gray values of ink and paper;
    `size`: the share of its size at which the sheet is printed.
    """

    def scan(image: GrayImage) -> GrayImage:
        small = resize(image, dpi * size, dpi * size).astype(np.float32)
        if size < 1:
            edge = round(small.shape[0] * (1 / size - 1) / 2)
            small = np.pad(small, edge, constant_values=255)
        noise = np.random.default_rng(5).normal(0, 6, small.shape)
        return np.clip(low + small * (high - low) / 255 + noise, 0, 255).astype(np.uint8)

    return scan


SCANNING_METHODS: dict[str, Callable[[GrayImage], GrayImage]] = {
    "200 dpi": gray_scanner(20, 245),
    "300 dpi": gray_scanner(20, 245, 300),
    "fax 204 x 196": fax_scanner(196),
    "fax 204 x 98": fax_scanner(98),
    "pale": gray_scanner(150, 205),
    "small (0.6)": gray_scanner(20, 245, 300, 0.6),
}

if __name__ == "__main__":
    main()
