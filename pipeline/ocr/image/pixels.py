"""A page's pixels as arrays: loaded once, looked at in gray, small copies for comparing pages.

Arrays are uint8, rows first; 0 is ink. What is loaded here is only ever copied: cleanup for reading never
touches the original."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline.errors import InvalidInput

GrayImage = NDArray[np.uint8]

cv2.setNumThreads(1)  # a worker is one process of many: threads would only take turns
Image.MAX_IMAGE_PIXELS = None  # intake refuses pages that are too large before they come here

THUMBNAIL_SIZE_PX = (64, 80)
"""Width and height of OcrPage.thumbnail."""
MIN_BILEVEL_SHARE = 0.995
"""A picture is bilevel when this share of its pixels is within a few gray values of black or white."""
DEFAULT_LETTER_SIZE_PX = 20.0
"""Pixels assumed of a letter on a page without letters."""
MIN_COLOR_SPREAD = 24
"""Difference between a pixel's largest and smallest channel from which it counts as colored (JPEG noise
stays below).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageImage:
    """A page as scanned. `gray`: H x W; `color`: H x W x 3 (RGB) or None; `bilevel`: only black and white
    stand in it.
    """

    gray: GrayImage
    color: GrayImage | None
    bilevel: bool

    @property
    def width(self) -> int:
        return int(self.gray.shape[1])

    @property
    def height(self) -> int:
        return int(self.gray.shape[0])


def load_page_image(path: Path) -> PageImage:
    """The pixels of a picture file. Raises InvalidInput if it cannot be decoded."""
    try:
        with Image.open(path) as image:
            image.load()
            return page_image_from_pil(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(
            f"The picture of a page cannot be decoded ({error}).", code="unreadable_image"
        ) from error


def page_image_from_pil(image: Image.Image) -> PageImage:
    """The same for a decoded picture: transparency is laid on white paper, 16-bit gray is brought to 8."""
    if image.mode == "1":
        gray = np.asarray(image.convert("L"))
        return PageImage(gray=gray, color=None, bilevel=True)
    if image.mode.startswith(("I", "F")):
        deep = np.asarray(image, dtype=np.float32)
        top = 65535.0 if deep.max(initial=0) > 255 else 255.0
        image = Image.fromarray((deep * (255.0 / top)).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(paper, layer).convert("RGB")
    if image.mode == "L":
        gray = np.asarray(image)
        return PageImage(gray=gray, color=None, bilevel=is_bilevel(gray))
    color = np.asarray(
        image if image.mode == "RGB" else image.convert("RGB")
    )  # convert copies what is RGB already
    gray = np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    if not has_color(color):
        return PageImage(gray=gray, color=None, bilevel=is_bilevel(gray))
    return PageImage(gray=gray, color=color, bilevel=False)


def resize(pixels: GrayImage, factor: float) -> GrayImage:
    """The picture by a factor, averaged when it shrinks; at least one pixel remains each way."""
    if factor == 1:
        return pixels
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def downscale(pixels: GrayImage, factor: float) -> GrayImage:
    """The picture by a factor of 1 or less, for measuring, not for looking at: halved while it can be, then
    interpolated.

    OpenCV averages whole squares of pixels ten times as fast as parts of them (1 ms instead of 12 on a fax).
    An odd row or column at the end is left out."""
    while factor <= 0.5 and min(pixels.shape[:2]) >= 2:
        high, wide = pixels.shape[0] // 2, pixels.shape[1] // 2
        pixels = np.asarray(
            cv2.resize(pixels[: 2 * high, : 2 * wide], (wide, high), interpolation=cv2.INTER_AREA), np.uint8
        )
        factor *= 2
    if factor >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def connected_components(
    dark: NDArray[Any], connectivity: int = 8
) -> tuple[int, NDArray[Any], NDArray[np.int32], NDArray[np.float64]]:
    """Connected parts of ink: their number with the ground, 0; whose each pixel is; x, y, width, height,
    area; their middles.

    Labels have 16 bits where these suffice: the same parts in the same order for half of the memory and of
    the CPU."""
    try:
        found = cv2.connectedComponentsWithStats(dark, connectivity=connectivity, ltype=cv2.CV_16U)
    except cv2.error:  # more than 65,534 parts
        found = cv2.connectedComponentsWithStats(dark, connectivity=connectivity)
    count, labels, stats, middles = found
    return count, labels, np.asarray(stats, np.int32), np.asarray(middles, np.float64)


def multiplication_table(factor: float) -> GrayImage:
    """Every gray value times a factor, cut at white: a table for cv2.LUT, which needs no float for each
    pixel.
    """
    return np.asarray(np.clip(np.arange(256) * factor, 0, 255), np.uint8)


def paint_components(labels: NDArray[Any], chosen: NDArray[np.bool_]) -> GrayImage:
    """255 on the pixels of chosen parts, 0 elsewhere. `labels`: of `components`; `chosen`: for each part, the
    ground first.
    """
    if labels.dtype == np.uint16:  # numpy takes three times as long
        table = np.zeros(1 << 16, np.uint8)
        table[: len(chosen)][chosen] = 255
        return np.asarray(cv2.LUT(labels, table), np.uint8)
    return np.asarray(np.where(chosen, np.uint8(255), np.uint8(0))[labels], np.uint8)


def has_color(rgb: GrayImage) -> bool:
    """Whether any part of the picture is colored; looked at on a quarter of its side, where single noisy
    pixels vanish.
    """
    small = downscale(rgb, 0.25)
    spread = small.max(axis=2).astype(np.int16) - small.min(axis=2)
    return bool((spread > MIN_COLOR_SPREAD).mean() > 2e-4)


def is_bilevel(gray: GrayImage) -> bool:
    """Whether practically all pixels are black or white."""
    return bool(np.count_nonzero(gray < 4) + np.count_nonzero(gray >= 252) >= MIN_BILEVEL_SHARE * gray.size)


def make_thumbnail(gray: GrayImage) -> bytes:
    """64 x 80 gray values, row by row."""
    small = downscale(gray, min(1.0, 4 * max(THUMBNAIL_SIZE_PX) / max(gray.shape)))
    return bytes(cv2.resize(small, THUMBNAIL_SIZE_PX, interpolation=cv2.INTER_AREA).tobytes())
