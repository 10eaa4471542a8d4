"""Encode the preview of a page for the screen: large enough to read small print, small enough to store for
every page.

A page with only dark print is a PNG with four grays, a third of the size of a JPEG of the same page and
sharper (FUNSD 28 kB instead of 69, faxes 55 instead of 145, 10 ms more CPU time). A page with tones or color
is a JPEG.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from pipeline.ocr.image.pixels import GrayImage, resize

MAX_SIDE_PX = 1600
"""Longest side: 145 dpi on a letter page, enough to read small print in a browser."""
JPEG_QUALITY = 60
"""Quality of the JPEG, 1 to 95."""
PNG_BITS = 2
"""Bits per pixel of print: black, white and two grays for the edges of letters."""
PNG_COMPRESSION_LEVEL = 4
"""Compression level, of 9. More takes twice the CPU time for a twentieth of the size."""


def shrink_for_screen(pixels: GrayImage) -> GrayImage:
    """Return grayscale (shape (height, width)) or RGB (shape (height, width, 3)) pixels, no larger than a
    preview.
    """
    return resize(pixels, min(1.0, MAX_SIDE_PX / max(pixels.shape[:2])))


def encode_preview(pixels: GrayImage, *, only_print: bool = False) -> bytes:
    """Encode grayscale (shape (height, width)) or RGB (shape (height, width, 3)) pixels for the screen: as
    PNG if the page has `only_print`, else as JPEG.
    """
    small, out = shrink_for_screen(pixels), io.BytesIO()
    if only_print:
        max_level = (1 << PNG_BITS) - 1
        levels = np.rint(np.arange(256) * (max_level / 255)).astype(np.uint8)
        image = Image.fromarray(np.asarray(cv2.LUT(small, levels), np.uint8), "P")
        image.putpalette([255 * level // max_level for level in range(max_level + 1) for _ in "rgb"])
        image.save(out, "PNG", bits=PNG_BITS, compress_level=PNG_COMPRESSION_LEVEL)
    else:
        Image.fromarray(small).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
