"""Separate a grayscale page into sharp ink and soft paper (mixed raster content, ITU-T T.44): three small
images that together show what one large image does.

`ink` shows in fine detail where strokes are, `tones` coarsely how dark they are, `paper` what is between and
under them: shading, smudges, and pencil too faint to stand out. The page is processed in bands of rows, so
that a large page takes little more memory than itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage

PixelArray = TypeVar("PixelArray", NDArray[np.uint8], NDArray[np.float32])
"""Gray values, uint8 or float32."""

MIN_FINE_DPI = 190.0
"""Resolution at which strokes in black and white look as they do in grayscale. Below it their edges keep the
shades in between.
"""
MAX_INK_SHADE = 3
"""Number of steps from no ink to ink at the edges of strokes of a coarse scan: the largest number of two
bits.
"""
PAPER_DPI = 100.0
"""Approximate resolution of the paper of a fine scan, which contains faint pencil and shading. A coarse scan
keeps its own.
"""
TONE_STEP = 17
"""Difference of gray values between two tones of ink: sixteen tones from 0 to 255."""
CELL_SIDE_PX = 8
"""Side, in pixels of the paper, of a cell whose ink has one tone: about a letter."""
GRAIN_FACTOR, CONTRAST_OFFSET, INK_CONTRAST_RANGE = 1.5, 12, (24, 48)
"""Gray values by which ink differs from paper: the paper's grain times the factor, plus the offset, within
the range.
"""
SOLID_INK_GRAY = 64
"""Gray value below which even a large area is ink; from there up it is a tone of the paper."""
FINE_DARKNESS_SHARE, COARSE_DARKNESS_SHARE = 0.45, 0.25
"""Share of the contrast nearby by which ink is darker than the lightest pixel nearby, in a fine scan and in a
coarse one, where thin black strokes are gray. What is lighter (the grid under a curve, a band under print,
the fringes of print in a JPEG) stays on the paper, so that it is not painted in the tone of its darker
neighbor.
"""
COARSE_STEP_PX = 4
"""Distance of the samples of the wider neighborhood."""
BAND_ROWS, BAND_MARGIN_ROWS = 480, 24
"""Rows processed together, and rows around them that neighborhoods extend into, per pixel of the page in one
of the paper.
"""
MIN_PAPER_WEIGHT = 16
"""Share of a paper pixel (of 255) that must be visible next to the ink for its tone to be known."""
MAX_FAINT_CONTRAST, FAINT_WINDOW_CELLS = 80, 13
"""Contrast of ink with its paper up to which it is faint, and the cells (an inch) in which faint ink is
measured.
"""
KERNEL_3, KERNEL_5, KERNEL_9 = (np.ones((side, side), np.uint8) for side in (3, 5, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLayers:
    """The layers of a page.

    Attributes:
        ink: Rows of packed pixels of `ink_bits` each, at the page's resolution. The largest number is ink, 0
            is none.
        ink_bits: 1 or 2.
        paper: Gray values, at the page's resolution or coarser.
        tones: Gray value of the ink in each cell of the paper.
        ink_share: Share of ink in each cell, 0 to 255.
    """

    ink: NDArray[np.uint8]
    ink_bits: int
    paper: GrayImage
    tones: GrayImage
    ink_share: GrayImage


def separate_layers(gray: GrayImage, dpi: float) -> PageLayers:
    """Separate a page into layers.

    Args:
        gray: Shape (height, width).
        dpi: Resolution of the page.
    """
    is_fine = dpi >= MIN_FINE_DPI
    reduction = round(dpi / PAPER_DPI) if is_fine else 1
    step = max(1, BAND_ROWS // (COARSE_STEP_PX * reduction)) * COARSE_STEP_PX * reduction
    contrast, darkness = min_ink_contrast(gray), FINE_DARKNESS_SHARE if is_fine else COARSE_DARKNESS_SHARE
    bits: list[NDArray[np.uint8]] = []
    parts: list[tuple[GrayImage, ...]] = []
    for top in range(0, len(gray), step):
        above = min(top, BAND_MARGIN_ROWS * reduction)
        band = gray[top - above : top + step + BAND_MARGIN_ROWS * reduction]
        band_rows = slice(above, above + min(step, len(gray) - top))
        threshold, darkest = ink_thresholds(band, contrast, darkness, reduction)
        ink = np.asarray(cv2.compare(band, threshold, cv2.CMP_LT), np.uint8)
        clear_weights = clear_paper_mask(ink)
        masked = cv2.min(band, clear_weights), clear_weights, cv2.min(darkest, ink), ink
        parts.append(tuple(block_means(np.asarray(each, np.uint8)[band_rows], reduction) for each in masked))
        bits.append(np.packbits(ink[band_rows], axis=1))
    light_sums, clear_weights, dark_sums, ink = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    cells = -(-ink.shape[1] // CELL_SIDE_PX), -(-ink.shape[0] // CELL_SIDE_PX)
    coarse = (block_means(each, COARSE_STEP_PX).astype(np.float32) for each in (dark_sums, ink))
    sums, inked = (
        np.asarray(cv2.resize(each, cells, interpolation=cv2.INTER_AREA), np.float32) for each in coarse
    )
    paper, tones = fill_gaps(light_sums, clear_weights, MIN_PAPER_WEIGHT), fill_gaps(sums, inked, 1)
    if not is_fine:
        tones = np.minimum(
            tones, darkest_per_cell(np.asarray(cv2.max(dark_sums, cv2.bitwise_not(ink)), np.uint8), cells)
        )
    tones = np.asarray(np.rint(tones / TONE_STEP) * TONE_STEP, np.uint8)
    return PageLayers(
        ink=np.concatenate(bits) if is_fine else ink_shades(gray, clear_weights, paper, tones),
        ink_bits=1 if is_fine else 2,
        paper=paper,
        tones=tones,
        ink_share=np.asarray(inked, np.uint8),
    )


def ink_shades(gray: GrayImage, clear: GrayImage, paper: GrayImage, tones: GrayImage) -> NDArray[np.uint8]:
    """Return how much of each pixel is ink, in MAX_INK_SHADE steps, so that its tone over the paper results
    in the scan's gray; four pixels per byte.
    """
    height, width = gray.shape
    tone = cv2.resize(tones, (width, height), interpolation=cv2.INTER_NEAREST)
    ink_steps = cv2.divide(
        cv2.subtract(paper, gray), cv2.subtract(paper, tone), scale=MAX_INK_SHADE, dtype=cv2.CV_8U
    )
    padded = np.zeros((height, -(-width // 4) * 4), np.uint8)
    padded[:, :width] = cv2.bitwise_and(np.minimum(ink_steps, MAX_INK_SHADE), cv2.bitwise_not(clear))
    packed = padded[:, ::4] << 6 | padded[:, 1::4] << 4 | padded[:, 2::4] << 2 | padded[:, 3::4]
    return np.asarray(packed, np.uint8)


def max_faint_ink_share(page: PageLayers) -> float:
    """Return the largest share of faint ink in a square inch of the page: the texture of a photograph, rather
    than strokes on paper.
    """
    faint_share = np.where(
        cv2.subtract(block_means(page.paper, CELL_SIDE_PX), page.tones) < MAX_FAINT_CONTRAST,
        page.ink_share,
        0,
    ).astype(np.float32)
    return float(
        cv2.blur(faint_share, (FAINT_WINDOW_CELLS, FAINT_WINDOW_CELLS), borderType=cv2.BORDER_CONSTANT).max()
        / 255
    )


def min_ink_contrast(gray: GrayImage) -> int:
    """Return the gray values by which a mark must differ from paper of this grain, estimated from an eighth
    of the rows.
    """
    row_count = len(gray) // 40 * 40
    strips = gray[:row_count].reshape(-1, 40, gray.shape[1])[:, 16:21] if row_count else gray
    rows = np.ascontiguousarray(strips).reshape(-1, gray.shape[1])
    spread = cv2.subtract(cv2.dilate(rows, KERNEL_5), cv2.erode(rows, KERNEL_5))
    grain = float(np.median(spread[min(2, len(rows) - 1) :: 5, ::5]))
    return round(
        min(INK_CONTRAST_RANGE[1], max(INK_CONTRAST_RANGE[0], GRAIN_FACTOR * grain + CONTRAST_OFFSET))
    )


def ink_thresholds(
    band: GrayImage, contrast: int, darkness: float, reduction: int
) -> tuple[GrayImage, GrayImage]:
    """Return the gray value below which each pixel is ink, and the darkest value next to each pixel.

    At an edge the threshold is half-way between the middle of the two sides and the mean of the pixels
    around, which keeps thin strokes among thick ones and gaps among strokes. Inside a stroke it is half-way
    between the stroke and the paper further away. If nothing differs by `contrast`, it is SOLID_INK_GRAY.

    Args:
        band: Rows of the page.
        contrast: See `min_ink_contrast`.
        darkness: See COARSE_DARKNESS_SHARE.
        reduction: Pixels of the page in one of the paper, in each direction.
    """
    dark, light = cv2.erode(band, KERNEL_3), cv2.dilate(band, KERNEL_3)
    darkest, lightest = cv2.erode(dark, KERNEL_3), cv2.dilate(light, KERNEL_3)
    far_dark = cv2.erode(np.ascontiguousarray(darkest[::COARSE_STEP_PX, ::COARSE_STEP_PX]), KERNEL_3)
    far_light = cv2.dilate(np.ascontiguousarray(lightest[::COARSE_STEP_PX, ::COARSE_STEP_PX]), KERNEL_3)
    inside = np.asarray(cv2.addWeighted(far_light, 0.5, far_dark, 0.5, 0), np.uint8)
    inside[cv2.subtract(far_light, far_dark) < contrast] = SOLID_INK_GRAY
    cell = np.ones((2 * CELL_SIDE_PX * reduction // COARSE_STEP_PX + 1,) * 2, np.uint8)
    shade = cv2.addWeighted(far_light, 1 - darkness, cv2.erode(far_dark, cell), darkness, 0)
    size = band.shape[1], band.shape[0]
    threshold = resize_linear(inside, size)
    middle = cv2.addWeighted(lightest, 0.5, darkest, 0.5, 0)
    edge = cv2.min(
        cv2.addWeighted(middle, 0.5, cv2.blur(band, KERNEL_5.shape), 0.5, 0),
        resize_linear(np.asarray(shade, np.uint8), size),
    )
    cv2.copyTo(edge, cv2.inRange(cv2.subtract(lightest, darkest), contrast, 255), threshold)
    return threshold, np.asarray(dark, np.uint8)


def clear_paper_mask(ink: GrayImage) -> GrayImage:
    """Return where paper is clearly visible (255): not next to ink, whose soft edges are not paper, except a
    light speck surrounded by ink.
    """
    clear = cv2.bitwise_not(cv2.dilate(ink, KERNEL_3))
    specks = cv2.bitwise_not(cv2.max(ink, cv2.dilate(clear, KERNEL_9)))
    return np.asarray(cv2.max(clear, specks), np.uint8)


def resize_linear(pixels: GrayImage, size: tuple[int, int]) -> GrayImage:
    """Return the image in another size (width, height), by linear interpolation."""
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def block_means(pixels: PixelArray, reduction: int) -> PixelArray:
    """Return the means of squares of `reduction` pixels a side. Incomplete squares at the right and lower
    edge count too.
    """
    if reduction == 1:
        return pixels
    bottom, right = -pixels.shape[0] % reduction, -pixels.shape[1] % reduction
    padded = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    size = padded.shape[1] // reduction, padded.shape[0] // reduction
    return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), pixels.dtype)


def darkest_per_cell(pixels: GrayImage, cells: tuple[int, int]) -> GrayImage:
    """Return the darkest value in each cell.

    Args:
        pixels: Gray values, shape (height, width).
        cells: Number of cells across and down.
    """
    padded = np.full((cells[1] * CELL_SIDE_PX, cells[0] * CELL_SIDE_PX), 255, np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    rows = padded.reshape(cells[1], CELL_SIDE_PX, -1).min(axis=1)
    return np.asarray(rows.reshape(cells[1], cells[0], CELL_SIDE_PX).min(axis=2), np.uint8)


def fill_gaps(sums: PixelArray, weights: PixelArray, min_weight: int) -> GrayImage:
    """Return the mean of what counts in a pixel if its weight is at least `min_weight`, else what is nearby;
    white if nothing is.

    Args:
        sums: Weighted gray values.
        weights: Weight of each pixel, 0 to 255, same shape.
        min_weight: Smallest weight at which the pixel's own mean is used.
    """
    size = sums.shape[1], sums.shape[0]
    nearby = np.full(sums.shape, 255, np.uint8)
    if min(size) > 1:
        nearby = resize_linear(fill_gaps(block_means(sums, 2), block_means(weights, 2), min_weight), size)
    means = np.asarray(cv2.divide(sums, weights, scale=255.0, dtype=cv2.CV_8U), np.uint8)
    cv2.copyTo(means, cv2.inRange(weights, min_weight, 255), nearby)
    return nearby
