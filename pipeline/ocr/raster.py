"""The archived picture of a page: as small as it can be while a person sees everything the scan shows.

Black and white stays that, losslessly (CCITT group 4). A grey scan of nothing but dark print becomes black and white at 200 dpi
or more, a quarter to an eighth of the JPEG; one with tones, shading or faint marks is JPEG, like colour, at the stated quality.
A picture that is coloured only in name is stored in grey. The scan itself is kept unaltered beside it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.ocr.pixels import Grey, Pixels, scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """A compressed picture as a PDF holds it. `filter` is the PDF's name of the compression.

    `page_width`, `page_height`: pixels of the page as scanned, which the picture may hold at another resolution.
    """

    data: bytes
    width: int
    height: int
    bits: int
    channels: int
    filter: str
    page_width: int
    page_height: int


FLAT = 60
"""Grey values within which a pixel's neighbourhood is an even tone rather than the edge of a letter."""
TONE, FAINT = 3e-3, 5e-4
"""Shares of the page in an even grey tone, and in faint marks with no dark ink beside them, from which grey is kept."""
BAND = 512
"""Rows looked at together: a large page in one go would need eight times its size in memory."""
FINE_DPI = 190.0
"""Resolution from which letters in black and white look as they do in grey; below it the picture is doubled first."""


def raster(pixels: Pixels, quality: int, dpi: float) -> Raster:
    """The picture of a page for its PDF. `quality`: of a JPEG, 1 to 95."""
    if pixels.bilevel:
        return fax(pixels.grey, 1)
    if pixels.colour is None and is_line_art(pixels.grey):
        return fax(pixels.grey, 1 if dpi >= FINE_DPI else 2)
    return jpeg(pixels.grey if pixels.colour is None else pixels.colour, quality)


def is_line_art(grey: Grey) -> bool:
    """Whether grey stands only at the edges of dark print, so that black and white at a finer resolution shows the same."""
    cross = np.ones((3, 3), np.uint8)
    even = faint = 0
    for top in range(0, len(grey), BAND):
        above = min(top, 2)  # rows that the neighbourhoods of the band's own reach into
        band = grey[top - above : top + BAND + 2]
        darkest, lightest = cv2.erode(band, cross), cv2.dilate(band, cross)
        middle = (band > 60) & (band < 215)
        own = slice(above, above + BAND)
        even += int(np.count_nonzero((middle & (cv2.subtract(lightest, darkest) < FLAT))[own]))
        faint += int(np.count_nonzero((middle & (cv2.erode(darkest, cross) > 110))[own]))
    return even < TONE * grey.size and faint < FAINT * grey.size


def fax(grey: Grey, factor: int) -> Raster:
    """CCITT group 4, of the picture enlarged by a whole factor."""
    page_height, page_width = grey.shape
    grey = scaled(grey, factor)
    height, width = grey.shape
    out = io.BytesIO()
    bits = Image.fromarray(grey < 128)  # ink is 1: the code is shortest for long runs of 0
    bits.save(out, "TIFF", compression="group4", tiffinfo={278: height})
    out.seek(0)
    with Image.open(out) as image:
        assert isinstance(image, TiffImageFile)
        starts, lengths = image.tag_v2[273], image.tag_v2[279]
    raw = out.getvalue()
    data = b"".join(raw[start : start + length] for start, length in zip(starts, lengths, strict=True))
    return Raster(
        data=data,
        width=width,
        height=height,
        bits=1,
        channels=1,
        filter="CCITTFaxDecode",
        page_width=page_width,
        page_height=page_height,
    )


def jpeg(pixels: Grey, quality: int) -> Raster:
    """JPEG, of grey (H x W) or RGB (H x W x 3) pixels."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True)
    height, width = pixels.shape[:2]
    return Raster(
        data=out.getvalue(),
        width=width,
        height=height,
        bits=8,
        channels=3 if pixels.ndim == 3 else 1,
        filter="DCTDecode",
        page_width=width,
        page_height=height,
    )
