"""Small scans that are quick to read, each page with words of its own: faults are about files and pages, not
about reading.
"""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, DPI = 850, 300, 100
KINDS = (".pdf", ".tif", ".png")


def make_scan(folder: Path, number: int, pages: int, seed: int) -> Path:
    """A PDF, TIFF or (for one page) PNG of that many pages, unlike any other number's."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choice(KINDS[:2] if pages > 1 else KINDS)
    pictures = [_page(number, page, rng) for page in range(1, pages + 1)]
    file = folder / f"scan {number:04d}{kind}"
    if kind == ".png":
        pictures[0].save(file, dpi=(DPI, DPI))
    elif kind == ".tif":
        pictures[0].save(
            file, save_all=True, append_images=pictures[1:], compression="group4", dpi=(DPI, DPI)
        )
    else:
        pictures[0].convert("L").save(file, save_all=True, append_images=pictures[1:], resolution=DPI)
    return file


def _page(number: int, page: int, rng: random.Random) -> Image.Image:
    picture = Image.new("1", (WIDTH, HEIGHT), 1)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(28)
    lines = (
        "PROGRESS NOTE",
        f"Patient: Sample, Case{number}   MRN: {1_000_000 + number}",
        f"Page {page} of scan {number}, mark {rng.getrandbits(32):08x}",
        "The patient is doing well and goes home today.",
    )
    for row, line in enumerate(lines):
        draw.text((40, 30 + 60 * row), line, font=font, fill=0)
    return picture
