"""The archived picture of a page: as small as it can be while a person sees everything the scan shows.

Black and white stays that, losslessly (CCITT group 4). A grey scan becomes layers (pipeline.ocr.output.mrc):
its strokes as group 4 of 190 dpi or more, painted in their tones over a small JPEG of the paper; a third to
an eighth of one JPEG, and sharper. One with the texture of a photograph is one JPEG, like colour, at the
stated quality. A picture that is coloured only in name is stored in grey. The scan itself is kept unaltered
beside it."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.ocr.image.pixels import Grey, Pixels
from pipeline.ocr.output.mrc import TONE_STEP, Layers, faintness, layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A compressed picture as a PDF holds it. `filters`: the PDF's names of its compressions, the last
    applied first.
    """

    data: bytes
    width: int
    height: int
    bits: int
    channels: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """Strokes over a picture: `tones` shows where `shape` is black if that has one bit a pixel, else as far
    as it is white.
    """

    shape: Picture
    tones: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """A page's picture, with ink over it or all in one. `page_width`, `page_height`: pixels of the page as
    scanned, which the pictures may hold at other resolutions. `only_print`: there is nothing but dark print
    on it, no shading and no faint marks."""

    picture: Picture
    ink: Ink | None = None
    page_width: int
    page_height: int
    only_print: bool


TEXTURE = 0.125
"""Share of an inch in faint ink from which a page is stored as one JPEG. Forms and print reach .02, with text
on dark bands .10; photographs begin at .44, soft scans of a curve on a grid at .14."""
PAPER, TONE = 215, 5e-3
"""Grey value below which paper has a tone, and the share of it from which a page is more than print."""
PALE, FAINT = 110, 0.03
"""Grey value from which ink is pale, and the share of it from which a page is more than print."""
EFFORT = 6
"""Of deflate, of 9."""


def raster(pixels: Pixels, quality: int, dpi: float) -> Raster:
    """The picture of a page for its PDF. `quality`: of a JPEG, 1 to 95."""
    height, width = pixels.grey.shape
    if pixels.bilevel:
        bits = np.packbits(pixels.grey < 128, axis=1)  # ink is 1: the code is shortest for long runs of 0
        return Raster(picture=fax(bits, width), page_width=width, page_height=height, only_print=True)
    if pixels.colour is None:
        page = layers(pixels.grey, dpi)
        if faintness(page) < TEXTURE:
            return layered(page, quality, width, height)
    whole = jpeg(pixels.grey if pixels.colour is None else pixels.colour, quality)
    return Raster(picture=whole, page_width=width, page_height=height, only_print=False)


def layered(page: Layers, quality: int, width: int, height: int) -> Raster:
    """The picture of a page of layers. `width`, `height`: of the page as scanned."""
    paper = jpeg(page.paper, quality)
    even = Picture(  # JPEG spends bits on each empty block; deflate finds them alike
        data=zlib.compress(paper.data, EFFORT),
        width=paper.width,
        height=paper.height,
        bits=8,
        channels=1,
        filters=("FlateDecode", *paper.filters),
    )
    shape = fax(page.ink, width) if page.ink_bits == 1 else deflated(page.ink, width, page.ink_bits)
    pale = float(page.inked[page.tones > PALE].sum(dtype=np.int64))
    return Raster(
        picture=even,
        ink=Ink(shape=shape, tones=tones(page.tones)),
        page_width=width,
        page_height=height,
        only_print=bool(
            (page.paper < PAPER).mean() < TONE and pale <= FAINT * page.inked.sum(dtype=np.int64)
        ),
    )


def tones(grey: Grey) -> Picture:
    """Sixteen greys."""
    height, width = grey.shape
    steps = np.zeros((height, width + width % 2), np.uint8)
    steps[:, :width] = grey // TONE_STEP
    pairs = np.asarray(steps[:, ::2] << 4 | steps[:, 1::2], np.uint8)
    return deflated(pairs, width, 4)


def deflated(rows: Grey, width: int, bits: int) -> Picture:
    """Rows of packed pixels of so many bits, losslessly."""
    data = zlib.compress(rows.tobytes(), EFFORT)
    return Picture(data=data, width=width, height=len(rows), bits=bits, channels=1, filters=("FlateDecode",))


def fax(bits: Grey, width: int) -> Picture:
    """CCITT group 4, of rows of packed bits."""
    height = len(bits)
    out = io.BytesIO()
    Image.frombytes("1", (width, height), bits.tobytes()).save(
        out, "TIFF", compression="group4", tiffinfo={278: height}
    )
    out.seek(0)
    with Image.open(out) as image:
        assert isinstance(image, TiffImageFile)
        starts, lengths = image.tag_v2[273], image.tag_v2[279]
    raw = out.getvalue()
    data = b"".join(raw[start : start + length] for start, length in zip(starts, lengths, strict=True))
    return Picture(data=data, width=width, height=height, bits=1, channels=1, filters=("CCITTFaxDecode",))


def jpeg(pixels: Grey, quality: int) -> Picture:
    """JPEG, of grey (H x W) or RGB (H x W x 3) pixels."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True)
    height, width = pixels.shape[:2]
    channels = 3 if pixels.ndim == 3 else 1
    return Picture(
        data=out.getvalue(), width=width, height=height, bits=8, channels=channels, filters=("DCTDecode",)
    )
