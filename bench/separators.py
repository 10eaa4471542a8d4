"""How many sheets and codes are read at any turn, crooked, faxed, pale and small. No services, no scans: all
drawn here.

    python -m bench.separators [--every N]      every Nth picture of each kind, for a quick look

A line for each kind of sheet: of its pictures (four right angles, seven skews up to 15 degrees) how many are
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
TURNS = (0, 90, 180, 270)
SKEWS = (-15.0, -8.0, -3.0, 0.0, 3.0, 8.0, 15.0)
FAX_NOISE = 40.0
"""Standard deviation of grey values before a fax decides for black or white."""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args(argv)
    print("| sheet | " + " | ".join(WAYS) + " |\n|---|" + "---|" * len(WAYS))
    for name, text, sheet in drawn():
        told = []
        for way in WAYS.values():
            positions = list(itertools.product(TURNS, SKEWS))[:: given.every]
            read = sum(
                text in {code.text for code in read_barcodes(way(remove_skew(rotate(sheet, t), s)))}
                for t, s in positions
            )
            told.append(f"{read} of {len(positions)}")
        print(f"| {name} | " + " | ".join(told) + " |", flush=True)


def drawn() -> Iterator[tuple[str, str, GrayImage]]:
    """(name, what its code says, the sheet at 300 dpi)."""
    own = (
        separator_sheets.separator_sheet(),
        separator_sheets.patient_cover_sheet("409-7394"),
        separator_sheets.batch_cover_sheet("Ward 3", 2, 12, 40),
    )
    for sheet, picture in zip(own, printed(own), strict=True):
        yield sheet.heading, sheet.payload, picture
    yield "Patch T, bars alone", "T", patch("NWNW")
    yield (
        "Code 128, 4 inches",
        separator_sheets.SEPARATOR_CODE,
        coded("Code128", separator_sheets.SEPARATOR_CODE, 4.0, 1.0, lines=3),
    )
    yield "Code 128 label on a form, 2 inches", "PT4097394", coded("Code128", "PT4097394", 2.0, 0.4)
    yield "Code 39 on a form, 2.5 inches", "FRM-1042", coded("Code39", "FRM-1042", 2.5, 0.4)
    yield (
        "QR on a form, 0.9 inches",
        "FORM:1042;MRN:4097394",
        coded("QRCode", "FORM:1042;MRN:4097394", 0.9, 0.9),
    )


def printed(wanted: Sequence[separator_sheets.SeparatorSheet]) -> list[GrayImage]:
    """The project's own sheets as they are printed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "s.pdf").write_bytes(separator_sheets.render_sheets_pdf(wanted))
        subprocess.run(["pdftoppm", "-r", str(DPI), "-gray", "-png", "s.pdf", "s"], cwd=folder, check=True)
        pictures = [
            cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(Path(folder).glob("s-*.png"))
        ]
    return [np.asarray(picture, np.uint8) for picture in pictures]


def patch(bars: str) -> GrayImage:
    """A sheet with a patch code along its upper edge, as Kodak draws it: bars of 0.2 and 0.08 inches, 4
    inches long.
    """
    picture, y = np.full((11 * DPI, 8 * DPI + DPI // 2), 255, np.uint8), DPI // 4
    for bar in bars:
        thick = round((0.2 if bar == "W" else 0.08) * DPI)
        picture[y : y + thick, 700:1900] = 0
        y += thick + round(0.08 * DPI)
    return picture


def coded(format: str, text: str, wide: float, high: float, lines: int = 40) -> GrayImage:
    """A form of so many lines with a code of so many inches in its upper right corner."""
    import zxingcpp

    picture = np.full((11 * DPI, 8 * DPI + DPI // 2), 255, np.uint8)
    drawing = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, format)).to_image(
        scale=8, add_quiet_zones=False
    )
    size = (round(wide * DPI), round(high * DPI))
    picture[200 : 200 + size[1], 2350 - size[0] : 2350] = cv2.resize(
        np.array(drawing), size, interpolation=cv2.INTER_AREA
    )
    for line in range(lines):
        y = 660 + 60 * line
        cv2.putText(
            picture, f"{line}. The patient was told of the risks and consents.", (200, y), 0, 1.4, 0, 3
        )
        if line % 5 == 0:
            cv2.line(picture, (180, y + 14), (2350, y + 14), 0, 3)
    return picture


def resized(picture: GrayImage, across: float, down: float) -> GrayImage:
    size = (round(picture.shape[1] * across / DPI), round(picture.shape[0] * down / DPI))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def faxed(down: int) -> Callable[[GrayImage], GrayImage]:
    """204 dots an inch across and so many down, black and white, every sixtieth line lost; made square again
    as intake does.
    """

    def fax(picture: GrayImage) -> GrayImage:
        small = resized(picture, 204, down).astype(np.float32)
        black = np.where(
            small + np.random.default_rng(3).normal(0, FAX_NOISE, small.shape) > 128, 255, 0
        ).astype(np.uint8)
        black[::60] = 255
        square = (black.shape[1], round(black.shape[0] * 204 / down))
        return np.asarray(cv2.resize(black, square, interpolation=cv2.INTER_LINEAR), np.uint8)

    return fax


def grey(low: int, high: int, dpi: int = 200, size: float = 1.0) -> Callable[[GrayImage], GrayImage]:
    """An office scanner's grey picture: ink and paper of these values, a little noise, printed at that share
    of its size.
    """

    def scan(picture: GrayImage) -> GrayImage:
        small = resized(picture, dpi * size, dpi * size).astype(np.float32)
        if size < 1:
            edge = round(small.shape[0] * (1 / size - 1) / 2)
            small = np.pad(small, edge, constant_values=255)
        noise = np.random.default_rng(5).normal(0, 6, small.shape)
        return np.clip(low + small * (high - low) / 255 + noise, 0, 255).astype(np.uint8)

    return scan


WAYS: dict[str, Callable[[GrayImage], GrayImage]] = {
    "200 dpi": grey(20, 245),
    "300 dpi": grey(20, 245, 300),
    "fax 204 x 196": faxed(196),
    "fax 204 x 98": faxed(98),
    "pale": grey(150, 205),
    "small (0.6)": grey(20, 245, 300, 0.6),
}

if __name__ == "__main__":
    main()
