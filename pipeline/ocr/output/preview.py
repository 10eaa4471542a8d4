"""The picture of a page for the screen: large enough to read small print, small enough to keep for every
page.

A page of nothing but dark print is a PNG of four grays, a third of the same page as JPEG and sharper (FUNSD
28 kB instead of 69, faxes 55 instead of 145, 10 ms more CPU); one with tones or color is a JPEG."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from pipeline.ocr.image.pixels import GrayImage, resize

MAX_SIDE_PX = 1600
"""Longest side in pixels: 145 dpi on a letter page, enough to read small print in a browser."""
JPEG_QUALITY = 60
"""Of the JPEG."""
PNG_BITS = 2
"""Of a pixel of print: black, white and two grays for the edges of letters."""
PNG_COMPRESSION_LEVEL = 4
"""Of the PNG's compression, of 9: more takes twice the CPU for a twentieth of the size."""


def shrink_for_screen(pixels: GrayImage) -> GrayImage:
    """Gray (H x W) or RGB (H x W x 3) pixels, no larger than a preview."""
    return resize(pixels, min(1.0, MAX_SIDE_PX / max(pixels.shape[:2])))


def encode_preview(pixels: GrayImage, *, only_print: bool = False) -> bytes:
    """The picture for the screen of gray (H x W) or RGB (H x W x 3) pixels; of gray ones as PNG if there is
    `only_print`.
    """
    small, out = shrink_for_screen(pixels), io.BytesIO()
    if only_print:
        grays = (1 << PNG_BITS) - 1
        levels = np.rint(np.arange(256) * (grays / 255)).astype(np.uint8)
        image = Image.fromarray(np.asarray(cv2.LUT(small, levels), np.uint8), "P")
        image.putpalette([255 * level // grays for level in range(grays + 1) for _ in "rgb"])
        image.save(out, "PNG", bits=PNG_BITS, compress_level=PNG_COMPRESSION_LEVEL)
    else:
        Image.fromarray(small).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
