"""The picture of a page for the screen: large enough to read small print, small enough to keep for every
page.

A page of nothing but dark print is a PNG of four greys, a third of the same page as JPEG and sharper (FUNSD
28 kB instead of 69, faxes 55 instead of 145, 10 ms more CPU); one with tones or colour is a JPEG."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from pipeline.ocr.image.pixels import Grey, scaled

SIDE = 1600
"""Longest side in pixels: 145 dpi on a letter page, enough to read small print in a browser."""
QUALITY = 60
"""Of the JPEG."""
BITS = 2
"""Of a pixel of print: black, white and two greys for the edges of letters."""
EFFORT = 4
"""Of the PNG's compression, of 9: more takes twice the CPU for a twentieth of the size."""


def for_screen(pixels: Grey) -> Grey:
    """Grey (H x W) or RGB (H x W x 3) pixels, no larger than a preview."""
    return scaled(pixels, min(1.0, SIDE / max(pixels.shape[:2])))


def preview(pixels: Grey, *, only_print: bool = False) -> bytes:
    """The picture for the screen of grey (H x W) or RGB (H x W x 3) pixels; of grey ones as PNG if there is
    `only_print`.
    """
    small, out = for_screen(pixels), io.BytesIO()
    if only_print:
        greys = (1 << BITS) - 1
        levels = np.rint(np.arange(256) * (greys / 255)).astype(np.uint8)
        image = Image.fromarray(np.asarray(cv2.LUT(small, levels), np.uint8), "P")
        image.putpalette([255 * level // greys for level in range(greys + 1) for _ in "rgb"])
        image.save(out, "PNG", bits=BITS, compress_level=EFFORT)
    else:
        Image.fromarray(small).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
