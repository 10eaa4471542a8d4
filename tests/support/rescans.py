"""Papers that are scanned several times: printed pages, with and without handwriting."""

from __future__ import annotations

import random
import textwrap
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.ocr.output.preview import encode_preview
from pipeline.synthetic.scanner import SCANNERS, Scanner, scan

Pixels: TypeAlias = NDArray[np.uint8]
"""Shape (height, width): a gray page at 200 dpi."""

BLANK: Pixels = np.full((2200, 1700), 255, np.uint8)
STROKE_POINTS = 24
OFFICE, GRAY, FAX = (
    next(scanner for scanner in SCANNERS if scanner.name == name)
    for name in ("clean300", "gray200", "fax_fine")
)


def printed_page(text: str, size: int = 34) -> Pixels:
    """Return a page with the text printed in lines across it."""
    image = Image.fromarray(BLANK.copy())
    lines = textwrap.wrap(text, 70)
    ImageDraw.Draw(image).multiline_text(
        (180, 300), "\n".join(lines), 0, ImageFont.load_default(size), spacing=30
    )
    return np.array(image, np.uint8)


def handwritten(rng: random.Random, page: Pixels, words: int = 4) -> Pixels:
    """Return the page with words written by a pen: wavy strokes of 2 to 8 cm."""
    out = page.copy()
    for _ in range(words):
        x, y = rng.randint(150, 900), rng.randint(900, 2000)
        length = rng.randint(160, 600)
        xs = (
            x
            + np.linspace(0, length, STROKE_POINTS)
            + np.array([rng.gauss(0, 7) for _ in range(STROKE_POINTS)])
        )
        ys = y + np.array([rng.choice((-1, 1)) * rng.uniform(6, 24) for _ in range(STROKE_POINTS)])
        points = np.stack([xs, ys], axis=1).astype(np.int32)
        cv2.polylines(out, [points], False, (0,), 3, cv2.LINE_AA)
    return out


def rescanned(seed: int, page: Pixels, scanner: Scanner = OFFICE) -> bytes:
    """Return the preview of a scan of the page: through the scanner, straightened, a little shifted and
    stretched.
    """
    rng = random.Random(seed)
    scanned = scan(rng, page, scanner, stamped=False)
    upright = np.ascontiguousarray(np.rot90(scanned.pixels, -(scanned.rotation // 90)))
    height, width = upright.shape
    placement = cv2.getRotationMatrix2D(
        (width / 2, height / 2), rng.gauss(0, 0.1) - scanned.skew, rng.gauss(1, 0.003)
    )
    placement = placement + np.array([[0, 0, rng.gauss(0, 10)], [0, 0, rng.gauss(0, 10)]])
    moved = cv2.warpAffine(upright, placement, (width, height), borderValue=(255.0,))
    return encode_preview(np.asarray(moved, np.uint8), only_print=scanner.bilevel)
