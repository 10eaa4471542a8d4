"""The archived picture of a page: as small as it can be while a person sees everything the scan shows.

Black and white stays that, losslessly (CCITT group 4); grey and colour are JPEG at the stated quality. A picture that is
coloured only in name is stored in grey.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.ocr.pixels import Grey, Pixels


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


def raster(pixels: Pixels, quality: int) -> Raster:
    """The picture of a page for its PDF."""
    if pixels.bilevel:
        return fax(pixels.grey)
    return jpeg(pixels.grey if pixels.colour is None else pixels.colour, quality)


def fax(grey: Grey) -> Raster:
    """CCITT group 4."""
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
        data=data, width=width, height=height, bits=1, channels=1, filter="CCITTFaxDecode", page_width=width, page_height=height
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
