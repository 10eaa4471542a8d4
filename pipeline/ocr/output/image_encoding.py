"""Encode the archived image of a page: as small as possible while a person sees everything that the scan
shows.

Bilevel pages stay bilevel, losslessly (CCITT group 4, ITU-T T.6). A grayscale scan is stored in layers
(pipeline.ocr.output.mrc): its strokes as group 4 at 190 dpi or more, painted in their tones over a small JPEG
of the paper; this takes an eighth to a third of one JPEG and is sharper. A scan with the texture of a
photograph is one JPEG, like a color page, at the configured quality. An image that is nominally in color but
has none is stored in grayscale. The scan itself is stored unaltered in addition.
"""

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
    """A compressed image as a PDF stores it.

    Attributes:
        data: The compressed bytes.
        width: In pixels.
        height: In pixels.
        bits: Bits per channel.
        channels: 1 (gray) or 3 (RGB).
        filters: The PDF names of the compressions, the last applied first.
    """

    data: bytes
    width: int
    height: int
    bits: int
    channels: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InkLayer:
    """Strokes over an image.

    Attributes:
        shape: Where the tones are painted: where it is black if it has one bit per pixel, else in proportion
            to its value.
        tones: The gray values of the strokes.
    """

    shape: EncodedImage
    tones: EncodedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPage:
    """The image of a page, in one image or with an ink layer over it.

    Attributes:
        image: The page, or its paper.
        ink: The strokes over the paper.
        page_width: Width in pixels of the page as scanned; the images may have other resolutions.
        page_height: Height in pixels of the page as scanned.
        only_print: The page has only dark print: no shading and no faint marks.
    """

    image: EncodedImage
    ink: InkLayer | None = None
    page_width: int
    page_height: int
    only_print: bool


MAX_LAYERED_FAINT_INK_SHARE = 0.125
"""Share of faint ink in a square inch at which a page is stored as one JPEG. Forms and print reach 0.02, with
text on dark bands 0.10; photographs begin at 0.44, soft scans of a curve on a grid at 0.14.
"""
MAX_TONED_PAPER_GRAY, MAX_TONED_PAPER_SHARE = 215, 5e-3
"""Gray value below which paper has a tone, and the share of such paper at which a page is more than print."""
MAX_DARK_INK_GRAY, MAX_PALE_INK_SHARE = 110, 0.03
"""Gray value above which ink is pale, and the share of such ink up to which a page is only print."""
DEFLATE_LEVEL = 6
"""Compression level, of 9."""


def encode_page(pixels: PageImage, quality: int, dpi: float) -> EncodedPage:
    """Encode the image of a page for its PDF.

    Args:
        pixels: The page as scanned.
        quality: JPEG quality, 1 to 95.
        dpi: Resolution of the scan.
    """
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
    image = encode_jpeg(pixels.gray if pixels.color is None else pixels.color, quality)
    return EncodedPage(image=image, page_width=width, page_height=height, only_print=False)


def encode_layers(page: PageLayers, quality: int, width: int, height: int) -> EncodedPage:
    """Encode a page that was separated into layers.

    Args:
        page: The layers.
        quality: JPEG quality of the paper.
        width: Width in pixels of the page as scanned.
        height: Height in pixels of the page as scanned.
    """
    paper = encode_jpeg(page.paper, quality)
    deflated_paper = EncodedImage(  # JPEG spends bits on each empty block; deflate compresses the repetition
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
    pale_ink = float(page.ink_share[page.tones > MAX_DARK_INK_GRAY].sum(dtype=np.int64))
    return EncodedPage(
        image=deflated_paper,
        ink=InkLayer(shape=shape, tones=encode_tones(page.tones)),
        page_width=width,
        page_height=height,
        only_print=bool(
            (page.paper < MAX_TONED_PAPER_GRAY).mean() < MAX_TONED_PAPER_SHARE
            and pale_ink <= MAX_PALE_INK_SHARE * page.ink_share.sum(dtype=np.int64)
        ),
    )


def encode_tones(gray: GrayImage) -> EncodedImage:
    """Encode gray values in sixteen steps, losslessly."""
    height, width = gray.shape
    steps = np.zeros((height, width + width % 2), np.uint8)
    steps[:, :width] = gray // TONE_STEP
    pairs = np.asarray(steps[:, ::2] << 4 | steps[:, 1::2], np.uint8)
    return encode_flate(pairs, width, 4)


def encode_flate(rows: GrayImage, width: int, bits: int) -> EncodedImage:
    """Encode rows of packed pixels with `bits` bits each, losslessly."""
    data = zlib.compress(rows.tobytes(), DEFLATE_LEVEL)
    return EncodedImage(
        data=data, width=width, height=len(rows), bits=bits, channels=1, filters=("FlateDecode",)
    )


def encode_ccitt_g4(bits: GrayImage, width: int) -> EncodedImage:
    """Encode rows of packed bits in CCITT group 4 (ITU-T T.6)."""
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
    """Encode grayscale (shape (height, width)) or RGB (shape (height, width, 3)) pixels as JPEG."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True)
    height, width = pixels.shape[:2]
    channels = 3 if pixels.ndim == 3 else 1
    return EncodedImage(
        data=out.getvalue(), width=width, height=height, bits=8, channels=channels, filters=("DCTDecode",)
    )
