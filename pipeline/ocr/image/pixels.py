"""Load page images as arrays, scale them, and label their connected components.

Images are uint8 arrays with rows first; 0 is black (ink) and 255 is white (paper). Cleanup for recognition
works on copies and never changes the original.
"""

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
"""Grayscale image: uint8, shape (height, width), 0 (black) to 255 (white). Masks have the same type: 255
where set, else 0.
"""

cv2.setNumThreads(1)  # a worker is one process of many: threads would only take turns
Image.MAX_IMAGE_PIXELS = None  # intake refuses pages that are too large before they come here

THUMBNAIL_SIZE_PX = (64, 80)
"""Width and height of `OcrPage.thumbnail`."""
MIN_BILEVEL_SHARE = 0.995
"""An image is bilevel if this share of its pixels is within four gray values of black or white."""
DEFAULT_LETTER_SIZE_PX = 20.0
"""Letter size assumed for a page on which no letters were found."""
MIN_COLOR_SPREAD = 24
"""Difference between a pixel's largest and smallest channel at which the pixel counts as colored. JPEG noise
stays below.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageImage:
    """A page as scanned.

    Attributes:
        gray: Shape (height, width).
        color: RGB, shape (height, width, 3); None if the page has no color.
        bilevel: The page has only black and white pixels.
    """

    gray: GrayImage
    color: GrayImage | None
    bilevel: bool

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.gray.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.gray.shape[0])


def load_page_image(path: Path) -> PageImage:
    """Load an image file.

    Raises:
        InvalidInput: The image cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return page_image_from_pil(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(
            f"The image of a page cannot be decoded ({error}).", code="unreadable_image"
        ) from error


def page_image_from_pil(image: Image.Image) -> PageImage:
    """Convert a decoded image. Transparency becomes white paper; 16-bit grayscale is reduced to 8 bits."""
    if image.mode == "1":
        gray = np.asarray(image.convert("L"))
        return PageImage(gray=gray, color=None, bilevel=True)
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float32)
        max_value = 65535.0 if values.max(initial=0) > 255 else 255.0
        image = Image.fromarray((values * (255.0 / max_value)).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white_page = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(white_page, layer).convert("RGB")
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
    """Resize an image, by area averaging if it shrinks and by cubic interpolation if it grows.

    Args:
        pixels: Shape (height, width) or (height, width, 3).
        factor: Scale factor of each side. At least one pixel remains in each direction.
    """
    if factor == 1:
        return pixels
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)


def downscale(pixels: GrayImage, factor: float) -> GrayImage:
    """Downscale an image for measurements (not for display): halve it while possible, then interpolate
    linearly.

    OpenCV averages whole squares of pixels ten times as fast as fractions of them (1 ms instead of 12 on a
    fax page). An odd last row or column is dropped.

    Args:
        pixels: Shape (height, width) or (height, width, 3).
        factor: Scale factor of each side, at most 1.
    """
    while factor <= 0.5 and min(pixels.shape[:2]) >= 2:
        height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
        pixels = np.asarray(
            cv2.resize(pixels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
        factor *= 2
    if factor >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def connected_components(
    mask: NDArray[Any], connectivity: int = 8
) -> tuple[int, NDArray[Any], NDArray[np.int32], NDArray[np.float64]]:
    """Label the connected components of a mask.

    Labels have 16 bits if that is enough: the same components in the same order for half of the memory and
    CPU time.

    Args:
        mask: Shape (height, width); nonzero pixels are labeled.
        connectivity: 4 or 8 neighbors.

    Returns:
        The number of labels including the background (0); the label of each pixel, shape (height, width); x,
        y, width, height and area of each label, shape (labels, 5); the centroids (x, y), shape (labels,
        2).
    """
    try:
        result = cv2.connectedComponentsWithStats(mask, connectivity=connectivity, ltype=cv2.CV_16U)
    except cv2.error:  # more than 65,534 components
        result = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    count, labels, stats, centroids = result
    return count, labels, np.asarray(stats, np.int32), np.asarray(centroids, np.float64)


def is_along_edge(
    stats: NDArray[np.int32], shape: tuple[int, ...], margin_shares: tuple[float, float]
) -> NDArray[np.bool_]:
    """Return which components are completely within the page's margins: the scanner's border, a punch hole, a
    staple.

    Args:
        stats: x, y, width, height and area of each component, shape (components, 5).
        shape: Height and width of the page.
        margin_shares: Width of the margins as shares of the page's width and height.

    Returns:
        Shape (components,).
    """
    x, y, width, height, _ = stats.T
    margin_x, margin_y = margin_shares[0] * shape[1], margin_shares[1] * shape[0]
    return np.asarray(
        (x + width <= margin_x)
        | (x >= shape[1] - margin_x)
        | (y + height <= margin_y)
        | (y >= shape[0] - margin_y),
        np.bool_,
    )


def multiplication_table(factor: float) -> GrayImage:
    """Return a table for cv2.LUT that multiplies gray values by a factor and clips at white. A table needs no
    float per pixel.
    """
    return np.asarray(np.clip(np.arange(256) * factor, 0, 255), np.uint8)


def paint_components(labels: NDArray[Any], is_chosen: NDArray[np.bool_]) -> GrayImage:
    """Return a mask that is 255 on the pixels of the chosen components and 0 elsewhere.

    Args:
        labels: Labels from `connected_components`, shape (height, width).
        is_chosen: One flag per label, background first.
    """
    if labels.dtype == np.uint16:  # numpy takes three times as long
        table = np.zeros(1 << 16, np.uint8)
        table[: len(is_chosen)][is_chosen] = 255
        return np.asarray(cv2.LUT(labels, table), np.uint8)
    return np.asarray(np.where(is_chosen, np.uint8(255), np.uint8(0))[labels], np.uint8)


def has_color(rgb: GrayImage) -> bool:
    """Return whether any part of an RGB image is colored. The image is checked at a quarter of its side
    length, where single noisy pixels vanish.
    """
    small = downscale(rgb, 0.25)
    spread = small.max(axis=2).astype(np.int16) - small.min(axis=2)
    return bool((spread > MIN_COLOR_SPREAD).mean() > 2e-4)


def is_bilevel(gray: GrayImage) -> bool:
    """Return whether practically all pixels are black or white."""
    return bool(np.count_nonzero(gray < 4) + np.count_nonzero(gray >= 252) >= MIN_BILEVEL_SHARE * gray.size)


def make_thumbnail(gray: GrayImage) -> bytes:
    """Return 64 x 80 gray values, row by row."""
    small = downscale(gray, min(1.0, 4 * max(THUMBNAIL_SIZE_PX) / max(gray.shape)))
    return bytes(cv2.resize(small, THUMBNAIL_SIZE_PX, interpolation=cv2.INTER_AREA).tobytes())
