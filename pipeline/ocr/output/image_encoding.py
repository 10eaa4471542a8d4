"""The archived picture of a page: as small as it can be while a person sees everything the scan shows.

Black and white stays that, losslessly (CCITT group 4). A gray scan becomes layers (pipeline.ocr.output.mrc):
its strokes as group 4 of 190 dpi or more, painted in their tones over a small JPEG of the paper; a third to
an eighth of one JPEG, and sharper. One with the texture of a photograph is one JPEG, like color, at the
stated quality. A picture that is colored only in name is stored in gray. The scan itself is kept unaltered
beside it."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.ocr.image.pixels import GrayImage, PageImage
from pipeline.ocr.output.mrc import TONE_STEP, PageLayers, max_faint_ink_share, separate_layers


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
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
class InkLayer:
    """Strokes over a picture: `tones` shows where `shape` is black if that has one bit a pixel, else as far
    as it is white.
    """

    shape: EncodedImage
    tones: EncodedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPage:
    """A page's picture, with ink over it or all in one. `page_width`, `page_height`: pixels of the page as
    scanned, which the pictures may hold at other resolutions. `only_print`: there is nothing but dark print
    on it, no shading and no faint marks."""

    image: EncodedImage
    ink: InkLayer | None = None
    page_width: int
    page_height: int
    only_print: bool


MAX_LAYERED_FAINT_INK_SHARE = 0.125
"""Share of an inch in faint ink from which a page is stored as one JPEG. Forms and print reach .02, with text
on dark bands .10; photographs begin at .44, soft scans of a curve on a grid at .14."""
MAX_TONED_PAPER_GRAY, MAX_TONED_PAPER_SHARE = 215, 5e-3
"""Gray value below which paper has a tone, and the share of it from which a page is more than print."""
MAX_DARK_INK_GRAY, MAX_PALE_INK_SHARE = 110, 0.03
"""Gray value from which ink is pale, and the share of it from which a page is more than print."""
DEFLATE_LEVEL = 6
"""Of deflate, of 9."""


def encode_page(pixels: PageImage, quality: int, dpi: float) -> EncodedPage:
    """The picture of a page for its PDF. `quality`: of a JPEG, 1 to 95."""
    height, width = pixels.gray.shape
    if pixels.bilevel:
        bits = np.packbits(pixels.gray < 128, axis=1)  # ink is 1: the code is shortest for long runs of 0
        return EncodedPage(
            image=encode_ccitt_g4(bits, width), page_width=width, page_height=height, only_print=True
        )
    if pixels.color is None:
        page = separate_layers(pixels.gray, dpi)
        if max_faint_ink_share(page) < MAX_LAYERED_FAINT_INK_SHARE:
            return encode_layers(page, quality, width, height)
    whole = encode_jpeg(pixels.gray if pixels.color is None else pixels.color, quality)
    return EncodedPage(image=whole, page_width=width, page_height=height, only_print=False)


def encode_layers(page: PageLayers, quality: int, width: int, height: int) -> EncodedPage:
    """The picture of a page of layers. `width`, `height`: of the page as scanned."""
    paper = encode_jpeg(page.paper, quality)
    even = EncodedImage(  # JPEG spends bits on each empty block; deflate finds them alike
        data=zlib.compress(paper.data, DEFLATE_LEVEL),
        width=paper.width,
        height=paper.height,
        bits=8,
        channels=1,
        filters=("FlateDecode", *paper.filters),
    )
    shape = (
        encode_ccitt_g4(page.ink, width)
        if page.ink_bits == 1
        else encode_flate(page.ink, width, page.ink_bits)
    )
    pale = float(page.ink_share[page.tones > MAX_DARK_INK_GRAY].sum(dtype=np.int64))
    return EncodedPage(
        image=even,
        ink=InkLayer(shape=shape, tones=encode_tones(page.tones)),
        page_width=width,
        page_height=height,
        only_print=bool(
            (page.paper < MAX_TONED_PAPER_GRAY).mean() < MAX_TONED_PAPER_SHARE
            and pale <= MAX_PALE_INK_SHARE * page.ink_share.sum(dtype=np.int64)
        ),
    )


def encode_tones(gray: GrayImage) -> EncodedImage:
    """Sixteen grays."""
    height, width = gray.shape
    steps = np.zeros((height, width + width % 2), np.uint8)
    steps[:, :width] = gray // TONE_STEP
    pairs = np.asarray(steps[:, ::2] << 4 | steps[:, 1::2], np.uint8)
    return encode_flate(pairs, width, 4)


def encode_flate(rows: GrayImage, width: int, bits: int) -> EncodedImage:
    """Rows of packed pixels of so many bits, losslessly."""
    data = zlib.compress(rows.tobytes(), DEFLATE_LEVEL)
    return EncodedImage(
        data=data, width=width, height=len(rows), bits=bits, channels=1, filters=("FlateDecode",)
    )


def encode_ccitt_g4(bits: GrayImage, width: int) -> EncodedImage:
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
    return EncodedImage(
        data=data, width=width, height=height, bits=1, channels=1, filters=("CCITTFaxDecode",)
    )


def encode_jpeg(pixels: GrayImage, quality: int) -> EncodedImage:
    """JPEG, of gray (H x W) or RGB (H x W x 3) pixels."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True)
    height, width = pixels.shape[:2]
    channels = 3 if pixels.ndim == 3 else 1
    return EncodedImage(
        data=out.getvalue(), width=width, height=height, bits=8, channels=channels, filters=("DCTDecode",)
    )
