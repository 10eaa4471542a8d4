"""Small scans that are quick to read, each page with its own words: fault tests are about files and pages,
not about OCR.
"""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, DPI = 850, 300, 100
KINDS = (".pdf", ".tif", ".png")


def make_scan(folder: Path, number: int, pages: int, seed: int) -> Path:
    """Create a PDF, TIFF or (for one page) PNG with that many pages, which differs from those with other
    numbers.
    """
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choice(KINDS[:2] if pages > 1 else KINDS)
    images = [_page(number, page, rng) for page in range(1, pages + 1)]
    file = folder / f"scan {number:04d}{kind}"
    if kind == ".png":
        images[0].save(file, dpi=(DPI, DPI))
    elif kind == ".tif":
        images[0].save(file, save_all=True, append_images=images[1:], compression="group4", dpi=(DPI, DPI))
    else:
        images[0].convert("L").save(file, save_all=True, append_images=images[1:], resolution=DPI)
    return file


def _page(number: int, page: int, rng: random.Random) -> Image.Image:
    image = Image.new("1", (WIDTH, HEIGHT), 1)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(28)
    lines = (
        "PROGRESS NOTE",
        f"Patient: Sample, Case{number}   MRN: {1_000_000 + number}",
        f"Page {page} of scan {number}, mark {rng.getrandbits(32):08x}",
        "The patient is doing well and goes home today.",
    )
    for row, line in enumerate(lines):
        draw.text((40, 30 + 60 * row), line, font=font, fill=0)
    return image
